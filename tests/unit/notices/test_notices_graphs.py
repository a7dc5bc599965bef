"""The state graphs of procedures and of their lots, walked whole; what a procedure becomes with its lots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import TypeVar
from uuid import UUID

import pytest

from libs.common.errors import Conflict, IllegalTransition, NotFound, StaleVersion
from libs.common.messages.notices import Change, Lot, LotResult, Modification
from libs.common.messages.registry import all_types
from services.notices import events
from services.notices.domain import lots as lot_graph
from services.notices.domain.lots import (
    AWARD_DECIDED,
    CONTRACT_NOTIFIED,
    CONTRACT_SIGNED,
    FAILED,
    LOT_ABANDONED,
    LOT_TRANSITIONS,
    LOT_UNSUCCESSFUL,
    LotState,
    ProcedureLot,
    furthest,
)
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.procedure import (
    PHASES,
    PROCEDURE_TRANSITIONS,
    Procedure,
    ProcedureState,
    told_by,
)
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, PROCEDURE, content

S = TypeVar("S")
DAY = timedelta(days=1)


def reached(graph: Mapping[tuple[S, str], S], state: S, seen: set[S]) -> Iterator[S]:
    """Walk a graph from a state, and give each state once."""
    if state in seen:
        return
    seen.add(state)
    yield state
    for (start, _), end in graph.items():
        if start == state:
            yield from reached(graph, end, seen)


def published(number: int = 1, **changes: object) -> Notice:
    said = content().model_copy(update=changes)
    return Notice(
        UUID(int=number), PROCEDURE, INTERCOMMUNALITY, NoticeState.PUBLISHED, 2, said, BEFORE, published_at=BEFORE
    )


def lot(number: int, **said: object) -> Lot:
    given = {"lot_id": f"LOT-{number:04}", "title": f"Lot {number}", "nature": "works", "cpv": ["45233140"]}
    return Lot.model_validate(given | said)


def draft() -> Procedure:
    return Procedure(PROCEDURE, INTERCOMMUNALITY, ProcedureState.DRAFT, 1, "Voirie", BEFORE)


def opened(*numbers: int) -> Procedure:
    return draft().with_notice(published(lots=[lot(number) for number in numbers or (1,)]))


def closed(*numbers: int) -> Procedure:
    procedure = opened(*numbers)
    assert procedure.deadline is not None
    return procedure.closed(procedure.deadline)


def test_every_state_is_reached_from_a_draft_and_every_edge_names_an_event_of_the_platform() -> None:
    assert set(reached(PROCEDURE_TRANSITIONS, ProcedureState.DRAFT, set())) == PHASES
    assert set(reached(LOT_TRANSITIONS, LotState.DRAFT, set())) == set(LotState)
    types = set(all_types())
    for _, event in (*PROCEDURE_TRANSITIONS, *LOT_TRANSITIONS):
        assert event.partition("/")[0] in types


def test_every_event_of_the_life_of_procedures_and_lots_is_on_an_edge() -> None:
    on_edges = {event.partition("/")[0] for _, event in (*PROCEDURE_TRANSITIONS, *LOT_TRANSITIONS)}
    ours = {name for name in all_types() if name.startswith(("notices.procedure.", "notices.lot."))}
    assert ours <= on_edges


def test_every_edge_of_a_lot_is_walked_and_every_other_one_is_refused() -> None:
    names = {event for _, event in LOT_TRANSITIONS}
    for state in LotState:
        for event in names:
            end = LOT_TRANSITIONS.get((state, event))
            if end is None:
                with pytest.raises(IllegalTransition):
                    ProcedureLot("LOT-0001", state).after(event)
            else:
                assert ProcedureLot("LOT-0001", state).after(event).state is end


def test_every_edge_of_a_procedure_is_walked_and_every_other_one_is_refused() -> None:
    names = {event for _, event in PROCEDURE_TRANSITIONS}
    for phase in PHASES:
        for event in names:
            end = PROCEDURE_TRANSITIONS.get((phase, event))
            if end is None:
                with pytest.raises(IllegalTransition):
                    replace(draft(), phase=phase).after(event)
            else:
                after = replace(draft(), phase=phase).after(event)
                assert (after.phase, after.version) == (end, 2)


def test_a_lot_goes_forward_only_unless_two_decisions_crossed() -> None:
    order = list(LotState)
    for (start, event), end in LOT_TRANSITIONS.items():
        if start not in FAILED:
            assert order.index(end) >= order.index(start) or end in FAILED, (start, event)


def test_the_state_of_a_closed_procedure_is_that_of_its_furthest_living_lot() -> None:
    after = [state for state in LotState if state not in {LotState.DRAFT, LotState.PLANNED, LotState.OPEN}]
    for states in combinations_with_replacement(after, 3):
        lots = tuple(ProcedureLot(f"LOT-{number}", state) for number, state in enumerate(states))
        procedure = replace(draft(), phase=ProcedureState.CLOSED, lots=lots)
        living = [state for state in states if state not in FAILED]
        if living:
            assert procedure.state.value == max(living, key=list(LotState).index).value
        else:
            assert procedure.state.value == furthest(states).value
            assert procedure.state.value in {"unsuccessful", "abandoned"}
        assert procedure.public_state not in {
            ProcedureState.AWARDED,
            ProcedureState.SIGNED,
            ProcedureState.UNSUCCESSFUL,
        }


def test_each_lot_has_its_own_end() -> None:
    procedure = closed(1, 2, 3)
    assert procedure.state is ProcedureState.CLOSED
    awarded = procedure.after_lot("LOT-0001", AWARD_DECIDED)
    assert (awarded.state, awarded.public_state) == (ProcedureState.AWARDED, ProcedureState.CLOSED)
    failed = awarded.with_lot(awarded.lot("LOT-0002").failed(LOT_UNSUCCESSFUL, "no-rece", None))
    given_up = failed.abandoned("LOT-0003", "ins-fund", "Crédits supprimés par le budget.")
    assert [each.state.value for each in given_up.lots] == ["awarded", "unsuccessful", "abandoned"]
    assert [each.public_state.value for each in given_up.lots] == ["closed", "closed", "abandoned"]
    signed = given_up.after_lot("LOT-0001", CONTRACT_SIGNED)
    assert (signed.state, signed.public_state) == (ProcedureState.SIGNED, ProcedureState.CLOSED)
    notified = signed.after_lot("LOT-0001", CONTRACT_NOTIFIED)
    assert notified.state is notified.public_state is ProcedureState.NOTIFIED
    with pytest.raises(IllegalTransition):
        notified.abandoned("LOT-0001", "other", "Trop tard : le marché est conclu.")
    with pytest.raises(NotFound):
        notified.after_lot("LOT-0009", AWARD_DECIDED)
    with pytest.raises(StaleVersion):
        notified.require_version(1)


def test_the_events_of_a_contract_may_come_before_those_of_its_award() -> None:
    procedure = closed(1)
    for order in (
        (CONTRACT_SIGNED, AWARD_DECIDED, CONTRACT_NOTIFIED),
        (CONTRACT_SIGNED, CONTRACT_NOTIFIED, AWARD_DECIDED),
    ):
        walked = procedure
        for event in order:
            walked = walked.after_lot("LOT-0001", event)
        assert walked.state is ProcedureState.NOTIFIED


def test_an_open_procedure_given_up_lot_by_lot_closes_with_the_last() -> None:
    procedure = opened(1, 2).abandoned("LOT-0001", "chan-need", "Le besoin a disparu.")
    assert (procedure.state, procedure.version) == (ProcedureState.OPEN, 3)
    done = procedure.abandoned("LOT-0002", "chan-need", "Le besoin a disparu.")
    assert (done.state, done.is_due(BEFORE + 400 * DAY)) == (ProcedureState.ABANDONED, False)
    cancelled = done.with_notice(published(2, kind="change", change=Change(reason="cancel")))
    assert cancelled.state is ProcedureState.ABANDONED
    with pytest.raises(Conflict, match="abandoned first"):
        closed(1).with_notice(published(2, kind="change", change=Change(reason="cancel")))


def test_the_timer_does_not_close_what_is_suspended_and_bidders_get_their_time_back() -> None:
    procedure = opened(1)
    assert procedure.deadline is not None
    at = procedure.deadline - 2 * DAY
    suspended = procedure.suspended(at)
    assert not suspended.is_due(procedure.deadline + 30 * DAY)
    resumed = suspended.resumed(at + 30 * DAY, None)
    assert resumed.deadline == resumed.next_deadline == procedure.deadline + 30 * DAY
    chosen = suspended.resumed(at + 30 * DAY, procedure.deadline + 60 * DAY)
    assert chosen.lot("LOT-0001").deadline == procedure.deadline + 60 * DAY
    with pytest.raises(Conflict):
        suspended.resumed(at + 30 * DAY, procedure.deadline)
    with pytest.raises(IllegalTransition):
        suspended.suspended(at)
    with pytest.raises(IllegalTransition):
        procedure.resumed(at, None)


def test_a_procedure_suspended_after_its_deadline_goes_back_to_its_lots() -> None:
    awarded = closed(1).after_lot("LOT-0001", AWARD_DECIDED)
    suspended = awarded.suspended(BEFORE)
    assert suspended.state is ProcedureState.SUSPENDED
    assert suspended.resumed(BEFORE + DAY, None).state is ProcedureState.AWARDED
    assert suspended.after_lot("LOT-0001", CONTRACT_SIGNED).state is ProcedureState.SUSPENDED


def test_a_lot_with_a_deadline_of_its_own_closes_alone() -> None:
    procedure = draft().with_notice(published(lots=[lot(1, deadline=BEFORE + 10 * DAY), lot(2)]))
    assert procedure.next_deadline == BEFORE + 10 * DAY
    assert procedure.is_due(BEFORE + 10 * DAY)
    assert procedure.due_lots(BEFORE + 10 * DAY) == ("LOT-0001",)
    alone = procedure.with_lot_closed("LOT-0001")
    assert (alone.state, alone.next_deadline, alone.version) == (ProcedureState.OPEN, procedure.deadline, 3)
    assert procedure.deadline is not None
    assert alone.due_lots(procedure.deadline) == ()
    told = events.lot_closed(alone, "LOT-0001", BEFORE + 10 * DAY)
    assert told.deadline == BEFORE + 10 * DAY


def test_a_correction_adds_lots_and_keeps_those_there_are() -> None:
    procedure = opened(1, 2)
    more = procedure.with_notice(published(2, kind="change", lots=[lot(1), lot(2), lot(3)], title="Autre"))
    assert [each.state for each in more.lots] == [LotState.OPEN] * 3
    assert (more.title, more.text_id, more.notice_id) == ("Autre", UUID(int=2), UUID(int=1))
    with pytest.raises(Conflict, match="LOT-0002"):
        procedure.with_notice(published(2, kind="change", lots=[lot(1)]))
    with pytest.raises(IllegalTransition):
        closed(1).with_notice(published(2, kind="change"))


def test_a_correction_leaves_alone_the_lots_that_are_over_and_announces_those_of_a_plan() -> None:
    early = BEFORE + 10 * DAY
    procedure = draft().with_notice(published(lots=[lot(1, deadline=early), lot(2)])).with_lot_closed("LOT-0001")
    later = published(2, kind="change", lots=[lot(1), lot(2)], deadline=BEFORE + 200 * DAY)
    corrected = procedure.with_notice(later)
    assert [(each.state, each.deadline) for each in corrected.lots] == [
        (LotState.CLOSED, early),
        (LotState.OPEN, BEFORE + 200 * DAY),
    ]
    planned = draft().with_notice(published(kind="planning", deadline=None))
    more = planned.with_notice(published(2, kind="change", deadline=None, lots=[lot(1), lot(2)]))
    assert [each.state for each in more.lots] == [LotState.PLANNED] * 2


def test_an_award_notice_moves_each_lot_and_makes_its_result_public() -> None:
    results = [
        LotResult(lot_id="LOT-0001", outcome="awarded"),
        LotResult(lot_id="LOT-0002", outcome="unsuccessful", reason="no-rece"),
    ]
    award = published(2, kind="award", results=results)
    told = closed(1, 2).with_notice(award)
    assert [each.public_state.value for each in told.lots] == ["awarded", "unsuccessful"]
    assert told.lot("LOT-0002").reason == "no-rece"
    elsewhere = draft().with_notice(award)
    assert elsewhere.public_state is ProcedureState.AWARDED
    with pytest.raises(Conflict, match="awaited"):
        opened(1).with_notice(award)
    standing = draft().with_notice(published(techniques=["dynamic-purchasing"], procedure_type="restricted"))
    assert standing.with_notice(published(2, kind="award", results=results[:1])).state is ProcedureState.OPEN


def test_a_contract_is_modified_once_it_is_concluded() -> None:
    change = published(3, kind="change", modification=Modification(lot_id="LOT-0001", reason="add-wss"))
    notified = closed(1).after_lot("LOT-0001", CONTRACT_NOTIFIED)
    assert notified.with_notice(change).state is ProcedureState.MODIFIED
    assert notified.with_notice(change).with_notice(change).public_state is ProcedureState.MODIFIED
    assert draft().with_notice(change).state is ProcedureState.MODIFIED
    with pytest.raises(IllegalTransition):
        closed(1).with_notice(change)


def test_what_a_notice_tells_is_known_from_its_content() -> None:
    told = {
        "planning": content(kind="planning"),
        "contract": content(),
        "award": content(kind="change", results=[LotResult(lot_id="LOT-0001", outcome="awarded")]),
        "change": content(kind="change", change=Change(reason="cor-buy")),
        "modification": content(kind="change", subtype="E6"),
        "cancellation": content(kind="change", change=Change(reason="cancel")),
    }
    assert {told_by(said): said for said in told.values()} == told


def test_a_planned_procedure_may_be_given_up() -> None:
    planned = draft().with_notice(published(kind="planning", deadline=None))
    assert planned.abandoned("LOT-0001", "chan-need", "Le projet est abandonné.").state is ProcedureState.ABANDONED
    assert planned.lot("LOT-0001").may_be_abandoned


def test_what_cannot_be_told_of_is_refused() -> None:
    with pytest.raises(ValueError, match="without deadline"):
        events.closed(draft(), BEFORE)
    with pytest.raises(ValueError, match="without deadline"):
        events.lot_closed(replace(draft(), lots=(ProcedureLot("LOT-0001"),)), "LOT-0001", BEFORE)
    assert (LotState.CLOSED, LOT_ABANDONED) in lot_graph.LOT_TRANSITIONS
