"""Procedures of several rounds: applications, selection, invitation, offers of those invited alone, negotiation, frameworks."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages.notices import ProcedureSuspendedV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.rounds.states import PHASE, TWO_STAGES, Phase
from tests.api.bids.bids_world import (
    BUYER,
    DEADLINE,
    OTHER_BUYER,
    World,
    application,
    award_body,
    offer,
    world,
)

ALPHA, BETA, GAMMA, STRANGER = (f"SIRET:5521002540000{n}" for n in range(1, 5))
LOT = "LOT-0001"
SECOND = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
TERMS = "Critères : prix 60 %, délai 40 %. Justificatifs : ceux du règlement, article 5."


async def applied(service_harness: HarnessFactory, *companies: str, **changes: Any) -> World:
    """Give a two-stage procedure of which the applications were opened."""
    w = await world(service_harness, threshold=1, officers=1, **({"procedure_type": "neg-w-call"} | changes))
    for company in companies:
        await w.deposit_all(company, [application([company.encode()])])
    await w.open_all()
    return w


async def select(w: World, *kept: str, refused: tuple[str, ...] = (), expect: int = 201, **changes: Any) -> Any:
    candidates = [{"organisation": each, "lot_id": LOT, "selected": True} for each in kept]
    candidates += [
        {"organisation": each, "lot_id": LOT, "selected": False, "reasons": "Références insuffisantes."}
        for each in refused
    ]
    body = {"criteria": "Références de services comparables.", "at_most": 3, "candidates": candidates} | changes
    return await w.call("POST", f"/consultations/{w.procedure}/selection", BUYER, expect=expect, json=body)


async def call(w: World, kind: str, *, expect: int = 201, deadline: datetime = SECOND, **changes: Any) -> Any:
    body = {"kind": kind, "deadline": deadline.isoformat(), "terms": TERMS} | changes
    return await w.call("POST", f"/consultations/{w.procedure}/rounds", BUYER, expect=expect, json=body)


def within(w: World, opened: dict[str, Any]) -> World:
    """Give the world of a round: the same service, its own consultation."""
    return replace(w, procedure=UUID(opened["round_id"]), bids={})


async def offers_opened(w: World, opened: dict[str, Any], *companies: str) -> World:
    """Have companies deposit in a round, and open it after its deadline."""
    r = within(w, opened)
    for company in companies:
        await r.deposit(company, [company.encode()])
    w.h.clock.set(datetime.fromisoformat(opened["deadline"]) + timedelta(minutes=1))
    await r.open_stage()
    return r


async def inbox(w: World, company: str, kind: str) -> list[Any]:
    found = await w.call("GET", "/messages", company, expect=200, params={"procedure": str(w.procedure)})
    return [each for each in found["items"] if each["kind"] == kind]


async def test_a_two_stage_procedure_from_applications_to_the_final_offer(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, BETA, GAMMA)
    await select(w, ALPHA, BETA, refused=(GAMMA,))
    (letter,) = await inbox(w, GAMMA, "selection")
    told = await w.call("GET", f"/letters/{letter['letter_id']}", GAMMA, expect=200)
    assert "Références insuffisantes." in " ".join(told["paragraphs"])
    assert await inbox(w, ALPHA, "selection") == []
    tender = await call(w, "tender")
    assert [each["organisation"] for each in tender["invited"]] == [ALPHA, BETA]
    texts = []
    for company in (ALPHA, BETA):
        (letter,) = await inbox(w, company, "invitation")
        texts.append((await w.call("GET", f"/letters/{letter['letter_id']}", company, expect=200))["paragraphs"])
    assert texts[0] == texts[1]
    assert TERMS in texts[0]
    first = await offers_opened(w, tender, ALPHA, BETA)
    negotiated = await call(w, "negotiation", deadline=SECOND + timedelta(days=10))
    assert (negotiated["number"], len(negotiated["invited"])) == (2, 2)
    await offers_opened(w, negotiated, ALPHA, BETA)
    dropped = {BETA: "Prix supérieur de 40 % à la meilleure offre."}
    final = await call(w, "final", deadline=SECOND + timedelta(days=20), dropped=dropped)
    assert [each["organisation"] for each in final["invited"]] == [ALPHA]
    assert len(await inbox(w, BETA, "selection")) == 1
    last = await offers_opened(w, final, ALPHA)
    path = f"/consultations/{last.procedure}/lots/{LOT}/award"
    decision = award_body(last.bids[ALPHA], [last.bids[ALPHA]])
    awarded = await last.call("POST", path, BUYER, expect=201, json=decision)
    assert awarded["procedure"] == str(w.procedure)
    await w.h.settle()
    (decided,) = w.h.events("bids.award.decided.v1")
    assert decided.procedure == w.procedure
    rounds = [each.data["kind"] for each in w.h.events("bids.round.opened.v1")]
    assert rounds == ["tender", "negotiation", "final"]
    assert len({tender["round_id"], negotiated["round_id"], final["round_id"], str(first.procedure)}) == 3


async def test_offers_are_refused_before_the_invitation_and_from_those_not_invited(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness, threshold=1, officers=1, procedure_type="restricted")
    refused = await w.draft(ALPHA, [b"offer"], expect=409)
    assert refused["type"] == "urn:halles:problem:applications-only"
    await w.draft_all(ALPHA, [application([b"a"]), offer([b"o"])], expect=409)
    for company in (ALPHA, BETA):
        await w.deposit_all(company, [application([company.encode()])])
    await w.open_all()
    await select(w, ALPHA, refused=(BETA,))
    tender = await call(w, "tender")
    r = within(w, tender)
    for other in (BETA, STRANGER):
        refused = await r.draft(other, [b"offer"], expect=403)
        assert refused["type"] == "urn:halles:problem:not-invited"
    await r.draft(ALPHA, [b"offer"], ("LOT-0002",), expect=403)
    await r.deposit(ALPHA, [b"offer"])


async def test_nobody_outside_learns_of_a_round_nor_of_who_was_invited(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, BETA, GAMMA)
    await select(w, ALPHA, BETA, refused=(GAMMA,))
    tender = await call(w, "tender")
    here, listed = f"/consultations/{tender['round_id']}", f"/consultations/{w.procedure}/rounds"
    for outsider in (None, GAMMA, STRANGER, OTHER_BUYER):
        await w.call("GET", here, outsider, expect=404)
    for company in (GAMMA, STRANGER):
        assert (await w.call("GET", "/rounds", company, expect=200))["items"] == []
        await w.call("GET", listed, company, expect=403)
    await w.call("GET", listed, OTHER_BUYER, expect=403)
    await w.call("GET", f"/consultations/{w.procedure}/selection", ALPHA, expect=403)
    (own,) = (await w.call("GET", "/rounds", ALPHA, expect=200))["items"]
    assert (own["round_id"], own["invited"]) == (tender["round_id"], None)
    view = await w.call("GET", here, ALPHA, expect=200)
    assert datetime.fromisoformat(view["deadline"]) == SECOND
    await w.h.settle()
    for each in (*w.h.events("bids.round.opened.v1"), *w.h.events("bids.selection.decided.v1")):
        assert not any(company in str(each.data) for company in (ALPHA, BETA, GAMMA))
        assert each.organisation == BUYER
    r = within(w, tender)
    await r.deposit(ALPHA, [b"offer"])
    await w.call("GET", f"{here}/register", BUYER, expect=409)  # who deposited in it is secret until its own deadline
    await w.call("POST", f"{here}/openings", BUYER, expect=409, json={})


async def test_each_round_has_its_own_key_set_and_a_suspension_holds_it(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA)
    await select(w, ALPHA)
    assert w.notice.opening is not None
    told = w.notice.opening.model_dump(mode="json") | {"fingerprint": "0" * 64}
    await call(w, "tender", expect=422, keys=told)
    tender = await call(w, "tender")
    r = within(w, tender)
    versions = (await w.call("GET", f"/consultations/{r.procedure}", ALPHA, expect=200))["key_versions"]
    assert [each["version"] for each in versions] == [1]
    suspended = ProcedureSuspendedV1(
        aggregate_id=w.procedure, aggregate_version=5, organisation=BUYER, procedure=w.procedure,
        occurred_at=w.h.clock.now(), reason="Recours",
    )  # fmt: skip
    await w.h.deliver(suspended)
    refused = await r.draft(ALPHA, [b"offer"], expect=409)
    assert refused["type"] == "urn:halles:problem:procedure-suspended"


async def test_every_fault_of_a_selection_is_named_and_nothing_is_kept(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, BETA)
    await call(w, "tender", expect=409)
    missing = await select(w, ALPHA, expect=422)
    assert BETA in str(missing["errors"])
    silent = {"organisation": BETA, "lot_id": LOT, "selected": False}
    kept = {"organisation": ALPHA, "lot_id": LOT, "selected": True}
    await select(w, expect=422, candidates=[kept, silent])
    await select(w, ALPHA, BETA, STRANGER, expect=422)
    await select(w, ALPHA, BETA, expect=422, at_most=1)
    listed = await w.call("GET", f"/consultations/{w.procedure}/selection", BUYER, expect=200)
    assert listed["items"] == []
    await select(w, ALPHA, BETA)
    again = await select(w, ALPHA, BETA, expect=409)
    assert again["type"] == "urn:halles:problem:illegal-transition"
    short = await call(w, "tender", expect=422, deadline=DEADLINE + timedelta(days=12))
    assert "25 jours" in str(short["errors"])
    await call(w, "tender", expect=422, deadline=DEADLINE + timedelta(days=9), shortened="Urgence.")
    await call(w, "tender", expect=422, dropped={ALPHA: "Non."})
    await call(w, "specific", expect=422)
    await call(w, "tender", deadline=DEADLINE + timedelta(days=12), shortened="Urgence : rupture d'approvisionnement.")


async def test_invitations_to_tender_are_not_negotiated(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"offer"])
    await call(w, "negotiation", expect=409)  # not opened yet
    await w.open_all()
    refused = await call(w, "negotiation", expect=422)
    assert "L2124-2" in str(refused["errors"])


async def test_a_simple_procedure_negotiates_with_those_who_offered(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, procedure_type="adapted", formal=False)
    for company in (ALPHA, BETA):
        await w.deposit(company, [company.encode()])
    await w.open_all()
    opened = await call(w, "negotiation", deadline=DEADLINE + timedelta(days=5))
    assert [each["organisation"] for each in opened["invited"]] == [ALPHA, BETA]
    await call(w, "negotiation", expect=409, deadline=DEADLINE + timedelta(days=9))  # the round before is not opened


async def test_subsequent_contracts_are_among_the_holders_of_each_lot(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    for company in (ALPHA, BETA):
        await w.deposit(company, [company.encode()])
    await w.open_all()
    await call(w, "subsequent", expect=422, deadline=DEADLINE + timedelta(days=5))  # nobody holds it yet
    bids = list(w.bids.values())
    path = f"/consultations/{w.procedure}/lots/{LOT}/award"
    await w.call("POST", path, BUYER, expect=201, json=award_body(w.bids[BETA], bids))
    async with w.h.runtime.uow() as uow:  # the way there, by signatures and the State, is tried with contracts
        await uow.conn.execute(
            "UPDATE contract SET state = 'acknowledged', content = jsonb_set(content, '{framework}', 'true')"
        )
    opened = await call(w, "subsequent", deadline=DEADLINE + timedelta(days=5))
    assert [(each["organisation"], each["lots"]) for each in opened["invited"]] == [(BETA, [LOT])]
    await within(w, opened).draft(ALPHA, [b"offer"], expect=403)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_reached_and_the_graph_has_no_dead_names(phase: Phase) -> None:
    assert phase in {Phase.APPLICATIONS, *PHASE.values()}
    assert "open" not in TWO_STAGES
