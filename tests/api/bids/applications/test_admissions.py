"""Late bids admitted by a reasoned decision; bids by other channels; backup copies and their legal grounds."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.testing.plugin import HarnessFactory
from services.bids import evidence
from services.bids.admissions.rules import Copied, Ground, Original, Purpose, copy_refusal, may_destroy
from services.bids.evidence import Fact, FactKind
from services.bids.scanning import MALWARE_FOUND
from tests.api.bids.bids_world import BUYER, DEADLINE, OTHER_BUYER, World, offer, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
REASON = "La plateforme a été indisponible dans les dernières minutes (CE, 23 septembre 2021, n° 449250)."
BEFORE, AFTER = DEADLINE - timedelta(minutes=5), DEADLINE + timedelta(minutes=5)


async def late_world(service_harness: HarnessFactory) -> World:
    """A world where Alpha is in time and Beta a minute late."""
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"alpha"])
    w.h.clock.set(DEADLINE + timedelta(minutes=1))
    await w.deposit(BETA, [b"beta"])
    return w


async def facts_of(w: World, company: str) -> list[str]:
    report = await w.call("GET", f"/bids/{w.bids[company]}/evidence", company, expect=200)
    return [each["fact"]["id"] for each in report["facts"] if each["fact"]["bid"] == str(w.bids[company])]


async def decide(w: World, body: dict[str, Any], *, expect: int = 201, who: str = BUYER) -> Any:
    body = {"decision": "admitted", "reason": REASON} | body
    return await w.call("POST", f"/consultations/{w.procedure}/admissions", who, expect=expect, json=body)


async def test_a_late_bid_is_opened_once_admitted_and_its_decision_is_proved(service_harness: HarnessFactory) -> None:
    w = await late_world(service_harness)
    first = await w.open_all()
    assert [each["bid"] for each in first["report"]["late"]] == [str(w.bids[BETA])]
    facts = await facts_of(w, BETA)
    decision = await decide(w, {"bid_id": str(w.bids[BETA]), "facts": facts[:2]})
    second = await w.open_stage()
    assert [each["bid"] for each in second["report"]["opened"]] == [str(w.bids[BETA])]
    assert (await w.call("GET", f"/bids/{w.bids[BETA]}", BETA, expect=200))["state"] == "opened"
    assert decision["fact_id"] in await facts_of(w, BETA), "the bidder reads it in his own evidence"
    listed = await w.call("GET", f"/consultations/{w.procedure}/admissions", BUYER, expect=200)
    assert [each["admission_id"] for each in listed["items"]] == [decision["admission_id"]]


async def test_the_last_decision_holds_and_a_refused_bid_stays_sealed(service_harness: HarnessFactory) -> None:
    w = await late_world(service_harness)
    await w.close()
    await decide(w, {"bid_id": str(w.bids[BETA]), "facts": (await facts_of(w, BETA))[:1]})
    await decide(w, {"bid_id": str(w.bids[BETA]), "decision": "refused"})
    report = (await w.open_stage())["report"]
    assert [each["bid"] for each in report["opened"]] == [str(w.bids[ALPHA])]
    assert [each["bid"] for each in report["late"]] == [str(w.bids[BETA])]


async def test_the_depositor_of_a_late_bid_is_told_of_each_decision_and_nobody_else(
    service_harness: HarnessFactory,
) -> None:
    w = await late_world(service_harness)
    await w.close()
    await decide(w, {"bid_id": str(w.bids[BETA]), "facts": (await facts_of(w, BETA))[:1]})
    await decide(w, {"bid_id": str(w.bids[BETA]), "decision": "refused"})
    await w.h.settle()
    told = [each for each in w.h.events("bids.message.sent.v1") if each.data["kind"] == "admission"]
    assert [each.data["organisation"] for each in told] == [BETA, BETA]
    letters = [await w.call("GET", f"/letters/{each.data['letter_id']}", BETA, expect=200) for each in told]
    assert ["admettre ce pli : il sera ouvert" in " ".join(each["paragraphs"]) for each in letters] == [True, False]
    assert REASON not in str(letters), "the reason may name people"
    await w.call("GET", f"/letters/{letters[0]['letter_id']}", ALPHA, expect=404)


async def test_decisions_without_ground_are_refused_and_change_nothing(service_harness: HarnessFactory) -> None:
    w = await late_world(service_harness)
    late, in_time = str(w.bids[BETA]), str(w.bids[ALPHA])
    facts = await facts_of(w, BETA)
    await decide(w, {"bid_id": late}, expect=422)
    await decide(w, {"bid_id": late, "facts": [str(uuid4())]}, expect=422)
    await decide(w, {"bid_id": late, "facts": await facts_of(w, ALPHA)}, expect=422)
    await decide(w, {"bid_id": late, "facts": facts, "reason": "parce que"}, expect=422)
    await decide(w, {"bid_id": late, "copy_id": str(uuid4()), "facts": facts}, expect=422)
    await decide(w, {"bid_id": in_time, "facts": await facts_of(w, ALPHA)}, expect=409)
    await decide(w, {"bid_id": str(uuid4()), "facts": facts}, expect=404)
    await decide(w, {"bid_id": late, "facts": facts}, expect=403, who=OTHER_BUYER)
    await decide(w, {"bid_id": late, "facts": facts}, expect=403, who=BETA)
    listed = await w.call("GET", f"/consultations/{w.procedure}/admissions", BUYER, expect=200)
    assert listed["items"] == []


async def test_nothing_replaces_an_offer_that_is_opened(service_harness: HarnessFactory) -> None:
    w = await late_world(service_harness)
    again = await w.deposit_all(ALPHA, [offer([b"a second thought"])])
    await w.open_all()
    late = again["statement"]["bid_id"]
    report = await w.call("GET", f"/bids/{late}/evidence", ALPHA, expect=200)
    facts = [each["fact"]["id"] for each in report["facts"] if each["fact"]["bid"] == late]
    problem = await decide(w, {"bid_id": late, "facts": facts}, expect=409)
    assert "déjà ouverte" in problem["detail"]


async def register(w: World, **changes: Any) -> Any:
    body = {
        "purpose": "backup", "medium": "usb", "depositor": BETA, "depositor_name": "Beta", "lots": ["LOT-0001"],
        "received_at": BEFORE.isoformat(),
    }  # fmt: skip
    expect = changes.pop("expect", 201)
    path = f"/consultations/{w.procedure}/copies"
    return await w.call("POST", path, BUYER, expect=expect, json=body | changes)


async def open_copy(w: World, copy: Any, *, expect: int, **body: Any) -> Any:
    path = f"/copies/{copy['copy_id']}/opening"
    return await w.call("POST", path, BUYER, expect=expect, json=body)


async def test_a_backup_copy_is_opened_for_a_bid_begun_in_time_and_ended_late(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    w.h.clock.set(BEFORE)
    draft = await w.draft(BETA, [b"beta"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"beta"])
    await w.upload(BETA, draft["bid_id"], sealed)
    copy = await register(w, lots=["LOT-0001"])
    for what in ("copies", "admissions"):
        await w.call("GET", f"/consultations/{w.procedure}/{what}", BUYER, expect=409)
    await decide(w, {"bid_id": draft["bid_id"], "facts": [str(uuid4())]}, expect=409)
    w.h.clock.set(AFTER)
    await w.finish(BETA, draft["bid_id"], sealed)
    await open_copy(w, copy, expect=409, ground="malware", bid_id=draft["bid_id"])
    await open_copy(w, copy, expect=409, ground="late")
    await open_copy(w, copy, expect=404, ground="late", bid_id=str(uuid4()))
    opened = await open_copy(w, copy, expect=201, ground="late", bid_id=draft["bid_id"])
    assert opened["opened_at"]
    assert opened["bid_id"] == draft["bid_id"]
    await open_copy(w, copy, expect=409, ground="late", bid_id=draft["bid_id"])
    await w.call("POST", f"/copies/{copy['copy_id']}/destruction", BUYER, expect=409, json={})
    gone = await w.call("POST", f"/copies/{copy['copy_id']}/destruction", BUYER, expect=201, json={"set_aside": True})
    assert gone["fate"] == "set_aside"


async def test_a_malicious_programme_opens_the_copy_only_when_a_trace_of_it_is_kept(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    w.h.clock.set(BEFORE)
    await w.deposit(BETA, [b"beta"])
    copy = await register(w)
    w.h.clock.set(AFTER)
    bid = str(w.bids[BETA])
    await open_copy(w, copy, expect=409, ground="malware", bid_id=bid)
    async with w.h.runtime.uow() as uow:
        fact = Fact(w.procedure, UUID(bid), FactKind.OPENING_STEP, uow.now(), {"step": MALWARE_FOUND, "file": 1})
        await evidence.record(uow.conn, fact)
    await open_copy(w, copy, expect=201, ground="malware", bid_id=bid)


async def test_the_opening_offers_the_copies_that_the_law_lets_open_and_no_others(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    w.h.clock.set(BEFORE)
    await w.deposit(ALPHA, [b"alpha"])
    interrupted = await w.draft(BETA, [b"beta"])
    await w.send(BETA, interrupted["bid_id"], 1, w.seal(UUID(interrupted["bid_id"]), [b"beta"]).ciphertexts[0])
    copy, useless = await register(w), await register(w, depositor=ALPHA)
    opening = await w.open_all()
    assert opening["copies_offered"] == 1
    listed = (await w.call("GET", f"/consultations/{w.procedure}/copies", BUYER, expect=200))["items"]
    assert {each["copy_id"]: each["offers"] for each in listed} == {
        copy["copy_id"]: [{"ground": "incomplete", "bid_id": interrupted["bid_id"]}], useless["copy_id"]: [],
    }  # fmt: skip
    await open_copy(w, useless, expect=409)
    opened = await open_copy(w, copy, expect=201)
    assert (opened["ground"], opened["bid_id"], opened["offers"]) == ("incomplete", interrupted["bid_id"], [])
    again = await w.call("GET", f"/openings/{opening['opening_id']}", BUYER, expect=200)
    assert again["copies_offered"] == 0


async def test_an_attempt_that_was_given_up_opens_no_copy_of_a_bid_in_time(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    w.h.clock.set(BEFORE)
    draft = await w.draft(BETA, [b"first try"])
    await w.send(BETA, draft["bid_id"], 1, w.seal(UUID(draft["bid_id"]), [b"first try"]).ciphertexts[0])
    await w.deposit(BETA, [b"the bid"])
    copy = await register(w)
    assert (await w.open_all())["copies_offered"] == 0
    problem = await open_copy(w, copy, expect=409, ground="incomplete", bid_id=draft["bid_id"])
    assert "compte pour les mêmes lots" in problem["detail"]


async def test_a_bid_on_paper_is_opened_only_once_admitted(service_harness: HarnessFactory) -> None:
    w = await late_world(service_harness)
    await register(w, lots=["LOT-0009"], expect=422)
    await register(w, received_at=(AFTER + timedelta(days=1)).isoformat(), expect=422)
    copy = await register(w, purpose="bid", medium="paper")
    w.h.clock.set(AFTER)
    await open_copy(w, copy, expect=409, ground="admitted")
    report = await w.call("GET", f"/consultations/{w.procedure}/evidence", BUYER, expect=200)
    await decide(w, {"copy_id": copy["copy_id"], "facts": [report["facts"][0]["fact"]["id"]]})
    opened = await open_copy(w, copy, expect=201, ground="admitted")
    assert opened["ground"] == "admitted"
    (listed,) = (await w.call("GET", f"/consultations/{w.procedure}/copies?limit=1", BUYER, expect=200))["items"]
    assert listed["copy_id"] == copy["copy_id"]
    unopened = await register(w)
    path = f"/copies/{unopened['copy_id']}/destruction"
    assert (await w.call("POST", path, BUYER, expect=201, json={}))["fate"] == "unopened"
    await w.call("POST", path, BUYER, expect=409, json={})
    await w.call("POST", path, OTHER_BUYER, expect=404, json={})


COPY = Copied(Purpose.BACKUP, BEFORE)


@pytest.mark.parametrize(
    ("copy", "ground", "original", "allowed"),
    [
        (COPY, Ground.LATE, Original(BEFORE, AFTER), True),
        (COPY, Ground.LATE, Original(DEADLINE, AFTER), True),
        (COPY, Ground.LATE, Original(DEADLINE + timedelta(seconds=1), AFTER), False),
        (COPY, Ground.LATE, Original(BEFORE, BEFORE), False),
        (COPY, Ground.INCOMPLETE, Original(BEFORE, None), True),
        (COPY, Ground.INCOMPLETE, Original(None, None), False),
        (COPY, Ground.INCOMPLETE, None, False),
        (COPY, Ground.UNREADABLE, Original(BEFORE, BEFORE, unreadable=True), True),
        (COPY, Ground.UNREADABLE, Original(BEFORE, BEFORE), False),
        (COPY, Ground.MALWARE, Original(BEFORE, BEFORE, malware=True), True),
        (COPY, Ground.ADMITTED, Original(BEFORE, AFTER), False),
        (Copied(Purpose.BACKUP, AFTER), Ground.LATE, Original(BEFORE, AFTER), False),
        (Copied(Purpose.BACKUP, BEFORE, opened=True), Ground.LATE, Original(BEFORE, AFTER), False),
        (Copied(Purpose.BID, AFTER, admitted=True), Ground.ADMITTED, None, True),
        (Copied(Purpose.BID, BEFORE), Ground.ADMITTED, None, False),
    ],
)
def test_grounds_of_the_order(copy: Copied, ground: Ground, original: Original | None, allowed: bool) -> None:
    assert (copy_refusal(copy, ground, original, DEADLINE) is None) is allowed


def test_only_closed_copies_and_those_set_aside_are_destroyed() -> None:
    opened = Copied(Purpose.BACKUP, BEFORE, opened=True)
    assert may_destroy(COPY, set_aside=False) is None
    assert may_destroy(opened, set_aside=True) is None
    assert may_destroy(opened, set_aside=False) is not None
    assert may_destroy(COPY, set_aside=True) is not None
    assert may_destroy(Copied(Purpose.BACKUP, BEFORE, destroyed=True), set_aside=False) is not None
