"""The two aggregates of the service, pure: the notice and the procedure (consultation) it belongs to, and their state graphs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import Conflict, FieldError, IllegalTransition, StaleVersion
from libs.common.messages.base import DocumentReference
from libs.common.messages.notices import OpeningKeySet
from services.notices.content import NoticeContent
from services.notices.errors import NotPublishable

__all__ = [
    "NOTICE_TRANSITIONS",
    "PROCEDURE_TRANSITIONS",
    "Changes",
    "Notice",
    "NoticeState",
    "Procedure",
    "ProcedureState",
]


class NoticeState(StrEnum):
    """The life of a notice."""

    DRAFT = "draft"
    PUBLISHED = "published"


class ProcedureState(StrEnum):
    """The life of a procedure."""

    DRAFT = "draft"
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    AWARDED = "awarded"
    NOTIFIED = "notified"


PUBLISHED: Final = "notices.notice.published.v1"
CLOSED: Final = "notices.procedure.closed.v1"
AWARD_DECIDED: Final = "bids.award.decided.v1"
CONTRACT_NOTIFIED: Final = "bids.contract.notified.v1"

NOTICE_TRANSITIONS: Final[dict[tuple[NoticeState, str], NoticeState]] = {
    (NoticeState.DRAFT, PUBLISHED): NoticeState.PUBLISHED,
}
"""(state, event type): next state."""

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
class Changes:
    """A change of a draft; what is None stays."""

    title: str | None = None
    description: str | None = None
    deadline: datetime | None = None
    opening: OpeningKeySet | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice: a draft known to its buyer alone, then a public text that changes no more."""

    notice_id: UUID
    procedure_id: UUID
    organisation: str
    state: NoticeState
    version: int
    content: NoticeContent
    created_at: datetime
    warnings: tuple[FieldError, ...] = ()
    documents: tuple[DocumentReference, ...] = ()
    source: DocumentReference | None = None
    """The raw XML, where it was imported."""
    published_at: datetime | None = None

    def require_version(self, version: int) -> None:
        """Let only a change of the present version pass. Raises StaleVersion."""
        if version != self.version:
            raise StaleVersion(
                f"L'avis en est à la version {self.version} : relisez-le, puis refaites votre modification.",
                f"The notice is at version {self.version}: read it again, then redo your change.",
            )

    def changed(self, changes: Changes) -> Notice:
        """Give the draft with these changes. Raises IllegalTransition once published."""
        self.require_draft()
        given = {
            name: value
            for name in ("title", "description", "deadline", "opening")
            if (value := getattr(changes, name)) is not None
        }
        return replace(self, content=self.content.model_copy(update=given), version=self.version + 1)

    def require_draft(self) -> None:
        """Let only a draft pass. Raises IllegalTransition."""
        if self.state is not NoticeState.DRAFT:
            raise IllegalTransition(
                "Cet avis est publié : il ne peut plus être modifié, seulement rectifié par un nouvel avis.",
                "This notice is published: it can no longer be changed, only corrected by a new notice.",
            )

    def published(self, at: datetime) -> Notice:
        """Give the notice made public. Raises IllegalTransition, or NotPublishable with every reason."""
        state = NOTICE_TRANSITIONS.get((self.state, PUBLISHED))
        if state is None:
            raise IllegalTransition("Cet avis est déjà publié.", "This notice is already published.")
        obstacles = self.obstacles(at)
        if obstacles:
            raise NotPublishable(obstacles)
        return replace(self, state=state, published_at=at, version=self.version + 1)

    def obstacles(self, at: datetime) -> tuple[FieldError, ...]:
        """Say what prevents the publication; nothing when it may be published."""
        content = self.content
        if content.kind not in {"contract", "change"}:
            return ()
        return (*self._deadline_obstacles(at), *(self._bidding_obstacles() if content.takes_bids else ()))

    def _deadline_obstacles(self, at: datetime) -> tuple[FieldError, ...]:
        deadline = self.content.deadline
        if deadline is None and self.content.takes_bids:
            text = "La date limite de réception des offres manque (BT-131) : indiquez-la."
            return (FieldError("deadline", text, "The deadline for tenders is missing (BT-131): give it."),)
        if deadline is not None and deadline <= at:
            text = f"La date limite ({deadline:%d/%m/%Y %H:%M} UTC) est passée : donnez-en une nouvelle."
            return (FieldError("deadline", text, f"The deadline ({deadline.isoformat()}) is past: give a new one."),)
        return ()

    def _bidding_obstacles(self) -> tuple[FieldError, ...]:
        found = []
        if self.content.electronic and self.content.opening is None:
            french = "Les clés d'ouverture des offres manquent : indiquez les agents habilités et combien doivent être présents."
            english = "The opening keys are missing: name the opening officers and how many are needed."
            found.append(FieldError("opening", french, english))
        if not self.documents and not self.content.documents_url:
            french = "Aucun document de la consultation : déposez-en un, ou donnez l'adresse où les trouver (BT-15)."
            english = "No procurement document: upload one, or give the address where they are (BT-15)."
            found.append(FieldError("documents", french, english))
        return tuple(found)


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
