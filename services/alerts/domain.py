"""People, mails and endpoints as the alerts service knows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.alerts.matching.criteria import Criteria

__all__ = [
    "TRANSITIONS",
    "Claimed",
    "Contact",
    "Found",
    "Frequency",
    "Holder",
    "Mail",
    "MailState",
    "News",
    "Search",
    "Told",
]

MAX_SEARCHES = 100
"""Saved searches of one organisation, and of one person."""
MAX_FOLLOWS = 1_000
"""Procedures that one organisation, or one person, may follow."""


class MailState(StrEnum):
    """Where a mail stands."""

    DUE = "due"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    """The organisation gave no address."""
    SUPPRESSED = "suppressed"
    """The addressee wants no alerts, or mails to their address came back."""
    REFUSED = "refused"
    """The mail server refused it for good."""
    FAILED = "failed"
    """It could not be handed over, after many attempts."""
    BOUNCED = "bounced"
    """It was handed over, then came back."""


TRANSITIONS: dict[tuple[MailState, str], MailState] = {
    (MailState.DUE, "send"): MailState.SENT,
    (MailState.DUE, "lose_address"): MailState.UNDELIVERABLE,
    (MailState.DUE, "suppress"): MailState.SUPPRESSED,
    (MailState.DUE, "refuse"): MailState.REFUSED,
    (MailState.DUE, "give_up"): MailState.FAILED,
    (MailState.UNDELIVERABLE, "requeue"): MailState.DUE,
    (MailState.REFUSED, "requeue"): MailState.DUE,
    (MailState.FAILED, "requeue"): MailState.DUE,
    (MailState.SENT, "bounce"): MailState.BOUNCED,
    (MailState.BOUNCED, "requeue"): MailState.DUE,
    (MailState.SENT, "remind"): MailState.DUE,
}


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the mails of an organisation go."""

    contact_id: UUID
    email: str = field(repr=False)
    language: str
    alerts: bool
    generation: int


class Frequency(StrEnum):
    """When the matches of a search are told."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose searches are meant: those that an organisation shares, those of one person, or both."""

    organisation: str | None = None
    subscriber_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """A saved search, of an organisation whose members share it, or of one person."""

    search_id: UUID
    organisation: str | None
    name: str
    criteria: Criteria
    summary: str
    summary_en: str
    created_at: datetime
    subscriber_id: UUID | None = None
    frequency: Frequency = Frequency.AT_ONCE
    paused: bool = False
    generation: int = 1
    """Links that stop it and are older no longer act."""
    feed: int = 0
    """Which address of its feeds is good; 0: none was asked for."""
    more: int = 0
    """Notices of which its holder wants more like."""
    less: int = 0
    """Notices of which its holder wants fewer like."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one organisation or person, and its address at this moment."""

    mail_id: UUID
    organisation: str | None
    """Its contact is written to; None: the person."""
    subscriber_id: UUID | None
    kind: str
    topic: str | None
    subject_id: UUID
    procedure: UUID | None
    subject: str
    state: MailState
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in the hands of a worker."""

    mail: Mail
    attempt: int
    priority: int

    @property
    def transactional(self) -> bool:
        """Not an alert: it goes whatever its addressee wants."""
        return self.priority == 0


@dataclass(frozen=True, slots=True)
class Found:
    """A notice, or an answer, that one search of the addressee found."""

    notice_id: UUID
    shown: UUID
    """The notice to read: of an answer, the one that it is about."""
    procedure: UUID | None
    kind: str
    title: str
    buyer_name: str
    departments: Sequence[str]
    deadline: datetime | None
    search: str
    summary: str
    summary_en: str
    reasons: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, or an answer, that a search found, as its feeds tell it."""

    notice_id: UUID
    shown: UUID
    """The notice to read: of an answer, the one that it is about."""
    procedure: UUID | None
    title: str
    buyer_name: str
    departments: Sequence[str]
    cpv: Sequence[str]
    deadline: datetime | None
    published_at: datetime
    matched_at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """A change of a procedure, or a public answer, and what is known here of the procedure's last notice."""

    news_id: UUID
    procedure: UUID
    kind: str
    question: str | None
    told: str
    needed: bool
    """The addressee deposited: it goes whatever became of their alerts."""
    title: str | None
    buyer_name: str | None
    deadline: datetime | None
