"""What the notices service tells of a procedure: suspended, resumed, lots given up or unsuccessful; bids obey."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from libs.common.messages.notices import (
    LotAbandonedV1,
    LotUnsuccessfulV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, DEADLINE, World, award_body, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"


def suspended(procedure: UUID, version: int) -> ProcedureSuspendedV1:
    return ProcedureSuspendedV1(
        aggregate_id=procedure, aggregate_version=version, organisation=BUYER, procedure=procedure, occurred_at=DEADLINE,
        reason="review",
    )  # fmt: skip


def resumed(procedure: UUID, version: int, deadline: datetime | None) -> ProcedureResumedV1:
    return ProcedureResumedV1(
        aggregate_id=procedure, aggregate_version=version, organisation=BUYER, procedure=procedure, occurred_at=DEADLINE,
        deadline=deadline,
    )  # fmt: skip


def abandoned(procedure: UUID, lot: str) -> LotAbandonedV1:
    return LotAbandonedV1(
        aggregate_id=procedure, aggregate_version=9, organisation=BUYER, procedure=procedure, occurred_at=DEADLINE,
        lot_id=lot, reason="ins-fund", explanation="Les crédits manquent.",
    )  # fmt: skip


def unsuccessful(procedure: UUID, lot: str) -> LotUnsuccessfulV1:
    return LotUnsuccessfulV1(
        aggregate_id=procedure, aggregate_version=9, organisation=BUYER, procedure=procedure, occurred_at=DEADLINE,
        lot_id=lot, reason="all-rej",
    )  # fmt: skip


async def state(w: World) -> str:
    return str((await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"])


async def test_a_suspended_procedure_takes_opens_and_awards_nothing_until_it_is_resumed(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    draft = await w.draft(BETA, [b"other"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"other"])
    await w.upload(BETA, draft["bid_id"], sealed)
    await w.h.deliver(suspended(w.procedure, 3))
    assert await state(w) == "suspended"
    for refused in (
        await w.draft(BETA, [b"third"], expect=409),
        await w.finish(BETA, draft["bid_id"], sealed, expect=409),
    ):
        assert (refused["type"].rpartition(":")[2], "suspendue" in refused["detail"]) == ("procedure-suspended", True)
    await w.close()
    await w.start_opening(expect=409)
    later = DEADLINE + timedelta(days=30)
    await w.h.deliver(resumed(w.procedure, 4, later))
    await w.h.deliver(suspended(w.procedure, 3))  # told again, late: it changes nothing
    assert await state(w) == "open"
    await w.finish(BETA, draft["bid_id"], sealed)
    refused = await w.start_opening(expect=409)
    assert "19 avril 2026 à 13:00:00" in refused["detail"]
    w.h.clock.set(later + timedelta(minutes=1))
    opening = await w.start_opening()
    await w.h.deliver(suspended(w.procedure, 5))
    shares = await w.opened_shares(opening["opening_id"], w.officers[0])
    await w.call("POST", f"/openings/{opening['opening_id']}/shares", BUYER, expect=409, json=shares)
    await w.call("POST", f"/openings/{opening['opening_id']}/completion", BUYER, expect=409)
    body = award_body(w.bids[ALPHA], [w.bids[ALPHA]])
    await w.call("POST", f"/consultations/{w.procedure}/lots/LOT-0001/award", BUYER, expect=409, json=body)


async def test_a_lot_given_up_takes_no_bid_and_no_award_the_others_do(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"], ("LOT-0001", "LOT-0002"))
    await w.h.deliver(abandoned(w.procedure, "LOT-0002"))
    await w.h.deliver(abandoned(w.procedure, "LOT-0002"))
    seen = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert (seen["state"], seen["ended_lots"]) == ("open", ["LOT-0002"])
    refused = await w.draft(BETA, [b"offer"], ("LOT-0002",), expect=409)
    assert refused["type"].endswith("lot-ended")
    await w.draft(BETA, [b"offer"], ("LOT-0001", "LOT-0002"))
    await w.open_all()
    body = award_body(w.bids[ALPHA], [w.bids[ALPHA]])
    await w.call("POST", f"/consultations/{w.procedure}/lots/LOT-0002/award", BUYER, expect=409, json=body)
    await w.h.deliver(unsuccessful(w.procedure, "LOT-0001"))
    await w.call("POST", f"/consultations/{w.procedure}/lots/LOT-0001/award", BUYER, expect=409, json=body)
    seen = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert seen["ended_lots"] == ["LOT-0002"], "that a lot is unsuccessful is not public yet"


async def test_what_is_told_before_the_notice_itself_is_kept(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    unknown = UUID(int=77)
    await w.h.deliver(suspended(unknown, 3))
    await w.h.deliver(abandoned(unknown, "LOT-0001"))
    await w.call("GET", f"/consultations/{unknown}", None, expect=404)


async def test_a_contract_of_a_lot_given_up_is_not_sent_to_signature(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    await w.open_all()
    body = award_body(w.bids[ALPHA], [w.bids[ALPHA]])
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    contract = (await w.call("POST", path, BUYER, expect=201, json=body))["contract_id"]
    await w.h.deliver(abandoned(w.procedure, "LOT-0001"))
    w.h.clock.advance(timedelta(days=20))
    refused = await w.call(
        "POST", f"/contracts/{contract}/signature-request", BUYER, expect=409, headers={"If-Match": '"1"'}
    )
    assert refused["type"].endswith("lot-ended")


async def letters(w: World, who: str) -> list[str]:
    """Give the subjects of the letters to somebody, receipts apart."""
    found = (await w.call("GET", "/letters", who, expect=200))["items"]
    return [each["subject"] for each in found if each["kind"] != "receipt"]


async def test_the_bidders_of_a_lot_that_ends_are_told_why_and_the_buyer_learns_nothing_of_them(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"], ("LOT-0001", "LOT-0002"))
    await w.deposit(BETA, [b"other"], ("LOT-0001",))
    await w.h.deliver(abandoned(w.procedure, "LOT-0002"))
    await w.h.deliver(abandoned(w.procedure, "LOT-0002"))
    assert await letters(w, ALPHA) == ["Lot LOT-0002 déclaré sans suite"]
    assert await letters(w, BETA) == await letters(w, BUYER) == []
    [letter] = (await w.call("GET", "/letters", ALPHA, expect=200))["items"]
    await w.call("GET", f"/letters/{letter['letter_id']}", BUYER, expect=404)
    await w.call("GET", f"/letters/{letter['letter_id']}/document", BUYER, expect=404)
    read = await w.call("GET", f"/letters/{letter['letter_id']}", ALPHA, expect=200)
    assert "Motifs : Les crédits manquent." in str(read)
    assert await w.call("GET", f"/letters/{letter['letter_id']}/document", ALPHA, expect=200)
    await w.open_all()
    await w.h.deliver(unsuccessful(w.procedure, "LOT-0001"))
    assert await letters(w, BETA) == ["Lot LOT-0001 déclaré infructueux"]
    assert len(await letters(w, BUYER)) == 3
    await w.h.settle()
    assert len([each for each in w.h.events("bids.letter.sent.v1") if each.data["kind"] != "receipt"]) == 3
