"""A notice at one of its channels, pure: its state graph, and what the channel said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import IllegalTransition
from libs.common.messages.publication import RejectionReason

__all__ = [
    "PROFILE",
    "PUBLICATION_TRANSITIONS",
    "PUBLISHED_THERE",
    "TRACKED",
    "Publication",
    "PublicationState",
    "Published",
    "kind_of",
]

PROFILE: Final = "profile"
"""The platform itself: the buyer profile, search and events."""


class PublicationState(StrEnum):
    """What became of a notice at a channel."""

    WAITING = "waiting"
    """Held back: it is not its turn."""
    QUEUED = "queued"
    """A job hands it over, as soon as the channel answers."""
    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PUBLISHED = "published"
    STOPPED = "stopped"
    """It never left: another channel rejected the notice first."""


TRACKED: Final = "notices.publication.tracked.v1"
PUBLISHED_THERE: Final = "notices.publication.published.v1"
_S = PublicationState
_ANSWERED: Final = (_S.SENT, _S.RECEIVED, _S.ACCEPTED)
PUBLICATION_TRANSITIONS: Final[dict[tuple[PublicationState, str], PublicationState]] = {
    (_S.WAITING, f"{TRACKED}/queued"): _S.QUEUED,
    (_S.WAITING, f"{TRACKED}/stopped"): _S.STOPPED,
    (_S.QUEUED, f"{TRACKED}/stopped"): _S.STOPPED,
    (_S.QUEUED, f"{TRACKED}/sent"): _S.SENT,
    (_S.QUEUED, f"{TRACKED}/rejected"): _S.REJECTED,
    (_S.SENT, f"{TRACKED}/received"): _S.RECEIVED,
    (_S.SENT, f"{TRACKED}/accepted"): _S.ACCEPTED,
    (_S.RECEIVED, f"{TRACKED}/accepted"): _S.ACCEPTED,
    **{(state, f"{TRACKED}/rejected"): _S.REJECTED for state in _ANSWERED},
    **{(state, PUBLISHED_THERE): _S.PUBLISHED for state in _ANSWERED},
    # the platform's own turn
    (_S.WAITING, PUBLISHED_THERE): _S.PUBLISHED,
    (_S.WAITING, f"{TRACKED}/rejected"): _S.REJECTED,
}
"""(state, event type, with the state told for those on the way): next state."""


def kind_of(channel: str) -> str:
    """Give the kind of a channel: a legal-notice paper or site (`shal-...`, `jal-...`) is one of `shal`."""
    kind = channel.partition("-")[0]
    return "shal" if kind == "jal" else kind


@dataclass(frozen=True, slots=True)
class Published:
    """How a channel published a notice."""

    on: date
    number: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A notice at one of its channels."""

    publication_id: UUID
    notice_id: UUID
    channel: str
    attempt: int
    envelope: str
    planned_at: datetime
    state: PublicationState = PublicationState.WAITING
    version: int = 1
    held_until: datetime | None = None
    queued_at: datetime | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    receipt: str | None = None
    number: str | None = None
    published_on: date | None = None
    link: str | None = None
    reasons: tuple[RejectionReason, ...] = field(default=())
    asked: int = 0

    @property
    def kind(self) -> str:
        """The kind of its channel: joue, boamp, shal, profile."""
        return kind_of(self.channel)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected of its channel."""
        return self.state in {PublicationState.REJECTED, PublicationState.PUBLISHED, PublicationState.STOPPED}

    @property
    def left(self) -> bool:
        """Whether its channel has it and did not reject it."""
        return self.state in {*_ANSWERED, PublicationState.PUBLISHED}

    def after(self, event: str) -> Publication:
        """Give it after an event. Raises IllegalTransition where the graph has no such edge."""
        state = PUBLICATION_TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(
                f"Cette publication est à l'état « {self.state} » : cette étape n'y est pas possible.",
                f"This publication is '{self.state}': this step is not possible.",
            )
        return replace(self, state=state, version=self.version + 1)

    def queued(self, at: datetime) -> Publication:
        """Give it once it is its turn."""
        return replace(self.after(f"{TRACKED}/queued"), queued_at=at, held_until=None)

    def sent(self, receipt: str, at: datetime) -> Publication:
        """Give it in the hands of its channel, under the channel's reference."""
        return replace(self.after(f"{TRACKED}/sent"), receipt=receipt, sent_at=at)

    def received(self, told: datetime | None, at: datetime) -> Publication:
        """Give it with its receipt confirmed: at the instant told, never before it left nor after now."""
        return replace(self.after(f"{TRACKED}/received"), received_at=self._believed(told, at))

    def accepted(self, told: datetime | None, at: datetime) -> Publication:
        """Give it accepted: its publication follows."""
        following = self.after(f"{TRACKED}/accepted")
        return replace(following, accepted_at=at, received_at=self.received_at or self._believed(told, at))

    def rejected(self, reasons: tuple[RejectionReason, ...], at: datetime) -> Publication:
        """Give it rejected, with the reasons told."""
        return replace(self.after(f"{TRACKED}/rejected"), reasons=reasons, closed_at=at, held_until=None)

    def published(self, told: Published, at: datetime) -> Publication:
        """Give it published, with its number and date."""
        following = self.after(PUBLISHED_THERE)
        return replace(
            following, number=told.number, published_on=told.on, link=told.link, closed_at=at, held_until=None
        )

    def stopped(self, at: datetime) -> Publication:
        """Give it as it never left."""
        return replace(self.after(f"{TRACKED}/stopped"), closed_at=at, held_until=None)

    def _believed(self, told: datetime | None, at: datetime) -> datetime:
        earliest = self.sent_at or at
        return min(max(told or at, earliest), at)
