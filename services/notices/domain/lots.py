"""The lots of a procedure, pure: each has a life of its own, from its first publication to its contract; their state graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from libs.common.errors import IllegalTransition
from services.notices.domain.notice import PUBLISHED

__all__ = [
    "AWARD_DECIDED",
    "CLOSED",
    "CONTRACT_NOTIFIED",
    "CONTRACT_SIGNED",
    "FAILED",
    "LOT_ABANDONED",
    "LOT_CLOSED",
    "LOT_TRANSITIONS",
    "LOT_UNSUCCESSFUL",
    "LotState",
    "ProcedureLot",
    "furthest",
]


class LotState(StrEnum):
    """The life of a lot."""

    DRAFT = "draft"
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    UNSUCCESSFUL = "unsuccessful"
    ABANDONED = "abandoned"
    AWARDED = "awarded"
    SIGNED = "signed"
    NOTIFIED = "notified"
    MODIFIED = "modified"


CLOSED: Final = "notices.procedure.closed.v1"
LOT_CLOSED: Final = "notices.lot.closed.v1"
LOT_UNSUCCESSFUL: Final = "notices.lot.failed.v1"
LOT_ABANDONED: Final = "notices.lot.abandoned.v1"
AWARD_DECIDED: Final = "bids.award.decided.v1"
CONTRACT_SIGNED: Final = "bids.contract.signed.v1"
CONTRACT_NOTIFIED: Final = "bids.contract.notified.v1"
_S = LotState
LOT_TRANSITIONS: Final[dict[tuple[LotState, str], LotState]] = {
    (_S.DRAFT, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.DRAFT, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.DRAFT, f"{PUBLISHED}/change"): _S.OPEN,
    (_S.PLANNED, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.PLANNED, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.PLANNED, f"{PUBLISHED}/change"): _S.PLANNED,
    (_S.PLANNED, LOT_ABANDONED): _S.ABANDONED,
    (_S.OPEN, f"{PUBLISHED}/change"): _S.OPEN,
    (_S.OPEN, CLOSED): _S.CLOSED,
    (_S.OPEN, LOT_CLOSED): _S.CLOSED,
    (_S.OPEN, LOT_ABANDONED): _S.ABANDONED,
    (_S.CLOSED, AWARD_DECIDED): _S.AWARDED,
    (_S.CLOSED, LOT_UNSUCCESSFUL): _S.UNSUCCESSFUL,
    (_S.CLOSED, LOT_ABANDONED): _S.ABANDONED,
    (_S.AWARDED, AWARD_DECIDED): _S.AWARDED,
    (_S.AWARDED, LOT_ABANDONED): _S.ABANDONED,
    (_S.AWARDED, CONTRACT_SIGNED): _S.SIGNED,
    (_S.SIGNED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    # the events of an award and of its contract are two orders: one may overtake the other
    (_S.CLOSED, CONTRACT_SIGNED): _S.SIGNED,
    (_S.CLOSED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.AWARDED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.SIGNED, AWARD_DECIDED): _S.SIGNED,
    (_S.SIGNED, CONTRACT_SIGNED): _S.SIGNED,
    (_S.NOTIFIED, AWARD_DECIDED): _S.NOTIFIED,
    (_S.NOTIFIED, CONTRACT_SIGNED): _S.NOTIFIED,
    (_S.NOTIFIED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.MODIFIED, AWARD_DECIDED): _S.MODIFIED,
    (_S.MODIFIED, CONTRACT_SIGNED): _S.MODIFIED,
    (_S.MODIFIED, CONTRACT_NOTIFIED): _S.MODIFIED,
    # two agents decided at the same instant: an award whose letters left holds, a lot given up is not awarded (R2185-1),
    # a contract signed binds whatever crossed it
    (_S.UNSUCCESSFUL, AWARD_DECIDED): _S.AWARDED,
    (_S.UNSUCCESSFUL, CONTRACT_SIGNED): _S.SIGNED,
    (_S.UNSUCCESSFUL, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.ABANDONED, AWARD_DECIDED): _S.ABANDONED,
    (_S.ABANDONED, CONTRACT_SIGNED): _S.SIGNED,
    (_S.ABANDONED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    # award notices: of the platform's own results, or of a competition held elsewhere
    (_S.DRAFT, f"{PUBLISHED}/awarded"): _S.AWARDED,
    (_S.DRAFT, f"{PUBLISHED}/unsuccessful"): _S.UNSUCCESSFUL,
    (_S.DRAFT, f"{PUBLISHED}/abandoned"): _S.ABANDONED,
    (_S.PLANNED, f"{PUBLISHED}/awarded"): _S.AWARDED,
    (_S.PLANNED, f"{PUBLISHED}/unsuccessful"): _S.UNSUCCESSFUL,
    (_S.PLANNED, f"{PUBLISHED}/abandoned"): _S.ABANDONED,
    # a dynamic purchasing system or a qualification system goes on taking candidates while contracts are awarded
    (_S.OPEN, f"{PUBLISHED}/awarded"): _S.OPEN,
    (_S.CLOSED, f"{PUBLISHED}/awarded"): _S.AWARDED,
    (_S.CLOSED, f"{PUBLISHED}/unsuccessful"): _S.UNSUCCESSFUL,
    (_S.CLOSED, f"{PUBLISHED}/abandoned"): _S.ABANDONED,
    (_S.AWARDED, f"{PUBLISHED}/awarded"): _S.AWARDED,
    (_S.AWARDED, f"{PUBLISHED}/abandoned"): _S.ABANDONED,
    (_S.SIGNED, f"{PUBLISHED}/awarded"): _S.SIGNED,
    (_S.NOTIFIED, f"{PUBLISHED}/awarded"): _S.NOTIFIED,
    (_S.MODIFIED, f"{PUBLISHED}/awarded"): _S.MODIFIED,
    (_S.UNSUCCESSFUL, f"{PUBLISHED}/unsuccessful"): _S.UNSUCCESSFUL,
    (_S.ABANDONED, f"{PUBLISHED}/abandoned"): _S.ABANDONED,
    # the modification of a contract (L2194-1)
    (_S.DRAFT, f"{PUBLISHED}/modification"): _S.MODIFIED,
    (_S.AWARDED, f"{PUBLISHED}/modification"): _S.MODIFIED,
    (_S.SIGNED, f"{PUBLISHED}/modification"): _S.MODIFIED,
    (_S.NOTIFIED, f"{PUBLISHED}/modification"): _S.MODIFIED,
    (_S.MODIFIED, f"{PUBLISHED}/modification"): _S.MODIFIED,
}
"""(state, event type, with the notice's kind or the lot's outcome for publications): next state."""

FAILED: Final = frozenset({LotState.UNSUCCESSFUL, LotState.ABANDONED})
"""The states of a lot that leads to no contract."""
_FURTHER: Final = (
    LotState.PLANNED,
    LotState.OPEN,
    LotState.CLOSED,
    LotState.AWARDED,
    LotState.SIGNED,
    LotState.NOTIFIED,
    LotState.MODIFIED,
)
_SECRET: Final = frozenset({LotState.AWARDED, LotState.SIGNED, LotState.UNSUCCESSFUL})
"""What is told to the buyer alone until an award notice says it, or the contract is notified (R2181-1, L2132-1)."""
_WORDS: Final = {
    LotState.DRAFT: "en préparation",
    LotState.PLANNED: "annoncé",
    LotState.OPEN: "ouvert",
    LotState.CLOSED: "clos, à attribuer",
    LotState.UNSUCCESSFUL: "infructueux",
    LotState.ABANDONED: "sans suite",
    LotState.AWARDED: "attribué",
    LotState.SIGNED: "signé",
    LotState.NOTIFIED: "notifié",
    LotState.MODIFIED: "modifié",
}


@dataclass(frozen=True, slots=True)
class ProcedureLot:
    """A lot, as far as its procedure has come with it; what it is about is said by the notices."""

    lot_id: str
    state: LotState = LotState.DRAFT
    deadline: datetime | None = None
    reason: str | None = None
    """Why it failed: a code of non-award-justification (BT-144)."""
    explanation: str | None = None
    told: bool = False
    """Whether a published award notice says its result."""

    @property
    def public_state(self) -> LotState:
        """What anybody may know of it."""
        return LotState.CLOSED if self.state in _SECRET and not self.told else self.state

    @property
    def may_be_abandoned(self) -> bool:
        """Whether it can still be given up: at any time until its contract is signed (R2185-1)."""
        return self.state is not LotState.ABANDONED and (self.state, LOT_ABANDONED) in LOT_TRANSITIONS

    def after(self, event: str) -> ProcedureLot:
        """Give the lot after an event. Raises IllegalTransition where the graph has no such edge."""
        state = LOT_TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(
                f"Le lot {self.lot_id} est à l'état « {_WORDS[self.state]} » : cette étape n'y est pas possible.",
                f"Lot {self.lot_id} is '{self.state}': this step is not possible ({event}).",
            )
        return replace(self, state=state)

    def failed(self, event: str, reason: str, explanation: str | None) -> ProcedureLot:
        """Give the lot that leads to no contract, and why. Raises IllegalTransition."""
        return replace(self.after(event), reason=reason, explanation=explanation)


def furthest(states: Iterable[LotState]) -> LotState:
    """Give the state of a procedure from those of its lots: the furthest of those that live.

    Where none lives: given up when all were, else unsuccessful.
    """
    found = set(states)
    living = [state for state in _FURTHER if state in found]
    if living:
        return living[-1]
    return LotState.UNSUCCESSFUL if LotState.UNSUCCESSFUL in found else LotState.ABANDONED
