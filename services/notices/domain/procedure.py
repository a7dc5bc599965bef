"""The procedure (consultation) that notices tell of, pure, and its state graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import Conflict, IllegalTransition
from services.notices.domain.notice import PUBLISHED, Notice

__all__ = ["AWARD_DECIDED", "CLOSED", "CONTRACT_NOTIFIED", "PROCEDURE_TRANSITIONS", "Procedure", "ProcedureState"]


class ProcedureState(StrEnum):
    """The life of a procedure."""

    DRAFT = "draft"
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    AWARDED = "awarded"
    NOTIFIED = "notified"


CLOSED: Final = "notices.procedure.closed.v1"
AWARD_DECIDED: Final = "bids.award.decided.v1"
CONTRACT_NOTIFIED: Final = "bids.contract.notified.v1"
_S = ProcedureState
PROCEDURE_TRANSITIONS: Final[dict[tuple[ProcedureState, str], ProcedureState]] = {
    (_S.DRAFT, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.PLANNED, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.DRAFT, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.PLANNED, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.OPEN, f"{PUBLISHED}/change"): _S.OPEN,
    (_S.OPEN, CLOSED): _S.CLOSED,
    (_S.CLOSED, AWARD_DECIDED): _S.AWARDED,
    (_S.AWARDED, AWARD_DECIDED): _S.AWARDED,
    (_S.NOTIFIED, AWARD_DECIDED): _S.NOTIFIED,
    (_S.CLOSED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.AWARDED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    (_S.NOTIFIED, CONTRACT_NOTIFIED): _S.NOTIFIED,
    # a result whose competition was published elsewhere
    (_S.DRAFT, f"{PUBLISHED}/award"): _S.AWARDED,
    (_S.PLANNED, f"{PUBLISHED}/award"): _S.AWARDED,
    (_S.CLOSED, f"{PUBLISHED}/award"): _S.AWARDED,
    (_S.AWARDED, f"{PUBLISHED}/award"): _S.AWARDED,
    (_S.NOTIFIED, f"{PUBLISHED}/award"): _S.NOTIFIED,
    # a contract's modification
    (_S.AWARDED, f"{PUBLISHED}/change"): _S.AWARDED,
    (_S.NOTIFIED, f"{PUBLISHED}/change"): _S.NOTIFIED,
}
"""(state, event type, with the notice's kind for publications): next state. Events of one contract may overtake those of another."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A consultation: what its notices tell, one after the other."""

    procedure_id: UUID
    organisation: str
    state: ProcedureState
    version: int
    title: str
    created_at: datetime
    formal: bool = False
    deadline: datetime | None = None
    notice_id: UUID | None = None
    """The contract notice that opened it."""
    closed_at: datetime | None = None
    lots: tuple[str, ...] = field(default=())

    def after(self, event: str) -> Procedure:
        """Give the procedure after an event. Raises IllegalTransition where the graph has no such edge."""
        state = PROCEDURE_TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(
                f"La consultation est à l'état « {self.state} » : cette étape n'y est pas possible ({event}).",
                f"The procedure is '{self.state}': this step is not possible ({event}).",
            )
        return replace(self, state=state, version=self.version + 1)

    def with_notice(self, notice: Notice) -> Procedure:
        """Give the procedure once one of its notices is published. Raises IllegalTransition."""
        content = notice.content
        following = self.after(f"{PUBLISHED}/{content.kind}")
        if content.kind == "contract":
            lots = tuple(lot.lot_id for lot in content.lots)
            return replace(
                following,
                title=content.title,
                formal=content.formal,
                deadline=content.deadline,
                notice_id=notice.notice_id,
                lots=lots,
            )
        if content.kind == "change" and following.state is ProcedureState.OPEN and content.deadline:
            self._refuse_earlier(content.deadline)
            return replace(following, deadline=content.deadline)
        return following

    def _refuse_earlier(self, deadline: datetime) -> None:
        """Let a deadline be put off, never brought forward: bidders rely on the one they read (R2151-4 CCP extends only)."""
        if self.deadline is not None and deadline < self.deadline:
            raise Conflict(
                f"La date limite ne peut qu'être reportée : elle est fixée au {self.deadline:%d/%m/%Y %H:%M} UTC.",
                f"The deadline can only be put off: it is {self.deadline.isoformat()}.",
            )

    def is_due(self, at: datetime) -> bool:
        """Say whether its deadline passed while it is open."""
        return self.state is ProcedureState.OPEN and self.deadline is not None and self.deadline <= at

    def closed(self, at: datetime) -> Procedure:
        """Give the procedure closed at its deadline. Raises IllegalTransition."""
        return replace(self.after(CLOSED), closed_at=at)
