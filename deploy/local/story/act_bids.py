"""Chapters 3 and 4: sealed deposits, the opening by k of n officers, the award and its letters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from deploy.local.story.cast import Company, Person
from deploy.local.story.client import Api, eventually, require
from deploy.local.story.report import NotApplicable, Proof
from deploy.local.story.scene import Json, Scene
from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import Content, PlainFile, ShareRequest, open_shares, seal_bid, sealed_size
from services.bids.sealing.receipt import Receipt, verify_receipt

__all__ = ["award", "deposit", "deposit_late", "open_bids", "open_early", "read_letters", "replace", "sign_early"]

BIDS = "/bids/v1"
LEGAL_ITEMS = ("depositor", "buyer", "title", "received_at", "documents")
"""Order of 22 March 2019 ECOM1831552A, annex 8 of the public procurement code."""
ESSENTIAL = {
    "nature": "Marché",
    "ccag": "Pas de CCAG",
    "techniques": ["Sans objet"],
    "execution": ["Sans objet"],
    "price_types": ["Définitif ferme"],
    "price_form": "Forfaitaire",
    "innovative": False,
    "advance": False,
    "grouping": "Pas de groupement",
    "subcontracting": False,
    "social": ["Pas de considération sociale"],
    "environmental": ["Pas de considération environnementale"],
}


async def deposit(scene: Scene) -> Proof:
    """Three companies seal their bids with their own tool and deposit them; each gets its receipt at once."""
    await eventually(partial(_consultation, scene), "the consultation")
    for number, company in enumerate(scene.bidders):
        scene.receipts[company.organisation] = await _deposit(scene, company, f"{100 - 7 * number} %")
    first = next(iter(scene.receipts.values()))
    await _unread_before_opening(scene, first)
    return {
        "receipts": [receipt["sha256"] for receipt in scene.receipts.values()],
        "received_at": first["statement"]["received_at"],
        "legal_items": list(LEGAL_ITEMS),
        "timestamp": "RFC 3161, verified offline with the bidder's tool",
        "sealed_by": first["statement"]["sealed_by"],
        "buyer_sees": "nothing before the opening",
    }


async def _consultation(scene: Scene) -> Json | None:
    path = f"{BIDS}/consultations/{scene.procedure}"
    answer = await scene.stage.anonymous.attempt("GET", path)
    return answer.json if answer.status == 200 else None


async def _deposit(scene: Scene, company: Company, offer: str) -> Json:
    api = scene.company(company.organisation).api
    consultation = await api.get(f"{BIDS}/consultations/{scene.procedure}")
    keys = OpeningKeySet.model_validate(consultation["opening"])
    require(
        keys.fingerprint == scene.notice["opening"]["fingerprint"], "the key set is not the one of the published notice"
    )
    contents = [
        Content("application", tuple(scene.lots), (_paper(company, scene, "candidature"),)),
        Content("offer", tuple(scene.lots), (_paper(company, scene, f"offre : {offer}"),)),
    ]
    wanted = {"envelopes": [_announced(each) for each in contents], "depositor_name": company.name}
    bid = await api.post(f"{BIDS}/consultations/{scene.procedure}/bids", wanted)
    sealed = seal_bid(UUID(scene.procedure), UUID(bid["bid_id"]), keys, contents)
    for number, ciphertext in enumerate(sealed.ciphertexts, 1):
        path = f"{BIDS}/bids/{bid['bid_id']}/files/{number}/uploads"
        await _upload(api, path, ciphertext)
    envelopes = [each.model_dump(mode="json") for each in sealed.envelopes]
    receipt = await api.post(f"{BIDS}/bids/{bid['bid_id']}/deposit", {"envelopes": envelopes})
    if receipt["timestamp"] == "pending":  # the authority took longer than a depositor is kept waiting
        receipt = await eventually(partial(_stamped, api, bid["bid_id"]), "the time stamp of the receipt")
    _check_receipt(scene, company, receipt)
    return dict(receipt)


async def _upload(api: Api, path: str, ciphertext: bytes) -> None:
    """Upload in two pieces, as after an interruption (tus 1.0.0): the first with the creation, the rest from its offset."""
    half = len(ciphertext) // 2
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(ciphertext))}
    kind = "application/offset+octet-stream"
    made = await api.call("POST", path, expect=201, data=ciphertext[:half], content_type=kind, more=tus)
    address, reached = urlsplit(made.headers["Location"]).path, made.headers["Upload-Offset"]
    rest = {"Tus-Resumable": "1.0.0", "Upload-Offset": reached}
    await api.call("PATCH", address, expect=204, data=ciphertext[int(reached) :], content_type=kind, more=rest)


async def _stamped(api: Api, bid: str) -> Json | None:
    receipt = await api.get(f"{BIDS}/bids/{bid}/receipt")
    return receipt if receipt["timestamp"] == "stamped" else None


def _announced(content: Content) -> Json:
    files = [
        {"name": f"{content.kind}-{number}.sealed", "size": sealed_size(len(file.content))}
        for number, file in enumerate(content.files, 1)
    ]
    return {"kind": content.kind, "lots": list(content.lots), "files": files}


def _paper(company: Company, scene: Scene, kind: str) -> PlainFile:
    text = f"{company.name}\n{kind}\n{scene.notice['title']}\n"
    return PlainFile(f"{kind.split(' ', maxsplit=1)[0]}.txt", "text/plain", text.encode())


def _check_receipt(scene: Scene, company: Company, receipt: Json) -> None:
    statement = receipt["statement"]
    require(all(statement[item] for item in LEGAL_ITEMS), "the receipt misses a legal item")
    require(statement["depositor"]["organisation"] == company.organisation, "the receipt names another depositor")
    require(receipt["timestamp"] == "stamped", "the receipt is not time-stamped")
    verify_receipt(Receipt.model_validate(receipt), [scene.stage.authority.root])


async def _unread_before_opening(scene: Scene, receipt: Json) -> None:
    """Neither the buyer nor anybody else can tell that somebody deposited (R2132-9 CCP)."""
    bid = receipt["statement"]["bid_id"]
    for reader in (scene.officials.secretary.api, scene.stage.anonymous):
        answer = await reader.attempt("GET", f"{BIDS}/bids/{bid}")
        require(answer.status in {401, 403, 404}, f"a bid was readable before the opening: {answer.status}")
    timeline = await _timeline_types(scene, scene.officials.secretary)
    require("bids.bid.deposited.v1" not in timeline, "the buyer learnt of a deposit before the opening")


async def _timeline_types(scene: Scene, reader: Person) -> set[str]:
    page = await reader.api.get(f"/notices/v1/procedures/{scene.procedure}/timeline")
    return {item["type"] for item in page["items"]}


async def replace(scene: Scene) -> Proof:
    """One company replaces its bid: the last one completed in time counts, the first stays sealed (R2151-6)."""
    company = scene.bidders[1]
    before = scene.receipts[company.organisation]["statement"]["bid_id"]
    receipt = await _deposit(scene, company, "88 %")
    scene.receipts[company.organisation] = receipt
    require(receipt["statement"]["replaces"] == before, "the receipt does not say which bid it replaces")
    return {"company": company.name, "replaced": before, "counts": receipt["statement"]["bid_id"]}


async def open_early(scene: Scene) -> Proof:
    """Before the deadline nobody can open, not even all officers together."""
    return {"refused": await scene.officials.secretary.api.refused(_openings(scene), {})}


def _openings(scene: Scene) -> str:
    return f"{BIDS}/consultations/{scene.procedure}/openings"


async def deposit_late(scene: Scene) -> Proof:
    """A fourth company arrives after the deadline: its bid is received, kept, and marked."""
    deadline = datetime.fromisoformat(scene.notice["deadline"])
    await scene.stage.jump_to(deadline + timedelta(minutes=5), "past the deadline")
    receipt = await _deposit(scene, scene.late_bidder, "70 %")
    path = f"{BIDS}/bids/{receipt['statement']['bid_id']}"
    bid = await scene.company(scene.late_bidder.organisation).api.get(path)
    require(bid["standing"] == "late", f"the late bid is {bid['standing']}")
    return {"company": scene.late_bidder.name, "received_at": receipt["statement"]["received_at"], "standing": "late"}


async def open_bids(scene: Scene) -> Proof:
    """Applications, then offers: k-1 officers fail, k succeed; what is opened is what was deposited."""
    refused = await scene.officials.secretary.api.refused(_openings(scene), {"stage": "offers"})
    applications = await _open_stage(scene, "applications")
    scene.opening = await _open_stage(scene, "offers")
    report = scene.opening["report"]
    scene.bids = {bid["bid"]: bid["depositor"] for bid in report["opened"]}
    expected = {receipt["statement"]["bid_id"] for receipt in scene.receipts.values()}
    require(set(scene.bids) == expected, "other bids were opened than those that count")
    for stage in (applications["report"], report):
        require(len(stage["superseded"]) == 1, "the replaced bid is not reported as superseded")
        require(len(stage["late"]) == 1, "the late bid is not reported as late")
    await _same_content(scene, f"{BIDS}/openings/{applications['opening_id']}")
    return {
        "offers_before_applications": refused,
        "refused_with_too_few": applications["refused"],
        "officers": [each["officer"] for each in report["officers"]],
        "opened": len(scene.bids),
        "superseded": 1,
        "late": 1,
        "report_sha256": scene.opening["report_sha256"],
        "stamped_at": scene.opening["stamped_at"],
    }


async def _open_stage(scene: Scene, stage: str) -> Json:
    """Open a stage with k officers; give the completed opening, and how k-1 officers were refused."""
    api = scene.officials.secretary.api
    opening = await api.post(_openings(scene), {"stage": stage})
    path = f"{BIDS}/openings/{opening['opening_id']}"
    officers = list(scene.keys)[: scene.script.threshold]
    for officer in officers[:-1]:
        await _present(scene, path, officer)
    refused = await api.refused(f"{path}/completion")
    await _present(scene, path, officers[-1])
    await api.post(f"{path}/completion", expect=202)
    completed = await eventually(partial(_completed, scene, path), f"the opening of the {stage}")
    return completed | {"refused": refused}


async def _completed(scene: Scene, path: str) -> Json | None:
    opening = await scene.officials.secretary.api.get(path)
    return opening if opening["state"] == "completed" else None


async def _present(scene: Scene, path: str, officer: str) -> None:
    """What an officer does with the tool: check the proof that the deadline passed, open the shares, hand them in."""
    api = scene.officials.secretary.api
    request = ShareRequest.model_validate(await api.get(f"{path}/shares", {"officer": officer}))
    deadline = datetime.fromisoformat(scene.notice["deadline"])
    opened = open_shares(
        request,
        scene.keys[officer],
        [scene.stage.authority.root],
        not_before=deadline,
        fingerprint=scene.notice["opening"]["fingerprint"],
    )
    await api.post(f"{path}/shares", opened.model_dump(mode="json"))


async def _same_content(scene: Scene, path: str) -> None:
    bid, organisation = next(iter(scene.bids.items()))
    company = next(each for each in scene.bidders if each.organisation == organisation)
    file = await scene.officials.secretary.api.call("GET", f"{path}/bids/{bid}/files/1", expect=200)
    sent = _paper(company, scene, "candidature").content
    require(
        hashlib.sha256(file.body).digest() == hashlib.sha256(sent).digest(), "an opened file is not what was sealed"
    )


async def award(scene: Scene) -> Proof:
    """Each lot is awarded; what the essential data still miss is asked of the buyer, and blocks until given."""
    missing = await _refused_when_incomplete(scene)
    for number, lot in enumerate(scene.notice["lots"], 1):
        decision = _decision(scene, lot, number, ESSENTIAL) | {"committee": await _committee(scene)}
        path = f"{BIDS}/consultations/{scene.procedure}/lots/{lot['lot_id']}/award"
        scene.awards.append(await scene.officials.secretary.api.post(path, decision))
    first = scene.awards[0]
    require((first["standstill_until"] is not None) == scene.formal, "the standstill does not follow the procedure")
    return {
        "blocked_until_given": missing,
        "winners": sorted({award["winner_name"] for award in scene.awards}),
        "lots": len(scene.awards),
        "letters": sum(len(award["letters"]) for award in scene.awards),
        "standstill_until": first["standstill_until"],
        "standstill_reason": first["standstill_reason"],
    }


async def _refused_when_incomplete(scene: Scene) -> str:
    lot = scene.notice["lots"][0]
    partial_data = {name: value for name, value in ESSENTIAL.items() if name not in {"ccag", "price_form"}}
    path = f"{BIDS}/consultations/{scene.procedure}/lots/{lot['lot_id']}/award"
    reason = await scene.officials.secretary.api.refused(path, _decision(scene, lot, 1, partial_data), status=422)
    require("CCAG" in reason, "the refusal does not name the missing item")
    return reason


def _decision(scene: Scene, lot: Json, number: int, essential: Mapping[str, Any]) -> Json:
    """Lots go to the bidders in turn, so that several win where there are several lots."""
    bids = list(scene.bids)
    ranked = bids[(number - 1) % len(bids) :] + bids[: (number - 1) % len(bids)]
    return {
        "bid_id": ranked[0],
        "value": _value(scene, lot),
        "contract_number": f"{scene.procedure[:8].upper()}-{number:03d}",
        "evaluations": [_evaluation(bid, rank) for rank, bid in enumerate(ranked, 1)],
        "essential": dict(essential),
        "duration_months": lot["duration_months"] or 12,
        "place": _place(scene, lot),
    }


async def _committee(scene: Scene) -> Json | None:
    """The tender committee that chose, where the law asks it (L1414-2 CGCT)."""
    if not scene.formal:
        return None
    present = ["président", *(f"membre titulaire {number}" for number in range(1, 5))]
    return {
        "met_at": (await scene.stage.now()).isoformat(),
        "voting_members": 6,
        "present": present,
        "in_favour": len(present),
    }


def _place(scene: Scene, lot: Json) -> Json | None:
    """What the buyer answers when the notice tells no French place: the country (DECP, `Code pays`)."""
    places = [*lot["places"], *scene.notice["places"]]
    if scene.notice["departments"] or any(place["postal_code"] or place["department"] for place in places):
        return None
    country = places[0]["country"] if places else "FRA"
    return {"code": country, "kind": "Code pays"}


def _value(scene: Scene, lot: Json) -> Json:
    """The price of the winner: what the notice estimates, or, where it says nothing, a round sum of the story."""
    estimate = lot["value"] or (scene.notice["value"] if len(scene.notice["lots"]) == 1 else None)
    return {"amount": estimate["amount"], "currency": estimate["currency"]} if estimate else {"amount": "50000.00"}


def _evaluation(bid: str, rank: int) -> Json:
    return {
        "bid_id": bid,
        "criteria": [
            {"name": "Prix", "score": f"{60 - 4 * rank}", "out_of": "60"},
            {"name": "Valeur technique", "score": f"{40 - 3 * rank}", "out_of": "40"},
        ],
        "total": f"{100 - 7 * rank}",
        "rank": rank,
        "reasons": "Offre la mieux classée." if rank == 1 else "Prix plus élevé et délais moins détaillés.",
    }


async def read_letters(scene: Scene) -> Proof:
    """Winner and losers are told at once: a mail says a letter waits, the letter gives the reasons, its reading is kept."""
    read: dict[str, str] = {}
    for company in scene.bidders:
        api = scene.company(company.organisation).api
        page = await api.get(f"{BIDS}/letters", {"procedure": scene.procedure})
        decided = [each for each in page["items"] if each["kind"] in {"award", "rejection"}]
        require(len(decided) == len(scene.lots), f"{company.name} has {len(decided)} letters")
        letter = await api.get(f"{BIDS}/letters/{decided[0]['letter_id']}")
        require(bool(letter["paragraphs"] and letter["first_read_at"]), "a letter is empty or its reading was not kept")
        read[company.name] = letter["kind"]
        await eventually(partial(_mail_of_letter, scene, company.email), f"the mail to {company.name}")
    require(set(read.values()) <= {"award", "rejection"}, f"unexpected letters: {read}")
    return {"letters": read, "mails": "one for each letter, without its content"}


async def _mail_of_letter(scene: Scene, email: str) -> bool:
    wanted = scene.notice["title"]
    return any(
        mail.to == email and wanted not in mail.html and "/letters" in mail.text for mail in scene.stage.captures.mails
    )


async def sign_early(scene: Scene) -> Proof:
    """During the standstill the contract cannot be sent to signature."""
    if not scene.formal:
        raise NotApplicable(scene.awards[0]["standstill_reason"])
    contract = scene.awards[0]["contract_id"]
    api = scene.officials.secretary.api
    return {"refused": await api.refused(f"{BIDS}/contracts/{contract}/signature-request")}
