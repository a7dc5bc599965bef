"""The state graph of signature requests, walked edge by edge."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from libs.common.errors import IllegalTransition, InvalidInput
from libs.common.messages.base import DocumentReference
from services.signature.domain import (
    CLOSED,
    MAX_STEPS,
    TRANSITIONS,
    Action,
    PlannedStep,
    Request,
    State,
    Step,
    check_circuit,
)
from services.signature.errors import NotYourTurn, StepNotCurrent

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DOCUMENT = DocumentReference(key="exchange/a", name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64)
VISA = PlannedStep(Action.VISA, "director", "Directrice")
SIGN = PlannedStep(Action.SIGNATURE, "president", "Président")


def request(state: State = State.RECEIVED, *steps: Step) -> Request:
    return Request(
        uuid4(), "SIRET:20006682500012", None, uuid4(), "Toiture", state, 1, DOCUMENT, DOCUMENT, NOW, steps=steps
    )


def test_the_graph_has_exactly_its_edges_and_closed_states_have_none() -> None:
    for state, event in product(State, {event for _, event in TRANSITIONS}):
        wanted = TRANSITIONS.get((state, event))
        if wanted is None:
            with pytest.raises(IllegalTransition):
                request(state).moved(event, NOW)
            continue
        moved = request(state).moved(event, NOW)
        assert (moved.state, moved.version) == (wanted, 2)
        assert (moved.closed_at is not None) == (wanted in CLOSED)
    assert not [edge for edge in TRANSITIONS if edge[0] in CLOSED]
    assert {State.RECEIVED, *TRANSITIONS.values()} == set(State)


def test_only_the_person_of_the_current_step_may_do_its_action() -> None:
    opened = request().opened([VISA, SIGN], {}, NOW)
    assert opened.turn_of("director", 1, Action.VISA).number == 1
    with pytest.raises(NotYourTurn):
        opened.turn_of("president", 1, Action.VISA)
    for number, action in ((1, Action.SIGNATURE), (2, Action.SIGNATURE), (0, Action.VISA), (3, Action.VISA)):
        with pytest.raises(StepNotCurrent):
            opened.turn_of("director", number, action)
    with pytest.raises(StepNotCurrent):
        opened.moved("signature_given", NOW).turn_of("director", 1, Action.VISA)


def test_the_last_step_completes_the_request() -> None:
    opened = request().opened([VISA, SIGN], {}, NOW)
    once = opened.step_done(NOW, "director")
    assert (once.state, once.current) == (State.OPEN, once.steps[1])
    twice = once.step_done(NOW, "president")
    assert (twice.state, twice.current, twice.closed_at) == (State.COMPLETED, None, NOW)
    with pytest.raises(StepNotCurrent):
        twice.step_done(NOW, "president")


def test_a_request_keeps_the_circuit_it_entered() -> None:
    circuit = [VISA, SIGN]
    opened = request().opened(circuit, {}, NOW)
    circuit.clear()
    assert len(opened.steps) == 2


def test_circuits_must_be_able_to_sign_once_each() -> None:
    check_circuit([VISA, SIGN, PlannedStep(Action.VISA, "president", "Président")])
    for wrong in ([VISA], [SIGN, SIGN], [SIGN] + [VISA] * MAX_STEPS):
        with pytest.raises(InvalidInput):
            check_circuit(wrong)
