"""Which notices are played, and in which order the steps come."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from deploy.local.story import act_bids, act_contract, act_public, act_publish
from deploy.local.story.cast import COMPANIES, LATE_COMPANY, Person, log_in
from deploy.local.story.client import StoryError, require
from deploy.local.story.report import Proof
from deploy.local.story.scene import Json, Officials, Scene, Script, Stage

__all__ = ["built_in_scripts", "count", "play", "play_folder"]

BUILT_IN = Path(__file__).resolve().parents[1] / "notices"
OTHER_BUYER = "SIRET:90000006800012"
"""An invented buyer who has nothing to do with the procedures of the story."""
Act = Callable[[Scene], Awaitable[Proof]]

ACTS: tuple[tuple[str, str, str, Act], ...] = (
    ("1. The notice", "notices", "a notice is imported as a draft of its buyer", act_publish.import_notice),
    ("", "notices", "deadline, officers' keys and tender documents are set", act_publish.set_up_opening),
    ("", "alerts", "companies say where to write, one saves a search", act_publish.prepare_alerts),
    ("", "notices", "the notice is published, by its journals first", act_publish.publish),
    ("", "notices", "its numbers in the journals are public", act_publish.read_journals),
    ("", "notices", "search finds it", act_publish.find),
    ("2. The alerts", "alerts", "one mail to the company, one signed webhook to the partner", act_publish.hear),
    ("3. The bids", "bids", "three companies deposit sealed bids", act_bids.deposit),
    ("", "bids", "one replaces its bid", act_bids.replace),
    ("", "bids", "opening before the deadline fails", act_bids.open_early),
    ("", "bids", "a fourth arrives late, is kept and marked", act_bids.deposit_late),
    ("", "bids", "k-1 officers fail, k of n open", act_bids.open_bids),
    ("4. The award", "bids", "the award is decided", act_bids.award),
    ("", "alerts", "winner and losers are told at once", act_bids.read_letters),
    ("", "bids", "signing before the standstill ends fails", act_bids.sign_early),
    ("5. The signatures", "signature", "the buyer sets its circuit", act_contract.set_circuit),
    ("", "bids", "the winner signs with its own tool", act_contract.winner_signs),
    ("", "signature", "visa, signature; the PDF carries both and verifies", act_contract.buyer_signs),
    ("6. The State", "legality", "transmission to the legality control, acknowledged", act_contract.transmit),
    ("7. The notification", "bids", "the contract is notified, the winner acknowledges", act_contract.notify),
    ("", "notices", "the award notice is published", act_contract.award_notice),
    ("8. The open data", "opendata", "the essential data are public and valid", act_public.essential_data),
    ("", "opendata", "the OCDS releases are public and valid", act_public.ocds_release),
    ("9. In the open", "notices", "the timeline: the public part, the buyer's whole", act_public.read_timeline),
    ("", "notices", "a partner pulls the public events", act_public.follow_feed),
    ("", "platform", "one trace follows the winner's call through every service", act_public.follow_trace),
)


def built_in_scripts() -> list[Script]:
    """Give the notices of the built-in story: a formal open procedure, then a village's adapted one."""
    formal = next(BUILT_IN.glob("01-*.xml"))
    village = next(BUILT_IN.glob("02-*.xml"))
    return [
        Script("the intercommunality's open procedure", formal.read_bytes()),
        Script(
            "the village's adapted procedure",
            village.read_bytes(),
            21,
            ("maire",),
            1,
            ("Secrétaire de mairie", "Maire"),
        ),
    ]


async def play(stage: Stage, script: Script) -> None:
    """Play one notice from its import to the open data. Raises StoryError at the first step that fails."""
    checked = await _check(stage, script.xml)
    require(checked["status"] == "accepted", f"{script.name}: the notice is rejected: {checked['problems'][:3]}")
    stage.reporter.heading(f"{script.name}: {checked['title']}")
    scene = await _scene(stage, script, checked)
    for chapter, service, name, act in ACTS:
        if chapter:
            stage.reporter.say(f" {chapter}")
        await stage.reporter.step(name, service, lambda act=act: act(scene))  # type: ignore[misc]


async def _check(stage: Stage, xml: bytes) -> Json:
    answer = await stage.partner.api.call(
        "POST", "/notices/v1/notices/check", expect=200, data=xml, content_type="application/xml"
    )
    return dict(answer.json)


async def _scene(stage: Stage, script: Script, checked: Json) -> Scene:
    buyer = checked["buyers"][0]["organisation"]
    short = hashlib.sha256(buyer.encode()).hexdigest()[:12]

    async def official(function: str, organisation: str = buyer) -> Person:
        subject = f"{function}-{short}"
        return await log_in(
            stage.session, stage.base, subject=subject, name=function.title(), organisation=organisation, kind="buyer"
        )

    officials = Officials(
        await official("secretaire"), await official("directrice"), await official("representant"),
        await official("autre", OTHER_BUYER),
    )  # fmt: skip
    people = {
        company.organisation: await log_in(
            stage.session, stage.base, subject=company.subject, name=company.name,
            organisation=company.organisation, kind="company",
        )
        for company in (*COMPANIES, LATE_COMPANY)
    }  # fmt: skip
    return Scene(stage, script, officials, COMPANIES, LATE_COMPANY, people)


async def play_folder(stage: Stage, folder: Path) -> None:
    """Play the open procedures of a folder of eForms notices; import and count the others. Raises StoryError."""
    stage.reporter.say(
        "The notices' own deadlines are past: each is set anew, ahead of the sandbox's clock, before its publication."
    )
    others: list[tuple[Path, Json]] = []
    played = 0
    for path, xml in _notices(folder):
        checked = await _check(stage, xml)
        if _is_playable(checked):
            await _play_on(stage, Script(path.name, xml))
            played += 1
        else:
            others.append((path, checked))
    stage.reporter.heading("The other notices")
    await stage.reporter.step("imported and counted", "notices", lambda: count(stage, played, others))


def _is_playable(checked: Json) -> bool:
    """A contract notice (not a design contest, not a planning notice) of an open procedure."""
    contract_notice = checked["notice_type"] in {"cn-standard", "cn-social"}
    return checked["status"] == "accepted" and contract_notice and checked["procedure_type"] == "open"


def _notices(folder: Path) -> list[tuple[Path, bytes]]:
    return [(path, path.read_bytes()) for path in sorted(folder.rglob("*.xml"))]


async def _play_on(stage: Stage, script: Script) -> None:
    """Play a notice; its failure is told and counts, and the next notice is played all the same."""
    try:
        await play(stage, script)
    except StoryError as error:
        stage.reporter.fail(f"{script.name} stopped at: {error}")


async def count(stage: Stage, played: int, others: list[tuple[Path, Json]]) -> Proof:
    """Import what is not played, as far as it is accepted."""
    imported, rejected, known = 0, list[str](), list[str]()
    for path, checked in others:
        if checked["status"] != "accepted":
            rejected.append(path.name)
            continue
        buyer = checked["buyers"][0]["organisation"]
        person = await log_in(
            stage.session, stage.base, subject="import", name="Import", organisation=buyer, kind="buyer"
        )
        answer = await person.api.attempt(
            "POST", "/notices/v1/notices/import", data=path.read_bytes(), content_type="application/xml"
        )
        if answer.status == 409:
            known.append(path.name)
            continue
        if answer.status != 201:
            raise StoryError(f"{path.name}: accepted by the check, refused by the import: {answer.json}")
        imported += 1
    return {
        "played": played,
        "imported": imported,
        "already_known": known,
        "rejected": len(rejected),
        "rejected_files": rejected,
    }
