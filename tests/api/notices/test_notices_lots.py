"""The life of procedures and lots through the API: suspended, resumed, given up, unsuccessful, signed, notified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from libs.common.messages.base import Event
from libs.common.messages.bids import ContractSignedV1
from libs.common.testing.harness import Harness
from services.notices.service import procedures as service
from tests.api.notices.test_notices_api import Json, ask, h, published, version
from tests.unit.notices.notices_samples import (
    COMPANY,
    INTERCOMMUNALITY,
    KEYS,
    PROCEDURE,
    VILLAGE,
    award_decided,
    contract,
    contract_notified,
)

__all__ = ["h"]

E = TypeVar("E", bound=Event)

WHY = {"reason": "ins-fund", "explanation": "Les crédits n'ont pas été votés."}
NONE = {"reason": "no-rece", "explanation": "Aucune offre n'a été reçue."}


THREE: Json = {
    "title": "Construction d'une médiathèque",
    "buyer": {"name": "Communauté des Trois Vallées", "postal_code": "21000"},
    "nature": "works",
    "cpv": ["45212330"],
    "deadline": "2027-01-11T11:00:00Z",
    "documents_url": "https://marches.example/dce",
    "opening": KEYS,
    "lots": [{"lot_id": f"LOT-000{number}", "title": f"Lot {number}"} for number in (1, 2, 3)],
}


async def procedure(h: Harness, organisation: str | None = INTERCOMMUNALITY, which: object = PROCEDURE) -> Json:
    headers = h.headers(organisation) if organisation else {}
    return await ask(h, "GET", f"/procedures/{which}", status=200, headers=headers)


async def three_lots(h: Harness) -> Json:
    """Publish a notice of three lots."""
    headers = h.headers(INTERCOMMUNALITY)
    draft = await ask(h, "POST", "/notices", status=201, json=THREE, headers=headers)
    return await ask(
        h, "POST", f"/notices/{draft['notice_id']}/publication", status=201, headers=headers | version(draft)
    )


async def decide(h: Harness, path: str, body: Json, *, status: int = 201, **options: Any) -> Json:  # noqa: ANN401
    which = options.get("which", PROCEDURE)
    now = options.get("seen") or await procedure(h, which=which)
    headers = h.headers(options.get("buyer", INTERCOMMUNALITY)) | version(now)
    return await ask(h, "POST", f"/procedures/{which}/{path}", status=status, json=body, headers=headers)


def states(shown: Json) -> list[str]:
    return [lot["state"] for lot in shown["lots"]]


async def closed(h: Harness) -> Json:
    await published(h)
    h.clock.advance(timedelta(days=60))
    await service.close_due(h.runtime)
    return await procedure(h)


async def test_what_is_suspended_does_not_close_and_is_put_off_when_it_resumes(h: Harness) -> None:
    await published(h)
    before = await procedure(h)
    suspended = await decide(h, "suspension", {"reason": "review"})
    assert (suspended["state"], suspended["version"]) == ("suspended", before["version"] + 1)
    h.clock.advance(timedelta(days=60))
    await service.close_due(h.runtime)
    assert (await procedure(h, None))["state"] == "suspended"
    await decide(h, "resumption", {"deadline": before["deadline"]}, status=409)
    resumed = await decide(h, "resumption", {})
    assert (resumed["state"], resumed["deadline"]) == ("open", "2027-03-12T11:00:00Z")
    await h.settle()
    assert [each.data["reason"] for each in h.events("notices.procedure.suspended.v1")] == ["review"]
    [event] = h.events("notices.procedure.resumed.v1")
    assert event.data["deadline"] == "2027-03-12T11:00:00Z"
    told = await ask(h, "GET", f"/procedures/{PROCEDURE}/timeline", status=200)
    assert [each["summary"] for each in told["items"]][1:] == [
        "Consultation suspendue",
        "Consultation reprise ; nouvelle date limite : 12/03/2027 12:00 (heure de Paris)",
    ]


async def test_a_procedure_is_given_up_with_its_reason_and_everybody_is_told(h: Harness) -> None:
    await published(h)
    await decide(h, "abandonment", {"reason": "ins-fund"}, status=422)
    await decide(h, "abandonment", {"reason": "because", "explanation": "Sans objet désormais."}, status=422)
    given_up = await decide(h, "abandonment", WHY)
    assert (given_up["state"], set(states(given_up))) == ("abandoned", {"abandoned"})
    shown = await procedure(h, None)
    assert (shown["state"], shown["lots"][0]["explanation"]) == ("abandoned", WHY["explanation"])
    await h.settle()
    told = h.events("notices.lot.abandoned.v1")
    assert [each.data["lot_id"] for each in told] == [lot["lot_id"] for lot in shown["lots"]]
    assert [each.aggregateversion for each in told] == list(range(3, 3 + len(told)))
    h.clock.advance(timedelta(days=60))
    await service.close_due(h.runtime)
    assert (await procedure(h))["state"] == "abandoned"
    await decide(h, "abandonment", WHY, status=409)
    await decide(h, "suspension", {"reason": "buyer"}, status=409)


async def test_an_unsuccessful_lot_is_told_to_its_buyer_alone_until_a_notice_says_it(h: Harness) -> None:
    which = UUID((await three_lots(h))["procedure_id"])
    h.clock.advance(timedelta(days=60))
    declared = await decide(h, "lots/LOT-0001/failure", NONE, which=which)  # the timer did not run: it is closed first
    assert states(declared) == ["unsuccessful", "closed", "closed"]
    public = await procedure(h, None, which)
    assert (states(public)[0], public["lots"][0]["reason"], public["version"]) == ("closed", None, None)
    await decide(h, "lots/LOT-0001/failure", NONE, status=409, which=which)
    await decide(h, "lots/LOT-0099/failure", NONE, status=404, which=which)
    await decide(h, "lots/LOT-0002/abandonment", WHY, which=which)
    assert states(await procedure(h, None, which)) == ["closed", "abandoned", "closed"]
    await h.settle()
    [event] = h.events("notices.lot.failed.v1")
    assert (event.data["lot_id"], event.data["reason"]) == ("LOT-0001", "no-rece")
    timeline = await ask(h, "GET", f"/procedures/{which}/timeline", status=200)
    assert "infructueux" not in str(timeline)
    assert "LOT-0002 déclaré sans suite" in str(timeline)


async def test_a_lot_cannot_be_decided_before_the_deadline_nor_while_all_is_suspended(h: Harness) -> None:
    await published(h)
    await decide(h, "lots/LOT-0001/failure", NONE, status=409)
    await decide(h, "suspension", {"reason": "buyer", "explanation": "Document à corriger."})
    h.clock.advance(timedelta(days=60))
    await decide(h, "lots/LOT-0001/failure", NONE, status=409)


async def test_only_the_buyer_decides_and_only_on_what_it_has_read(h: Harness) -> None:
    seen = await closed(h)
    await decide(h, "suspension", {"reason": "buyer"}, status=403, seen=seen, buyer=VILLAGE)
    await decide(h, "suspension", {"reason": "buyer"}, status=412, seen={"version": 1})
    path = f"/procedures/{PROCEDURE}/suspension"
    await ask(h, "POST", path, status=428, json={"reason": "buyer"}, headers=h.headers(INTERCOMMUNALITY))
    company = h.headers(COMPANY, "company") | version(seen)
    await ask(h, "POST", path, status=403, json={"reason": "buyer"}, headers=company)
    unknown = f"/procedures/{UUID(int=5)}/suspension"
    await ask(h, "POST", unknown, status=404, json={"reason": "buyer"}, headers=h.headers(VILLAGE) | version(seen))
    assert (await procedure(h))["version"] == seen["version"]


def of(event: E, which: UUID) -> E:
    """Give an event of another procedure."""
    return event.model_copy(update={"procedure": which})


def signed(at: datetime) -> ContractSignedV1:
    return ContractSignedV1(
        aggregate_id=contract().contract_id, aggregate_version=2, organisation=INTERCOMMUNALITY, procedure=PROCEDURE,
        occurred_at=at, contract=contract(),
    )  # fmt: skip


async def test_a_lot_goes_from_award_to_signature_to_notification_and_the_others_their_own_way(h: Harness) -> None:
    which = UUID((await three_lots(h))["procedure_id"])
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(of(award_decided(at), which))
    assert (await procedure(h, which=which))["state"] == "awarded"
    await decide(h, "lots/LOT-0002/failure", NONE, which=which)
    await h.deliver(of(signed(at), which))
    assert (await procedure(h, which=which))["state"] == "signed"
    assert (await procedure(h, None, which))["state"] == "closed"
    await h.deliver(of(contract_notified(at), which))
    await h.settle()
    shown = await procedure(h, None, which)
    assert (shown["state"], states(shown)) == ("notified", ["notified", "unsuccessful", "closed"])
    [award] = [each for each in h.events("notices.notice.published.v1") if each.data["notice"]["kind"] == "award"]
    results = award.data["notice"]["results"]
    assert [(each["lot_id"], each["outcome"], each["reason"]) for each in results] == [
        ("LOT-0001", "awarded", None),
        ("LOT-0002", "unsuccessful", "no-rece"),
    ]
    assert [each["organisation"] for each in results[0]["winners"]] == [COMPANY]
    assert results[0]["contract_number"] == contract().number
    assert award.data["notice"]["value"]["amount"] == "455000.00"
