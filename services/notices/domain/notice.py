"""The notice, pure: a draft known to its buyer alone, then a public text that changes no more; its state graph.

A notice that no outside channel waits for goes from draft to published at once. Else it is checked, sent, and then either
published (the platform's turn comes last) or rejected, and mended as a draft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import FieldError, IllegalTransition, StaleVersion
from libs.common.messages.base import DocumentReference
from libs.common.messages.notices import Lot, OpeningKeySet
from services.notices.coherence import deadline_faults
from services.notices.content import NoticeContent
from services.notices.domain.withheld import Withheld, public_content, still
from services.notices.errors import NotPublishable

__all__ = [
    "CHECKED",
    "DISCLOSED",
    "NOTICE_TRANSITIONS",
    "PUBLISHED",
    "REJECTED",
    "REOPENED",
    "SENT",
    "Changes",
    "Notice",
    "NoticeState",
]


class NoticeState(StrEnum):
    """The life of a notice."""

    DRAFT = "draft"
    CHECKED = "checked"
    SENT = "sent"
    REJECTED = "rejected"
    PUBLISHED = "published"


CHECKED: Final = "notices.notice.checked.v1"
SENT: Final = "notices.notice.sent.v1"
REJECTED: Final = "notices.notice.rejected.v1"
REOPENED: Final = "notices.notice.reopened.v1"
PUBLISHED: Final = "notices.notice.published.v1"
DISCLOSED: Final = "notices.notice.disclosed.v1"
_S = NoticeState
NOTICE_TRANSITIONS: Final[dict[tuple[NoticeState, str], NoticeState]] = {
    (_S.DRAFT, CHECKED): _S.CHECKED,
    (_S.CHECKED, REOPENED): _S.DRAFT,
    (_S.CHECKED, SENT): _S.SENT,
    (_S.SENT, REJECTED): _S.REJECTED,
    (_S.REJECTED, REOPENED): _S.DRAFT,
    (_S.SENT, PUBLISHED): _S.PUBLISHED,
    # on the platform alone: no outside channel to wait for
    (_S.DRAFT, PUBLISHED): _S.PUBLISHED,
    (_S.CHECKED, PUBLISHED): _S.PUBLISHED,
    # a value withheld until that day (BT-198)
    (_S.PUBLISHED, DISCLOSED): _S.PUBLISHED,
}
"""(state, event type): next state. A change of what was checked or rejected takes it back to draft."""
_PUT: Final = {
    _S.DRAFT: ("en brouillon", "a draft"),
    _S.CHECKED: ("vérifié", "checked"),
    _S.SENT: ("envoyé à la publication", "sent for publication"),
    _S.REJECTED: ("refusé par un support de publication", "rejected by a publication channel"),
    _S.PUBLISHED: ("publié", "published"),
}


@dataclass(frozen=True, slots=True)
class Changes:
    """A change of a draft; what is None stays."""

    title: str | None = None
    description: str | None = None
    deadline: datetime | None = None
    opening: OpeningKeySet | None = None
    rewritten: Callable[[NoticeContent], NoticeContent] | None = None
    """What else changes in the content, before all of these."""


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
    sent_at: datetime | None = None
    """When it was sent for publication: minimum periods run from there (R2161-2 CCP). None: on the platform alone."""
    withheld: tuple[Withheld, ...] = ()
    """What the public does not read at present (BT-195)."""
    whole: NoticeContent | None = None
    """The content with what is withheld, None where nothing is: `content` is what the public reads."""

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it."""
        return self.state is NoticeState.PUBLISHED

    @property
    def dispatched_on(self) -> datetime | None:
        """The instant from which periods run: the sending, else the publication on the platform."""
        return self.sent_at or self.published_at

    @property
    def written(self) -> NoticeContent:
        """The content as its buyer wrote it, with what is withheld."""
        return self.whole or self.content

    def for_its_buyer(self) -> Notice:
        """Give the notice as the buyer's people read it."""
        return replace(self, content=self.written)

    def withholding(self, asked: tuple[Withheld, ...], at: datetime) -> Notice:
        """Give the notice with what it asks to be withheld at an instant set apart; itself where that is nothing."""
        withheld = still(asked, at)
        if not withheld:
            return replace(self, content=self.written, withheld=(), whole=None)
        return replace(self, content=public_content(self.written, withheld), withheld=withheld, whole=self.written)

    def disclosed(self, at: datetime) -> Notice:
        """Give the public notice with what is withheld no longer. Raises IllegalTransition where it is not public."""
        return self.after(DISCLOSED).withholding(self.withheld, at)

    def after(self, event: str) -> Notice:
        """Give the notice after an event. Raises IllegalTransition where the graph has no such edge."""
        state = NOTICE_TRANSITIONS.get((self.state, event))
        if state is None:
            french, english = _PUT[self.state]
            raise IllegalTransition(
                f"Cet avis est {french} : cette étape n'y est pas possible.",
                f"This notice is {english}: this step is not possible.",
            )
        return replace(self, state=state, version=self.version + 1)

    def require_version(self, version: int) -> None:
        """Let only a change of the present version pass. Raises StaleVersion."""
        if version != self.version:
            raise StaleVersion(
                f"L'avis en est à la version {self.version} : relisez-le, puis refaites votre modification.",
                f"The notice is at version {self.version}: read it again, then redo your change.",
            )

    def changed(self, changes: Changes) -> Notice:
        """Give the draft with these changes. Raises IllegalTransition once sent or published."""
        draft = self.reopened()
        given = {
            name: value
            for name in ("title", "description", "deadline", "opening")
            if (value := getattr(changes, name)) is not None
        }
        content = changes.rewritten(self.content) if changes.rewritten else self.content
        if changes.deadline is not None:
            given["lots"] = [self._put_off(lot, changes.deadline) for lot in content.lots]
        return replace(draft, content=content.model_copy(update=given), version=self.version + 1)

    def _put_off(self, lot: Lot, deadline: datetime) -> Lot:
        """Give a lot with the notice's deadline, unless it has one of its own."""
        return lot.model_copy(update={"deadline": deadline}) if lot.deadline == self.content.deadline else lot

    def reopened(self) -> Notice:
        """Give the draft again of a notice that was checked or rejected; itself when it is a draft.

        Raises IllegalTransition once sent or published.
        """
        self.require_draft()
        return self if self.state is NoticeState.DRAFT else replace(self.after(REOPENED), sent_at=None)

    def require_draft(self) -> None:
        """Let pass only what its buyer may still change. Raises IllegalTransition once sent or published."""
        if self.state is NoticeState.PUBLISHED:
            raise IllegalTransition(
                "Cet avis est publié : il ne peut plus être modifié, seulement rectifié par un nouvel avis.",
                "This notice is published: it can no longer be changed, only corrected by a new notice.",
            )
        if self.state is NoticeState.SENT:
            raise IllegalTransition(
                "Cet avis est envoyé à la publication : il ne peut plus être modifié, sauf si un support le refuse.",
                "This notice is sent for publication: it can be changed only if a channel rejects it.",
            )

    def checked(self, at: datetime) -> Notice:
        """Give the notice found ready to be sent. Raises IllegalTransition, or NotPublishable with every reason."""
        return self._ready(CHECKED, at)

    def sent(self, at: datetime) -> Notice:
        """Give the notice handed over to its channels: its text changes no more. Raises as `checked`."""
        return replace(self._ready(SENT, at), sent_at=at)

    def rejected(self) -> Notice:
        """Give the notice that came back. Raises IllegalTransition."""
        return self.after(REJECTED)

    def published(self, at: datetime) -> Notice:
        """Give the notice made public. Raises IllegalTransition, or NotPublishable with every reason.

        One that was sent met its obstacles then: what a journal published is published here too.
        """
        if self.state is NoticeState.PUBLISHED:
            raise IllegalTransition("Cet avis est déjà publié.", "This notice is already published.")
        sent = self.state is NoticeState.SENT
        return replace(self.after(PUBLISHED) if sent else self._ready(PUBLISHED, at), published_at=at)

    def _ready(self, event: str, at: datetime) -> Notice:
        following = self.after(event)
        obstacles = self.obstacles(at)
        if obstacles:
            raise NotPublishable(obstacles)
        return following

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
        if self.content.opening is not None:
            found += [
                replace(fault, where=fault.where.removeprefix("body/")) for fault in deadline_faults(self.content)
            ]
        if not self.documents and not self.content.documents_url:
            french = "Aucun document de la consultation : déposez-en un, ou donnez l'adresse où les trouver (BT-15)."
            english = "No procurement document: upload one, or give the address where they are (BT-15)."
            found.append(FieldError("documents", french, english))
        return tuple(found)
