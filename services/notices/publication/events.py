"""From a notice on its way, and its publications, to messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from libs.common.messages.base import Event
from libs.common.messages.publication import (
    NoticeCheckedV1,
    NoticeRejectedV1,
    NoticeReopenedV1,
    NoticeSentV1,
    PublicationPublishedV1,
    PublicationTrackedV1,
)
from services.notices.domain.notice import Notice
from services.notices.domain.publication import Publication, PublicationState

__all__ = ["checked", "of_publication", "rejected", "reopened", "sent"]


def checked(notice: Notice, at: datetime) -> NoticeCheckedV1:
    """Tell that a notice may be sent."""
    return NoticeCheckedV1(**_of_notice(notice, at))


def sent(notice: Notice, channels: Sequence[str], at: datetime) -> NoticeSentV1:
    """Tell that a notice was handed over to its channels."""
    return NoticeSentV1(**_of_notice(notice, at), channels=list(channels), sent_at=at)


def rejected(notice: Notice, publication: Publication, at: datetime) -> NoticeRejectedV1:
    """Tell that a notice came back from a channel."""
    return NoticeRejectedV1(**_of_notice(notice, at), channel=publication.channel, reasons=list(publication.reasons))


def reopened(notice: Notice, at: datetime) -> NoticeReopenedV1:
    """Tell that a notice is a draft again."""
    return NoticeReopenedV1(**_of_notice(notice, at))


def of_publication(notice: Notice, publication: Publication, at: datetime) -> Event:
    """Tell what became of a notice at a channel."""
    common = _common(notice, publication.publication_id, publication.version, at)
    if publication.state is PublicationState.PUBLISHED and publication.published_on:
        return PublicationPublishedV1(
            **common,
            notice_id=notice.notice_id,
            channel=publication.channel,
            number=publication.number,
            published_on=publication.published_on,
            link=publication.link,
        )
    state = cast('Literal["queued", "sent", "received", "accepted", "rejected", "stopped"]', publication.state.value)
    return PublicationTrackedV1(
        **common,
        notice_id=notice.notice_id,
        channel=publication.channel,
        state=state,
        envelope=publication.envelope,
        receipt=publication.receipt,
        received_at=publication.received_at,
        reasons=list(publication.reasons),
    )


def _of_notice(notice: Notice, at: datetime) -> dict[str, Any]:
    said = {"kind": notice.content.kind, "title": notice.content.title}
    return _common(notice, notice.notice_id, notice.version, at) | said


def _common(notice: Notice, aggregate: UUID, version: int, at: datetime) -> dict[str, Any]:
    return {
        "aggregate_id": aggregate,
        "aggregate_version": version,
        "organisation": notice.organisation,
        "buyer": notice.organisation,
        "procedure": notice.procedure_id,
        "occurred_at": at,
    }
