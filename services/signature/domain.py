"""Signature circuits: a document goes from step to step, each done by the one person named for it, in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.errors import FieldError, IllegalTransition, InvalidInput
from libs.common.messages.base import DocumentReference
from services.signature.errors import NotYourTurn, StepNotCurrent

__all__ = [
    "MAX_STEPS",
    "TRANSITIONS",
    "Action",
    "Happening",
    "PlannedStep",
    "Request",
    "State",
    "Step",
    "check_circuit",
]

MAX_STEPS = 20


class Action(StrEnum):
    """What a person does at a step."""

    VISA = "visa"
    SIGNATURE = "signature"


class State(StrEnum):
    """Where a request is."""

    RECEIVED = "received"
    """The document is being verified."""
    BLOCKED = "blocked"
    """It cannot be signed as it is; the reason says why."""
    OPEN = "open"
    """The person of the current step is awaited."""
    COMPLETING = "completing"
    """A signature value came; its time stamp is asked and the document written."""
    COMPLETED = "completed"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """The same contract was submitted again."""


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.RECEIVED, "opened"): State.OPEN,
    (State.RECEIVED, "blocked"): State.BLOCKED,
    (State.RECEIVED, "superseded"): State.SUPERSEDED,
    (State.BLOCKED, "retried"): State.RECEIVED,
    (State.BLOCKED, "superseded"): State.SUPERSEDED,
    (State.OPEN, "step_completed"): State.OPEN,
    (State.OPEN, "completed"): State.COMPLETED,
    (State.OPEN, "signature_given"): State.COMPLETING,
    (State.OPEN, "refused"): State.REFUSED,
    (State.OPEN, "superseded"): State.SUPERSEDED,
    (State.COMPLETING, "step_completed"): State.OPEN,
    (State.COMPLETING, "completed"): State.COMPLETED,
    (State.COMPLETING, "signature_failed"): State.OPEN,
    (State.COMPLETING, "superseded"): State.SUPERSEDED,
}
CLOSED = frozenset({State.COMPLETED, State.REFUSED, State.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of an organisation's circuit."""

    action: Action
    person: str
    """The token's `sub`."""
    function: str
    """What the person is there: Maire, Directeur général des services..."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a request."""

    number: int
    action: Action
    person: str
    function: str
    done_at: datetime | None = None
    done_by: str | None = None
    """Who did it: the person named, or one who stands in for them by a recorded delegation."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a request's history."""

    at: datetime
    event: str
    step: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One document in one circuit."""

    request_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    """What is signed: a contract."""
    title: str
    state: State
    version: int
    submitted: DocumentReference
    document: DocumentReference
    created_at: datetime
    steps: tuple[Step, ...] = ()
    reason: str | None = None
    verification: dict[str, Any] | None = None
    closed_at: datetime | None = None
    news: tuple[Happening, ...] = field(default=(), compare=False)
    """What happened since it was read."""

    @property
    def current(self) -> Step | None:
        """The step that is awaited; none when the request is not in a circuit or is over."""
        if self.state not in {State.OPEN, State.COMPLETING}:
            return None
        return next((step for step in self.steps if step.done_at is None), None)

    def moved(self, event: str, at: datetime, *, step: int | None = None, detail: str | None = None) -> Request:
        """Follow an edge of the graph. Raises IllegalTransition."""
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(
                f"Impossible dans l'état actuel de la demande ({self.state}).",
                f"Not possible in the request's present state ({self.state}).",
            )
        return replace(
            self,
            state=state,
            version=self.version + 1,
            closed_at=at if state in CLOSED else None,
            news=(*self.news, Happening(at, event, step, detail)),
        )

    def opened(self, circuit: Sequence[PlannedStep], verification: dict[str, Any], at: datetime) -> Request:
        """Enter the circuit of the organisation as it stands now."""
        steps = tuple(
            Step(number, planned.action, planned.person, planned.function)
            for number, planned in enumerate(circuit, start=1)
        )
        return replace(self.moved("opened", at), steps=steps, verification=verification, reason=None)

    def blocked(self, reason: str, verification: dict[str, Any] | None, at: datetime) -> Request:
        """Stop before the circuit, with the reason."""
        return replace(self.moved("blocked", at, detail=reason), reason=reason, verification=verification)

    def turn_of(self, person: str, number: int, action: Action, stands_in_for: Collection[str] = ()) -> Step:
        """Give the step if it is this person's turn, or that of one they stand in for. Raises StepNotCurrent, NotYourTurn."""
        step = self.current
        if self.state is not State.OPEN or step is None or step.number != number or step.action is not action:
            raise StepNotCurrent(*_whose_turn(self))
        if step.person != person and step.person not in stands_in_for:
            raise NotYourTurn(
                f"L'étape {number} revient à la personne désignée comme {step.function}.",
                f"Step {number} belongs to the person named as {step.function}.",
            )
        if step.person != person and action is Action.SIGNATURE:
            self._refuse_second_signature(person)
        return step

    def _refuse_second_signature(self, person: str) -> None:
        """Refuse who would stand in, and signs at another step too: a person signs only once."""
        own = (step for step in self.steps if step.action is Action.SIGNATURE and person in {step.person, step.done_by})
        for step in own:
            raise NotYourTurn(
                f"Une personne ne signe qu'une fois : vous signez à l'étape {step.number}, un autre délégataire est nécessaire.",
                f"A person signs only once: you sign at step {step.number}, somebody else must stand in.",
            )

    def step_done(self, at: datetime, by: str) -> Request:
        """Mark the current step done by a person, and the request completed with the last one."""
        step = self.current
        if step is None:
            raise StepNotCurrent(*_whose_turn(self))
        steps = tuple(
            replace(item, done_at=at, done_by=by) if item.number == step.number else item for item in self.steps
        )
        event = "completed" if step.number == len(self.steps) else "step_completed"
        return replace(self.moved(event, at, step=step.number), steps=steps)

    def refused(self, person: str, reason: str, at: datetime, stands_in_for: Collection[str] = ()) -> Request:
        """Close the request: the person whose turn it is refuses, or one who stands in for them."""
        step = self.current
        if step is None:
            raise StepNotCurrent(*_whose_turn(self))
        self.turn_of(person, step.number, step.action, stands_in_for)
        return replace(self.moved("refused", at, step=step.number, detail=reason), reason=reason)


def _whose_turn(request: Request) -> tuple[str, str]:
    step = request.current
    if step is None or request.state is not State.OPEN:
        return (
            f"Aucune étape n'est attendue : la demande est dans l'état « {request.state} ».",
            f"No step is awaited: the request is in state {request.state}.",
        )
    return (
        f"L'étape attendue est la n° {step.number} ({step.action}, {step.function}).",
        f"The step awaited is number {step.number} ({step.action}).",
    )


def check_circuit(steps: Sequence[PlannedStep]) -> None:
    """Refuse a circuit that could not sign, or where one person would sign twice. Raises InvalidInput."""
    faults: list[FieldError] = []
    signatories = [step.person for step in steps if step.action is Action.SIGNATURE]
    if not signatories:
        faults.append(FieldError("/steps", "Il faut au moins une étape de signature.", "A signature step is needed."))
    if len(steps) > MAX_STEPS:
        faults.append(FieldError("/steps", f"{MAX_STEPS} étapes au plus.", f"At most {MAX_STEPS} steps."))
    if len(set(signatories)) < len(signatories):
        faults.append(FieldError("/steps", "Une personne ne signe qu'une fois.", "A person signs only once."))
    if faults:
        raise InvalidInput("Ce circuit n'est pas utilisable.", "This circuit cannot be used.", errors=faults)
