"""The procedure (consultation) that notices tell of, pure, and its state graph; its lots go on with theirs once it is closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import Conflict, IllegalTransition, NotFound, StaleVersion
from services.notices.content import NoticeContent
from services.notices.domain.lots import (
    CLOSED,
    FAILED,
    LOT_ABANDONED,
    LOT_CLOSED,
    LotState,
    ProcedureLot,
    furthest,
)
from services.notices.domain.notice import PUBLISHED, Notice

__all__ = [
    "PHASES",
    "PROCEDURE_TRANSITIONS",
    "RESUMED",
    "SUSPENDED",
    "Procedure",
    "ProcedureState",
    "told_by",
]


class ProcedureState(StrEnum):
    """The life of a procedure: its own phases, then the state of its furthest lot."""

    DRAFT = "draft"
    PLANNED = "planned"
    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    UNSUCCESSFUL = "unsuccessful"
    ABANDONED = "abandoned"
    AWARDED = "awarded"
    SIGNED = "signed"
    NOTIFIED = "notified"
    MODIFIED = "modified"


SUSPENDED: Final = "notices.procedure.suspended.v1"
RESUMED: Final = "notices.procedure.resumed.v1"
_S = ProcedureState
PHASES: Final = frozenset({_S.DRAFT, _S.PLANNED, _S.OPEN, _S.SUSPENDED, _S.CLOSED})
"""The states that are the procedure's own; from `closed` on, its lots say the rest."""
PROCEDURE_TRANSITIONS: Final[dict[tuple[ProcedureState, str], ProcedureState]] = {
    (_S.DRAFT, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.DRAFT, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.PLANNED, f"{PUBLISHED}/planning"): _S.PLANNED,
    (_S.PLANNED, f"{PUBLISHED}/change"): _S.PLANNED,
    (_S.PLANNED, f"{PUBLISHED}/contract"): _S.OPEN,
    (_S.PLANNED, LOT_ABANDONED): _S.PLANNED,
    (_S.PLANNED, f"{LOT_ABANDONED}/last"): _S.CLOSED,
    (_S.OPEN, f"{PUBLISHED}/change"): _S.OPEN,
    (_S.OPEN, LOT_CLOSED): _S.OPEN,
    (_S.OPEN, LOT_ABANDONED): _S.OPEN,
    (_S.OPEN, f"{LOT_ABANDONED}/last"): _S.CLOSED,
    (_S.OPEN, CLOSED): _S.CLOSED,
    (_S.OPEN, SUSPENDED): _S.SUSPENDED,
    (_S.CLOSED, SUSPENDED): _S.SUSPENDED,
    (_S.SUSPENDED, f"{PUBLISHED}/change"): _S.SUSPENDED,
    (_S.SUSPENDED, f"{PUBLISHED}/award"): _S.SUSPENDED,
    (_S.SUSPENDED, LOT_ABANDONED): _S.SUSPENDED,
    (_S.SUSPENDED, f"{LOT_ABANDONED}/last"): _S.CLOSED,
    (_S.SUSPENDED, f"{RESUMED}/open"): _S.OPEN,
    (_S.SUSPENDED, f"{RESUMED}/closed"): _S.CLOSED,
    (_S.CLOSED, LOT_ABANDONED): _S.CLOSED,
    (_S.CLOSED, f"{LOT_ABANDONED}/last"): _S.CLOSED,
    (_S.CLOSED, f"{PUBLISHED}/award"): _S.CLOSED,
    (_S.CLOSED, f"{PUBLISHED}/modification"): _S.CLOSED,
    (_S.CLOSED, f"{PUBLISHED}/cancellation"): _S.CLOSED,
    # systems that stay open while contracts are awarded
    (_S.OPEN, f"{PUBLISHED}/award"): _S.OPEN,
    # a result whose competition was published elsewhere, or that had none
    (_S.DRAFT, f"{PUBLISHED}/award"): _S.CLOSED,
    (_S.PLANNED, f"{PUBLISHED}/award"): _S.CLOSED,
    (_S.DRAFT, f"{PUBLISHED}/modification"): _S.CLOSED,
}
"""(phase, event type, with what the notice tells for publications): next phase. The other events of lots change no phase."""

_STANDING: Final = frozenset({"dynamic-purchasing", "qualification-system"})
_MODIFICATIONS: Final = frozenset({"38", "39", "40", "E6"})


def told_by(content: NoticeContent) -> str:
    """Say what a notice tells its procedure: planning, contract, award, change, modification or cancellation."""
    if content.kind != "change":
        return content.kind
    if content.modification is not None or content.subtype in _MODIFICATIONS:
        return "modification"
    if content.results:
        return "award"
    return "cancellation" if content.change is not None and content.change.reason == "cancel" else "change"


@dataclass(frozen=True, slots=True)
class Procedure:
    """A consultation: what its notices tell, one after the other."""

    procedure_id: UUID
    organisation: str
    phase: ProcedureState
    version: int
    title: str
    created_at: datetime
    formal: bool = False
    deadline: datetime | None = None
    """The last one of its lots."""
    notice_id: UUID | None = None
    """The contract notice that opened it."""
    text_id: UUID | None = None
    """The notice whose text holds: the last one, corrections included, that told of the competition."""
    closed_at: datetime | None = None
    suspended_at: datetime | None = None
    standing: bool = False
    """Whether contracts are awarded while it stays open: no deadline, or a system that takes candidates all along."""
    lots: tuple[ProcedureLot, ...] = ()

    @property
    def state(self) -> ProcedureState:
        """Its phase; once closed, the state of its furthest lot."""
        return self._state(lot.state for lot in self.lots)

    @property
    def public_state(self) -> ProcedureState:
        """What anybody may know of it."""
        return self._state(lot.public_state for lot in self.lots)

    def _state(self, states: Iterable[LotState]) -> ProcedureState:
        found = tuple(states)
        if self.phase is not ProcedureState.CLOSED or not found:
            return self.phase
        return ProcedureState(furthest(found).value)

    @property
    def next_deadline(self) -> datetime | None:
        """The next instant at which the timer has something to close."""
        if self.phase is not ProcedureState.OPEN:
            return None
        return min((lot.deadline for lot in self._open_lots if lot.deadline), default=self.deadline)

    @property
    def _open_lots(self) -> tuple[ProcedureLot, ...]:
        return tuple(lot for lot in self.lots if lot.state is LotState.OPEN)

    def require_version(self, version: int) -> None:
        """Let only a change of the present version pass. Raises StaleVersion."""
        if version != self.version:
            raise StaleVersion(
                f"La consultation en est à la version {self.version} : relisez-la, puis refaites votre demande.",
                f"The procedure is at version {self.version}: read it again, then redo your request.",
            )

    def after(self, event: str) -> Procedure:
        """Give the procedure after an event. Raises IllegalTransition where the graph has no such edge."""
        phase = PROCEDURE_TRANSITIONS.get((self.phase, event))
        if phase is None:
            raise IllegalTransition(
                f"La consultation est à l'état « {self.state} » : cette étape n'y est pas possible ({event}).",
                f"The procedure is '{self.state}': this step is not possible ({event}).",
            )
        return replace(self, phase=phase, version=self.version + 1)

    def lot(self, lot_id: str) -> ProcedureLot:
        """Give one of its lots. Raises NotFound."""
        for lot in self.lots:
            if lot.lot_id == lot_id:
                return lot
        names = ", ".join(lot.lot_id for lot in self.lots)
        raise NotFound(f"Lot inconnu ; lots : {names}.", f"Unknown lot; lots: {names}.")

    def with_lot(self, lot: ProcedureLot) -> Procedure:
        """Give the procedure with a lot that changed, at its next version."""
        lots = tuple(lot if each.lot_id == lot.lot_id else each for each in self.lots)
        return replace(self, lots=lots, version=self.version + 1)

    def after_lot(self, lot_id: str, event: str) -> Procedure:
        """Give the procedure after what happened to a lot. Raises NotFound, IllegalTransition."""
        return self.with_lot(self.lot(lot_id).after(event))

    def is_due(self, at: datetime) -> bool:
        """Say whether a deadline passed while it is open."""
        return self.next_deadline is not None and self.next_deadline <= at

    def due_lots(self, at: datetime) -> tuple[str, ...]:
        """Give the lots whose own deadline passed while others still take bids; none when it closes as a whole."""
        due = tuple(lot.lot_id for lot in self._open_lots if lot.deadline is not None and lot.deadline <= at)
        return due if len(due) < len(self._open_lots) else ()

    def with_lot_closed(self, lot_id: str) -> Procedure:
        """Give the procedure with a lot closed at its own deadline. Raises IllegalTransition."""
        closed = self.after(LOT_CLOSED)
        return replace(closed.after_lot(lot_id, LOT_CLOSED), version=closed.version)

    def closed(self, at: datetime) -> Procedure:
        """Give the procedure closed at its deadline. Raises IllegalTransition."""
        lots = tuple(lot.after(CLOSED) if lot.state is LotState.OPEN else lot for lot in self.lots)
        return replace(self.after(CLOSED), lots=lots, closed_at=at)

    def abandoned(self, lot_id: str, reason: str, explanation: str) -> Procedure:
        """Give the procedure with a lot given up (R2185-1); it closes with its last living lot. Raises IllegalTransition."""
        lot = self.lot(lot_id).failed(LOT_ABANDONED, reason, explanation)
        others = [each for each in self.lots if each.lot_id != lot_id]
        last = all(each.state in FAILED for each in others)
        given_up = self.after(f"{LOT_ABANDONED}/last" if last else LOT_ABANDONED)
        return replace(given_up.with_lot(lot), version=given_up.version)

    def suspended(self, at: datetime) -> Procedure:
        """Give the procedure suspended. Raises IllegalTransition, also where no lot is left to wait for."""
        if self.lots and all(lot.state in FAILED for lot in self.lots):
            raise IllegalTransition(
                "Aucun lot ne peut plus aboutir : il n'y a rien à suspendre.",
                "No lot can lead to a contract any more: there is nothing to suspend.",
            )
        return replace(self.after(SUSPENDED), suspended_at=at)

    def resumed(self, at: datetime, deadline: datetime | None) -> Procedure:
        """Give the procedure that goes on. Raises IllegalTransition, Conflict.

        Where bids are awaited, each deadline is put off: to the one given, else by the time of the suspension, so that
        bidders keep the time they had.
        """
        if self.suspended_at is None or not self._open_lots:
            return replace(self.after(f"{RESUMED}/closed"), suspended_at=None)
        lost = at - self.suspended_at
        following = deadline or (self.deadline + lost if self.deadline else None)
        self._refuse_earlier(following, at)
        lots = tuple(_put_off(lot, self.deadline, following, lost=lost) for lot in self.lots)
        return replace(self.after(f"{RESUMED}/open"), suspended_at=None, deadline=following, lots=lots)

    def with_notice(self, notice: Notice) -> Procedure:
        """Give the procedure once one of its notices is published. Raises IllegalTransition, Conflict."""
        content = notice.content
        tells = told_by(notice.written)
        following = self.after(f"{PUBLISHED}/{tells}")
        if tells in {"planning", "contract"}:
            return following.announced(notice)
        if tells == "change":
            return following.corrected(notice)
        if tells == "award":
            return following.with_results(content)
        if tells == "modification":
            return following.with_modification(content)
        return following.require_abandoned()

    def announced(self, notice: Notice) -> Procedure:
        """Give the procedure as a planning or contract notice tells it."""
        content = notice.content
        lots = tuple(
            ProcedureLot(lot.lot_id, deadline=lot.deadline or content.deadline).after(f"{PUBLISHED}/{content.kind}")
            for lot in content.lots
        )
        if content.kind == "planning":
            return replace(self, text_id=notice.notice_id, lots=lots)
        return replace(
            self,
            title=content.title,
            formal=content.formal,
            deadline=content.deadline,
            notice_id=notice.notice_id,
            text_id=notice.notice_id,
            standing=content.deadline is None or bool(_STANDING & set(content.techniques)),
            lots=lots,
        )

    def corrected(self, notice: Notice) -> Procedure:
        """Give the procedure with what a change notice says: texts, deadlines, new lots. Raises Conflict."""
        content = notice.content
        known = {lot.lot_id: lot for lot in self.lots}
        missing = [lot_id for lot_id in known if lot_id not in {lot.lot_id for lot in content.lots}]
        if missing:
            raise Conflict(
                f"Cette rectification oublie {', '.join(missing)} : reprenez ces lots, ou déclarez-les d'abord sans suite.",
                f"This correction leaves out {', '.join(missing)}: keep these lots, or declare them abandoned first.",
            )
        self._refuse_earlier(content.deadline, None)
        lots = [
            self._corrected_lot(known.get(said.lot_id), said.lot_id, said.deadline or content.deadline)
            for said in content.lots
        ]
        deadline = content.deadline or self.deadline
        return replace(self, title=content.title, deadline=deadline, text_id=notice.notice_id, lots=tuple(lots))

    def _corrected_lot(self, known: ProcedureLot | None, lot_id: str, deadline: datetime | None) -> ProcedureLot:
        """Give a lot after a correction: a new one is where the others are, one that is over stays as it is."""
        if known is None:
            kind = "planning" if self.phase is ProcedureState.PLANNED else "change"
            return ProcedureLot(lot_id, deadline=deadline).after(f"{PUBLISHED}/{kind}")
        if known.state not in {LotState.PLANNED, LotState.OPEN}:
            return known
        return replace(known.after(f"{PUBLISHED}/change"), deadline=deadline or known.deadline)

    def with_results(self, content: NoticeContent) -> Procedure:
        """Give the procedure with the public results of lots. Raises IllegalTransition, Conflict while bids are awaited."""
        if self.phase is ProcedureState.OPEN and not self.standing:
            raise Conflict(
                "Les offres sont encore attendues : le résultat se publie une fois la date limite passée.",
                "Bids are still awaited: the result is published once the deadline has passed.",
            )
        lots = {lot.lot_id: lot for lot in self.lots}
        for result in content.results:
            lot = lots.get(result.lot_id, ProcedureLot(result.lot_id)).after(f"{PUBLISHED}/{result.outcome}")
            told = lot.state is not LotState.OPEN
            lots[result.lot_id] = replace(lot, told=told, reason=result.reason or lot.reason)
        return replace(self, lots=tuple(lots.values()))

    def with_modification(self, content: NoticeContent) -> Procedure:
        """Give the procedure with a modified contract. Raises IllegalTransition where its lot has no contract yet."""
        modified = content.modification
        named = modified.lot_id if modified is not None and modified.lot_id else content.lots[0].lot_id
        known = self if any(lot.lot_id == named for lot in self.lots) else self._with_unknown(named)
        lots = tuple(
            replace(lot.after(f"{PUBLISHED}/modification"), told=True) if lot.lot_id == named else lot
            for lot in known.lots
        )
        return replace(self, lots=lots)

    def _with_unknown(self, lot_id: str) -> Procedure:
        return replace(self, lots=(*self.lots, ProcedureLot(lot_id)))

    def require_abandoned(self) -> Procedure:
        """Let a cancellation notice follow the decision alone. Raises Conflict."""
        if any(lot.state is not LotState.ABANDONED for lot in self.lots):
            raise Conflict(
                "Déclarez d'abord la consultation sans suite, avec son motif (R2185-1) ; l'avis d'annulation se publie ensuite.",
                "Declare the procedure abandoned first, with the reason (R2185-1); its cancellation is published then.",
            )
        return self

    def _refuse_earlier(self, deadline: datetime | None, at: datetime | None) -> None:
        """Let a deadline be put off, never brought forward: bidders rely on the one they read (R2151-4 CCP extends only)."""
        if deadline is None:
            return
        if (self.deadline is not None and deadline < self.deadline) or (at is not None and deadline <= at):
            told = max(filter(None, (self.deadline, at)))
            raise Conflict(
                f"La date limite ne peut qu'être reportée, après le {told:%d/%m/%Y %H:%M} UTC.",
                f"The deadline can only be put off, after {told.isoformat()}.",
            )


def _put_off(lot: ProcedureLot, last: datetime | None, following: datetime | None, *, lost: timedelta) -> ProcedureLot:
    if lot.state is not LotState.OPEN or lot.deadline is None:
        return lot
    return replace(lot, deadline=following if lot.deadline == last else lot.deadline + lost)
