"""The deadline of an open round is put off for everybody at once; least periods of rounds are dated rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from libs.common.messages.notices import Notice
from libs.common.testing.plugin import HarnessFactory
from services.bids import sealing
from services.bids.rounds.periods import PERIODS, period_of
from services.bids.rounds.states import RoundKind
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World, notice
from tests.api.bids.evidence.test_evidence_reports import operator
from tests.api.bids.rounds.test_rounds import (
    ALPHA,
    BETA,
    GAMMA,
    SECOND,
    applied,
    call,
    inbox,
    offers_opened,
    select,
    within,
)
from tests.api.bids.test_bids_suspended import resumed, suspended

REASON = "Les plans du lot 1 ont été complétés."
LATER = SECOND + timedelta(days=3)


async def move(w: World, procedure: object, *, expect: int = 200, who: str = BUYER, **changes: Any) -> Any:  # noqa: ANN401
    body = {"deadline": LATER.isoformat(), "reason": REASON} | changes
    return await w.call("PUT", f"/consultations/{procedure}/deadline", who, expect=expect, json=body)


async def test_everybody_invited_is_told_at_once_and_the_last_deadline_counts(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, BETA, GAMMA)
    await select(w, ALPHA, BETA, refused=(GAMMA,))
    tender = await call(w, "tender")
    r = within(w, tender)
    await r.deposit(ALPHA, [b"before the move"])
    moved = await move(w, tender["round_id"])
    assert datetime.fromisoformat(moved["deadline"]) == LATER
    texts = []
    for company in (ALPHA, BETA):
        (letter,) = await inbox(w, company, "information")
        texts.append((await w.call("GET", f"/letters/{letter['letter_id']}", company, expect=200))["paragraphs"])
    assert texts[0] == texts[1]
    assert f"Motif : {REASON}" in texts[0]
    assert await inbox(w, GAMMA, "information") == []
    await w.h.settle()
    (event,) = w.h.events("bids.round.moved.v1")
    assert (event.data["invited"], event.organisation) == (2, BUYER)
    assert ALPHA not in str(event.data)
    w.h.clock.set(SECOND + timedelta(hours=1))
    await w.call("POST", f"/consultations/{r.procedure}/openings", BUYER, expect=409, json={})
    await r.deposit(BETA, [b"after the first deadline"])
    opening = await offers_opened(w, moved)
    report = (await opening.call("GET", f"/consultations/{r.procedure}/openings", BUYER, expect=200))["items"][0][
        "report"
    ]
    assert {each["depositor"] for each in report["opened"]} == {ALPHA, BETA}
    assert report["late"] == []


async def test_a_deadline_is_never_brought_forward_nor_moved_by_others_or_once_passed(
    service_harness: HarnessFactory,
) -> None:
    w = await applied(service_harness, ALPHA)
    await select(w, ALPHA)
    tender = await call(w, "tender")
    for sooner in (SECOND, SECOND - timedelta(days=1)):
        await move(w, tender["round_id"], expect=422, deadline=sooner.isoformat())
    await move(w, tender["round_id"], expect=422, reason="")
    await move(w, tender["round_id"], expect=403, who=OTHER_BUYER)
    await move(w, tender["round_id"], expect=403, who=ALPHA)
    published = await move(w, w.procedure, expect=422)
    assert "rectificatif" in str(published["errors"])
    w.h.clock.set(SECOND + timedelta(seconds=1))
    closed = await move(w, tender["round_id"], expect=409)
    assert closed["type"] == "urn:halles:problem:round-closed"
    assert await inbox(w, ALPHA, "information") == []


async def test_a_suspension_gives_an_open_round_its_time_back_and_tells_those_invited(
    service_harness: HarnessFactory,
) -> None:
    w = await applied(service_harness, ALPHA, GAMMA)
    await select(w, ALPHA, refused=(GAMMA,))
    tender = await call(w, "tender")
    r = within(w, tender)
    begins = w.h.clock.now()
    await w.h.deliver(suspended(w.procedure, 5).model_copy(update={"occurred_at": begins}))
    await r.draft(ALPHA, [b"offer"], expect=409)
    w.h.clock.set(SECOND + timedelta(hours=1))
    goes_on = resumed(w.procedure, 6, None).model_copy(update={"occurred_at": begins + timedelta(days=9)})
    await w.h.deliver(goes_on)
    await w.h.deliver(goes_on)
    view = await w.call("GET", f"/consultations/{r.procedure}", ALPHA, expect=200)
    assert datetime.fromisoformat(view["deadline"]) == SECOND + timedelta(days=9)
    (letter,) = await inbox(w, ALPHA, "information")
    told = (await w.call("GET", f"/letters/{letter['letter_id']}", ALPHA, expect=200))["paragraphs"]
    assert any("le temps de la suspension vous est rendu" in each for each in told)
    assert await inbox(w, GAMMA, "information") == []
    await r.deposit(ALPHA, [b"after the suspension"])
    await w.h.settle()
    (event,) = w.h.events("bids.round.moved.v1")
    assert datetime.fromisoformat(event.data["former"]) == SECOND


async def test_a_round_that_was_over_before_the_suspension_stays_over(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA)
    await select(w, ALPHA)
    tender = await call(w, "tender")
    over = SECOND + timedelta(minutes=1)
    w.h.clock.set(over)
    await w.h.deliver(suspended(w.procedure, 5).model_copy(update={"occurred_at": over}))
    await w.h.deliver(resumed(w.procedure, 6, None).model_copy(update={"occurred_at": over + timedelta(days=9)}))
    view = await w.call("GET", f"/consultations/{tender['round_id']}", ALPHA, expect=200)
    assert datetime.fromisoformat(view["deadline"]) == SECOND
    assert await inbox(w, ALPHA, "information") == []


def published(**changes: Any) -> Notice:  # noqa: ANN401
    return notice(uuid4(), [sealing.generate("officier-1")], 1, **changes).notice


async def test_an_incident_near_the_deadline_of_a_round_is_answered_in_one_request(
    service_harness: HarnessFactory,
) -> None:
    w = await applied(service_harness, ALPHA)
    await select(w, ALPHA)
    tender = await call(w, "tender")
    w.h.clock.set(SECOND - timedelta(hours=2))
    begins, ends = (SECOND - timedelta(hours=each) for each in (4, 3))
    incident = {
        "begins": begins.isoformat(),
        "ends": ends.isoformat(),
        "what": "Le dépôt des plis ne répondait plus.",
        "what_en": "Deposits were not answered.",
    }
    await operator(w, "POST", "/incidents", expect=201, json=incident)
    await w.h.settle()
    (near,) = (await w.call("GET", f"/consultations/{tender['round_id']}/incidents", BUYER, expect=200))["items"]
    proposed = near["extension"]
    assert (proposed["method"], proposed["url"].endswith(f"/consultations/{tender['round_id']}/deadline")) == (
        "PUT",
        True,
    )
    await move(w, tender["round_id"], **proposed["body"])
    (letter,) = await inbox(w, ALPHA, "information")
    told = await w.call("GET", f"/letters/{letter['letter_id']}", ALPHA, expect=200)
    assert "la plateforme a connu un incident" in " ".join(told["paragraphs"])


@pytest.mark.parametrize(
    ("kind", "changes", "usual", "shortened"),
    [
        ("tender", {"procedure_type": "restricted"}, 25, 10),
        ("tender", {"procedure_type": "neg-w-call"}, 25, 10),
        ("tender", {"procedure_type": "restricted", "subtype": "17"}, 10, 0),
        ("tender", {"procedure_type": "restricted", "subtype": "18"}, 35, 10),
        ("tender", {"procedure_type": "restricted", "contract_kind": "concession"}, 17, 17),
        ("tender", {"procedure_type": "comp-dial"}, None, None),
        ("tender", {"procedure_type": "restricted", "formal": False}, None, None),
        ("specific", {"procedure_type": "restricted"}, 10, 10),
        ("negotiation", {"procedure_type": "neg-w-call"}, None, None),
        ("subsequent", {"procedure_type": "open"}, None, None),
    ],
)
def test_least_periods_are_those_of_the_law(
    kind: RoundKind, changes: dict[str, Any], usual: int | None, shortened: int | None
) -> None:
    told = published(**changes)
    for short, days in ((False, usual), (True, shortened)):
        period = period_of(kind, told, date(2026, 5, 4), shortened=short)
        assert (period.days if period else None) == days


def test_no_period_holds_before_the_code_and_each_has_its_source() -> None:
    told = published(procedure_type="restricted")
    assert period_of("tender", told, date(2019, 3, 31), shortened=False) is None
    assert all(each.source for each in PERIODS)
