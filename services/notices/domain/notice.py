"""The notice, pure: a draft known to its buyer alone, then a public text that changes no more; its state graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import FieldError, IllegalTransition, StaleVersion
from libs.common.messages.base import DocumentReference
from libs.common.messages.notices import OpeningKeySet
from services.notices.content import NoticeContent
from services.notices.errors import NotPublishable

__all__ = ["NOTICE_TRANSITIONS", "PUBLISHED", "Changes", "Notice", "NoticeState"]


class NoticeState(StrEnum):
    """The life of a notice."""

    DRAFT = "draft"
    PUBLISHED = "published"


PUBLISHED: Final = "notices.notice.published.v1"
NOTICE_TRANSITIONS: Final[dict[tuple[NoticeState, str], NoticeState]] = {
    (NoticeState.DRAFT, PUBLISHED): NoticeState.PUBLISHED,
}
"""(state, event type): next state."""


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
