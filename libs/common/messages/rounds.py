"""Events of the bids service on rounds and correspondence: what happened, never what was written, nor who else was invited."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, Event, Sha256

__all__ = ["ApplicationsSelectedV1", "LetterUndeliveredV1", "MessageSentV1", "RoundMovedV1", "RoundOpenedV1"]


class MessageSentV1(Event):
    """A message between a buyer and a company, or of the platform, waits for its addressee, `organisation`; its content stays on the platform."""

    type: ClassVar[str] = "bids.message.sent.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    letter_id: UUID
    kind: str = Field(
        description="clarification, completion, negotiation, information, reply, invitation, selection, request, admission (of a late "
        "bid), reminder (to a buyer, of officers' keys to try); more may come"
    )
    sha256: Sha256 = Field(description="of the PDF")
    reminder: bool = Field(default=False, description="nobody read it yet")


class LetterUndeliveredV1(Event):
    """The mail that tells of a letter did not reach its addressee, `organisation`; the letter waits on the platform all the same.

    The buyer reads of its own letters in its correspondence at once; here after the opening, as receipts tell of a bid.
    """

    type: ClassVar[str] = "bids.letter.undelivered.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION
    buyer_after: ClassVar[str | None] = "bids.opening.completed.v1"

    letter_id: UUID
    kind: str = Field(description="of letters and messages: award, receipt, clarification...; more may come")
    state: str = Field(description="undeliverable (no address), suppressed, refused, failed, bounced; more may come")


class ApplicationsSelectedV1(Event):
    """A buyer selected those it will invite; known to it, and to each candidate by its own letter."""

    type: ClassVar[str] = "bids.selection.decided.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    lots: list[str]
    selected: int = Field(ge=0, description="candidates selected for one lot at least")
    refused: int = Field(ge=0)


class RoundOpenedV1(Event):
    """A buyer called those it invited to a round: how many, never who. Each of them has its invitation."""

    type: ClassVar[str] = "bids.round.opened.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    round_id: UUID
    number: int = Field(ge=1)
    kind: Literal["tender", "negotiation", "final", "subsequent", "specific", "application"]
    lots: list[str]
    deadline: AwareDatetime
    invited: int = Field(ge=0, description="none: applications to a dynamic purchasing system, open to every company")
    key_fingerprint: str = Field(description="of the key set that bids of the round are sealed to")


class RoundMovedV1(Event):
    """A buyer put off the deadline of a round; those invited were told at once, each by a letter."""

    type: ClassVar[str] = "bids.round.moved.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    round_id: UUID
    number: int = Field(ge=1)
    former: AwareDatetime = Field(description="the deadline before")
    deadline: AwareDatetime
    invited: int = Field(ge=1)
