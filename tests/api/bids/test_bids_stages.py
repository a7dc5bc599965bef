"""Openings by stages: applications before offers or the other way round, lot by lot, by the worker, with recovery officers."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.messages.notices import OpeningRules
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing import ShareRequest, generate, open_shares
from services.bids.sealing.opening import reseal
from services.bids.service import completion
from tests.api.bids.bids_world import BUYER, ROOTS, World, application, notice, offer, world

ALPHA, BETA, GAMMA = (f"SIRET:5521002540000{n}" for n in range(1, 4))
LOTS = ("LOT-0001", "LOT-0002")


def whole(word: bytes) -> list[Any]:
    """Give an application for both lots, and an offer for each."""
    return [application([b"application " + word], LOTS), *(offer([word + lot.encode()], (lot,)) for lot in LOTS)]


def lines(opening: dict[str, Any], part: str) -> set[tuple[str, int]]:
    return {(each["depositor"], each["envelope"]) for each in opening["report"][part]}


async def named(w: World, opening: dict[str, Any], officer: str = "officier-1") -> set[tuple[UUID, int]]:
    """Give the envelopes whose shares an officer is asked for."""
    path = f"/openings/{opening['opening_id']}/shares?officer={officer}"
    request = ShareRequest.model_validate(await w.call("GET", path, BUYER, expect=200))
    assert {(each.bid, each.envelope) for each in request.shares} == set(request.statement.named)
    return set(request.statement.named)


async def test_applications_come_first_and_each_stage_has_its_own_statement(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit_all(ALPHA, whole(b"alpha"))
    await w.deposit_all(BETA, whole(b"beta"))
    await w.close()
    refused = await w.start_opening(expect=409, stage="offers")
    assert refused["type"] == "urn:halles:problem:stage-order"
    assert "candidatures" in refused["detail"]
    opening = await w.start_opening()
    assert (opening["stage"], opening["lots"]) == ("applications", list(LOTS))
    assert await named(w, opening) == {(w.bids[ALPHA], 1), (w.bids[BETA], 1)}
    for officer in w.officers[:2]:
        await w.present(opening["opening_id"], officer)
    first = await w.complete(opening["opening_id"])
    assert lines(first, "opened") == {(ALPHA, 1), (BETA, 1)}
    path = f"/openings/{first['opening_id']}/bids/{w.bids[ALPHA]}/files"
    assert await w.call("GET", f"{path}/1", BUYER, expect=200) == b"application alpha"
    await w.call("GET", f"{path}/2", BUYER, expect=404)
    view = await w.call("GET", f"/bids/{w.bids[ALPHA]}", ALPHA, expect=200)
    assert (view["state"], [each["state"] for each in view["envelopes"]]) == (
        "deposited",
        ["opened", "sealed", "sealed"],
    )
    assert (await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"] == "closed"
    second = await w.open_stage(w.officers[1:])
    assert second["stage"] == "offers"
    assert second["report"]["statement_sha256"] != first["report"]["statement_sha256"]
    assert lines(second, "opened") == {(ALPHA, 2), (ALPHA, 3), (BETA, 2), (BETA, 3)}
    assert (await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"] == "opened"
    assert (await w.call("GET", f"/bids/{w.bids[ALPHA]}", ALPHA, expect=200))["state"] == "opened"
    await w.start_opening(expect=409)
    told = [(each.data["stage"], each.data["opened"]) for each in w.h.events("bids.opening.completed.v1")]
    assert told == [("applications", 2), ("offers", 4)]


@pytest.mark.parametrize(("procedure_type", "first"), [("open", "offers"), ("neg-wo-call", "applications")])
async def test_offers_come_first_in_open_procedures_that_say_so(
    service_harness: HarnessFactory, procedure_type: str, first: str
) -> None:
    rules = OpeningRules(order="offers-first")
    w = await world(service_harness, threshold=1, officers=1, rules=rules, procedure_type=procedure_type)
    await w.deposit_all(ALPHA, whole(b"alpha"))
    assert (await w.open_all())["stage"] == first


async def test_lots_are_opened_apart_and_what_is_replaced_or_late_stays_sealed(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit_all(ALPHA, whole(b"alpha"))
    first = w.bids[ALPHA]
    again = [application([b"application again"], LOTS[1:]), offer([b"second lot again"], LOTS[1:])]
    await w.deposit_all(ALPHA, again)
    await w.deposit_all(BETA, whole(b"beta"))
    await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=201)
    await w.close()
    await w.deposit_all(GAMMA, whole(b"late"))
    await w.start_opening(expect=422, lots=["LOT-0009"])
    applications = await w.open_stage()
    assert {(each["bid"], tuple(each["lots"])) for each in applications["report"]["opened"]} == {
        (str(first), LOTS[:1]), (str(w.bids[ALPHA]), LOTS[1:]),
    }  # fmt: skip
    (partly,) = (each for each in applications["report"]["opened"] if each["bid"] == str(first))
    assert partly["superseded_lots"] == ["LOT-0002"]
    one = await w.start_opening(lots=["LOT-0001"])
    assert await named(w, one) == {(first, 2)}
    await w.start_opening(expect=409, lots=["LOT-0002"])
    for officer in w.officers[:2]:
        await w.present(one["opening_id"], officer)
    completed = await w.complete(one["opening_id"])
    assert (lines(completed, "late"), lines(completed, "withdrawn")) == ({(GAMMA, 2)}, {(BETA, 2)})
    two = await w.open_stage(lots=["LOT-0002"])
    assert [each["bid"] for each in two["report"]["opened"]] == [str(w.bids[ALPHA])]
    assert [(each["bid"], each["envelope"]) for each in two["report"]["superseded"]] == [(str(first), 3)]
    states = [each["state"] for each in (await w.call("GET", f"/bids/{first}", ALPHA, expect=200))["envelopes"]]
    assert states == ["opened", "opened", "sealed"]


async def test_a_worker_that_dies_leaves_what_is_done_and_another_goes_on(
    service_harness: HarnessFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each envelope is a job of its own; done twice, it gives the same, and the report is drawn up once."""
    w = await world(service_harness)
    for company in (ALPHA, BETA, GAMMA):
        await w.deposit(company, [company.encode() * 10_000])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    for officer in w.officers[:2]:
        await w.present(opening, officer)
    asked = await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=202)
    assert (asked["state"], asked["progress"], asked["report"]) == ("opening", {"envelopes": 3, "done": 0}, None)
    await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    bids = [w.bids[each] for each in (ALPHA, BETA)]
    opened = [await completion.open_named(w.h.runtime, UUID(opening), bid, 1) for bid in bids]
    async with w.h.runtime.uow() as uow:  # done, and noted; the second one dies before it is noted
        await completion.note(uow, UUID(opening), (bids[0], 1), opened[0])
    half = await w.call("GET", f"/openings/{opening}", BUYER, expect=200)
    assert half["progress"] == {"envelopes": 3, "done": 1}
    await w.h.settle()
    done = await w.call("GET", f"/openings/{opening}", BUYER, expect=200)
    assert (done["state"], done["progress"]) == ("completed", {"envelopes": 3, "done": 3})
    assert len(done["report"]["opened"]) == 3
    async with w.h.runtime.uow() as uow:
        await completion.note(uow, UUID(opening), (bids[1], 1), opened[1])
    assert len(w.h.events("bids.opening.completed.v1")) == 1
    for company in (ALPHA, BETA, GAMMA):
        path = f"/openings/{opening}/bids/{w.bids[company]}/files/1"
        assert await w.call("GET", path, BUYER, expect=200) == company.encode() * 10_000


async def test_a_recovery_officer_stands_in_for_one_and_opens_nothing_alone(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=2, officers=2, recovery=1)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    *officers, recovery = w.officers
    await w.present(opening, recovery)
    refused = await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    assert "Il manque 1 officier" in refused["detail"]
    await w.present(opening, officers[1])
    report = (await w.complete(opening))["report"]
    assert len(report["opened"]) == 1
    assert {each["officer"]: each["recovery"] for each in report["officers"]} == {
        "secours-1": True, "officier-2": False,
    }  # fmt: skip


async def test_a_deputy_presents_the_shares_of_an_absent_officer_and_the_report_names_him(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    await w.present(opening, w.officers[0])
    path = f"/openings/{opening}/shares"
    asked = await w.call("GET", f"{path}?officer=officier-2", BUYER, expect=200)
    deputy = generate("adjoint")
    again = reseal(ShareRequest.model_validate(asked), w.officers[1], deputy.public, ROOTS)
    body = open_shares(again, deputy, ROOTS).model_dump(mode="json")
    view = await w.call("POST", path, BUYER, expect=201, json=body)
    assert [each["deputy"] for each in view["officers"]] == [None, "adjoint", None]
    report = (await w.complete(opening))["report"]
    assert len(report["opened"]) == 1
    assert {each["officer"]: each["deputy"] for each in report["officers"]} == {
        "officier-1": None, "officier-2": "adjoint",
    }  # fmt: skip


async def test_in_a_village_two_recovery_officers_open_together_only(service_harness: HarnessFactory) -> None:
    """With k = n = 1 the mayor alone opens; with the mayor's key lost, both recovery officers, and neither alone."""
    w = await world(service_harness, threshold=1, officers=1, recovery=2)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    for officer in w.officers[1:]:
        refused = await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
        assert refused["type"] == "urn:halles:problem:too-few-officers"
        await w.present(opening, officer)
    assert len((await w.complete(opening))["report"]["opened"]) == 1


async def test_shares_of_another_consultation_are_refused(service_harness: HarnessFactory) -> None:
    """The same officers with the same keys serve two consultations: what opens there is a forgery here."""
    here = await world(service_harness)
    event = notice(uuid4(), here.officers)
    await here.h.deliver(event)
    there = World(here.h, event.procedure or uuid4(), event.notice, here.officers)
    shares = []
    for w in (here, there):
        await w.deposit(ALPHA, [b"offer"])
    await here.close()
    for w in (here, there):
        opening = (await w.start_opening())["opening_id"]
        shares.append(await w.opened_shares(opening, w.officers[0]))
    mine, theirs = shares
    path = f"/openings/{mine['opening']}/shares"
    refused = await here.call("POST", path, BUYER, expect=422, json=theirs)
    assert "autre ouverture" in refused["detail"]
    refused = await here.call("POST", path, BUYER, expect=422, json=theirs | {"opening": mine["opening"]})
    assert "part non demandée" in json.dumps(refused, ensure_ascii=False)
    placed = [each | {"share": other["share"]} for each, other in zip(mine["shares"], theirs["shares"], strict=True)]
    refused = await here.call("POST", path, BUYER, expect=422, json=mine | {"shares": placed})
    assert "part fausse" in json.dumps(refused, ensure_ascii=False)
