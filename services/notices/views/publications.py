"""Channels and publications, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Self

from pydantic import Field

from libs.common.messages.publication import RejectionReason
from services.notices.domain.publication import PROFILE, Publication, PublicationState, kind_of
from services.notices.publication.channels import NAMES
from services.notices.publication.law import Asked, proposed
from services.notices.publication.port import Channels, Listed
from services.notices.views.base import View

__all__ = ["ChannelView", "ChannelsView", "PublicationView"]


class PublicationView(View):
    """A notice at one of its channels; the public sees publications only, and nothing of the way there."""

    channel: str
    name: str
    state: PublicationState
    number: str | None
    published_on: date | None
    link: str | None
    envelope: str | None = Field(
        default=None, description="our name of the sending; the buyer's only, as all that follows"
    )
    receipt: str | None = Field(default=None, description="the channel's own reference")
    held_until: datetime | None = Field(
        default=None, description="when time alone lets it go: 48 h after the Official Journal's receipt, for one"
    )
    sent_at: datetime | None = None
    received_at: datetime | None = None
    accepted_at: datetime | None = None
    reasons: list[RejectionReason] = []

    @classmethod
    def of(cls, publication: Publication, names: Mapping[str, str], *, own: bool) -> Self:
        """Show a publication, to its buyer or to anybody."""
        public = {
            "channel": publication.channel,
            "name": names.get(publication.channel) or NAMES.get(publication.kind, publication.channel),
            "state": publication.state,
            "number": publication.number,
            "published_on": publication.published_on,
            "link": publication.link,
        }
        told = ("envelope", "receipt", "held_until", "sent_at", "received_at", "accepted_at", "reasons")
        return cls.model_validate(public | ({name: getattr(publication, name) for name in told} if own else {}))

    @classmethod
    def here(cls, published_on: date, link: str) -> Self:
        """Show a notice published on the platform alone."""
        return cls(
            channel=PROFILE,
            name=NAMES[PROFILE],
            state=PublicationState.PUBLISHED,
            number=None,
            published_on=published_on,
            link=link,
        )


class ChannelView(View):
    """A channel of the platform."""

    code: str
    kind: str
    name: str
    available: bool = Field(description="false: no address and credential are set on this platform")
    proposed: bool = Field(description="taken when no channel is named")
    departments: list[str] = Field(description="where a paper appears; empty: everywhere")


class ChannelsView(View):
    """Where the law wants a notice published, and the channels there are."""

    required: list[str] = Field(description="kinds of channels, all of them")
    one_of: list[str] = Field(description="and one of these kinds, at the buyer's choice")
    text: str
    text_en: str
    source: str
    channels: list[ChannelView]

    @classmethod
    def of(cls, asked: Asked, channels: Channels) -> Self:
        """Show the channels of a notice."""
        taken = proposed(asked, channels)
        profile = ChannelView(
            code=PROFILE, kind=PROFILE, name=NAMES[PROFILE], available=True, proposed=True, departments=[]
        )
        return cls(
            required=list(asked.required),
            one_of=list(asked.one_of),
            text=asked.text,
            text_en=asked.text_en,
            source=asked.source,
            channels=[*(_channel(each, taken) for each in channels.listed.values()), profile],
        )


def _channel(listed: Listed, taken: list[str]) -> ChannelView:
    return ChannelView(
        code=listed.code,
        kind=kind_of(listed.code),
        name=listed.name,
        available=listed.outlet is not None,
        proposed=listed.code in taken,
        departments=list(listed.departments),
    )
