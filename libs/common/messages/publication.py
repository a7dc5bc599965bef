"""Events of the notices service on the way of a notice to its publication, and of each of its channels."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, Event, Message
from libs.common.messages.notices import Notice, NoticeKind

__all__ = [
    "NoticeCheckedV1",
    "NoticeDisclosedV1",
    "NoticeRejectedV1",
    "NoticeReopenedV1",
    "NoticeSentV1",
    "PublicationPublishedV1",
    "PublicationTrackedV1",
    "RejectionReason",
]


class RejectionReason(Message):
    """Why a channel rejects a notice: one fault, and the field it is in."""

    field: str | None = Field(default=None, description="business term (BT-131) or member, where the channel tells one")
    message: str
    message_en: str = ""


class NoticeCheckedV1(Event):
    """A notice passed the platform's checks and the rules of law: it may be sent."""

    type: ClassVar[str] = "notices.notice.checked.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    kind: NoticeKind
    title: str


class NoticeDisclosedV1(Event):
    """The day came of values that a public notice withheld (BT-198): the notice with them."""

    type: ClassVar[str] = "notices.notice.disclosed.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    notice: Notice = Field(description="as the public reads it from now on")


class NoticeSentV1(Event):
    """A notice was handed over to its publication channels; its text changes no more."""

    type: ClassVar[str] = "notices.notice.sent.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    kind: NoticeKind
    title: str
    channels: list[str] = Field(description="joue, boamp, shal-..., profile")
    sent_at: AwareDatetime = Field(description="minimum periods run from there")


class NoticeRejectedV1(Event):
    """A channel rejected a notice before it was published anywhere: it goes back to its buyer."""

    type: ClassVar[str] = "notices.notice.rejected.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    kind: NoticeKind
    title: str
    channel: str
    reasons: list[RejectionReason]


class NoticeReopenedV1(Event):
    """A notice that was checked or rejected is a draft again."""

    type: ClassVar[str] = "notices.notice.reopened.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    kind: NoticeKind
    title: str


class PublicationTrackedV1(Event):
    """What became of a notice at one of its channels, before its publication there."""

    type: ClassVar[str] = "notices.publication.tracked.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    notice_id: UUID
    channel: str
    state: Literal["queued", "sent", "received", "accepted", "rejected", "stopped"]
    envelope: str = Field(description="our name of the sending: the channel knows a repetition by it")
    receipt: str | None = Field(default=None, description="the channel's own reference")
    received_at: AwareDatetime | None = None
    reasons: list[RejectionReason] = []


class PublicationPublishedV1(Event):
    """A channel published a notice, under its own number."""

    type: ClassVar[str] = "notices.publication.published.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    notice_id: UUID
    channel: str
    number: str | None = None
    published_on: date
    link: str | None = None
