"""What becomes of a notice at its channels: each has it in its turn, what each says is kept, the platform comes last.

Every change is made under the lock of the notice; each use case may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from libs.common.errors import Conflict
from libs.common.messages.publication import RejectionReason
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.publication import PROFILE, Publication, PublicationState, Published
from services.notices.publication import events, payload, plan
from services.notices.publication.port import Receipt, Status
from services.notices.publication.settings import ChannelSettings
from services.notices.service.publication import publish_draft
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store
from services.notices.store import publications as publication_store

__all__ = ["FOLLOW_JOB", "SUBMIT_JOB", "advance", "followed", "refused", "release_due", "taken"]

SUBMIT_JOB: Final = "submit-notice"
FOLLOW_JOB: Final = "follow-notice"
_AT_ONCE: Final = 50
_RAREST: Final = timedelta(minutes=30)
_SLOWER: Final = 1.5
_S = PublicationState
_log = structlog.get_logger(__name__)


async def release_due(runtime: Runtime) -> None:
    """Let go what time alone held back: 48 hours after the Official Journal confirmed receipt, for one."""
    while True:
        async with runtime.read() as conn:
            due = await publication_store.due_notices(conn, runtime.clock.now(), _AT_ONCE)
        for notice_id in due:
            async with runtime.uow() as uow:
                notice = await store.lock_notice(uow.conn, notice_id)
                if notice is not None:
                    await advance(uow, notice)
        if len(due) < _AT_ONCE:
            return


async def advance(uow: Uow, notice: Notice) -> Notice:
    """Give each channel whose turn it is the notice; the platform's own turn publishes it here."""
    found = await publication_store.publications(uow.conn, notice.notice_id)
    present = plan.current(found)
    for place, publication in enumerate(present):
        if publication.state is not _S.WAITING:
            continue
        hold = plan.hold(publication, present, uow.now())
        if not hold.free:
            await _keep_held(uow, publication, hold)
        elif publication.channel == PROFILE:
            notice = await _publish_here(uow, notice, publication)
        else:
            present[place] = await _queue(uow, notice, publication)
    return notice


async def _keep_held(uow: Uow, publication: Publication, hold: plan.Hold) -> None:
    if publication.held_until != hold.until:
        await publication_store.save_publication(uow.conn, replace(publication, held_until=hold.until))


async def _queue(uow: Uow, notice: Notice, publication: Publication) -> Publication:
    queued = publication.queued(uow.now())
    await _keep(uow, notice, queued)
    uow.enqueue(SUBMIT_JOB, key=queued.envelope, payload={"publication_id": str(queued.publication_id)})
    return queued


async def _publish_here(uow: Uow, notice: Notice, publication: Publication) -> Notice:
    """Publish on the platform; what the procedure refuses meanwhile (closed, given up) is told to the buyer."""
    procedure = await procedure_store.lock_procedure(uow.conn, notice.procedure_id)
    try:
        published = await publish_draft(uow, notice, procedure)
    except Conflict as error:
        reason = RejectionReason(field="procedure", message=error.detail, message_en=error.detail_en)
        await _keep(uow, notice, publication.rejected((reason,), uow.now()))
        _log.warning("notice_not_published_here", notice_id=str(notice.notice_id))
        return notice
    link = payload.Place(uow.runtime.settings.public_url).notice(notice)
    on = notice.content.legal_day(uow.now())
    await _keep(uow, published, publication.published(Published(on, link=link), uow.now()))
    return published


async def taken(uow: Uow, publication_id: UUID, receipt: Receipt) -> None:
    """Note that a channel took a notice; nothing when it is noted already."""
    found = await _locked(uow, publication_id)
    if found is None:
        return
    notice, publication = found
    if publication.state is not _S.QUEUED:
        if publication.state is _S.STOPPED:
            _log.warning("stopped_notice_was_taken", publication_id=str(publication_id), channel=publication.channel)
        return
    sent = publication.sent(receipt.reference, uow.now())
    await _keep(uow, notice, sent)
    notice = await _dated(uow, notice)
    if receipt.received_at is not None:
        sent = sent.received(receipt.received_at, uow.now())
        await _keep(uow, notice, sent)
    _ask_later(uow, sent)
    await advance(uow, notice)


async def _dated(uow: Uow, notice: Notice) -> Notice:
    """Have the periods run from when the first channel had the notice: it may have been down for long."""
    present = plan.current(await publication_store.publications(uow.conn, notice.notice_id))
    first = min(each.sent_at for each in present if each.sent_at is not None)
    if first == notice.sent_at:
        return notice
    await store.date_sending(uow.conn, notice.notice_id, first)
    return replace(notice, sent_at=first)


async def refused(uow: Uow, publication_id: UUID, reasons: tuple[RejectionReason, ...]) -> None:
    """Note that a channel refused a notice as it came; nothing when it is noted already."""
    found = await _locked(uow, publication_id)
    if found is not None and found[1].state is _S.QUEUED:
        await _reject(uow, *found, reasons)


async def followed(uow: Uow, publication_id: UUID, status: Status) -> None:
    """Note what a channel says became of a notice, and ask again later as long as more is expected."""
    found = await _locked(uow, publication_id)
    if found is None or found[1].is_over:
        return
    notice, publication = found[0], replace(found[1], asked=found[1].asked + 1)
    if status.state == "rejected":
        await _reject(uow, notice, publication, status.reasons)
        return
    following = _told(publication, status, uow)
    if following.state is publication.state:
        await publication_store.save_publication(uow.conn, following)
    else:
        await _keep(uow, notice, following)
    if not following.is_over:
        _ask_later(uow, following)
    await advance(uow, notice)


def _told(publication: Publication, status: Status, uow: Uow) -> Publication:
    """Give the publication as its channel tells it; what it told before is no news."""
    now = uow.now()
    if status.state == "published" and status.published is not None:
        return publication.published(status.published, now)
    if status.state == "accepted" and publication.state in {_S.SENT, _S.RECEIVED}:
        return publication.accepted(status.received_at, now)
    if status.state == "received" and publication.state is _S.SENT:
        return publication.received(status.received_at, now)
    return publication


def _ask_later(uow: Uow, publication: Publication) -> None:
    """Ask the channel again after a while, more and more rarely."""
    first = uow.runtime.port(ChannelSettings).follow_seconds
    pause = min(timedelta(seconds=first * _SLOWER ** min(publication.asked, 20)), _RAREST)
    uow.enqueue(
        FOLLOW_JOB,
        key=f"{publication.envelope}#{publication.asked + 1}",
        payload={"publication_id": str(publication.publication_id)},
        due_at=uow.now() + pause,
    )


async def _reject(uow: Uow, notice: Notice, publication: Publication, reasons: tuple[RejectionReason, ...]) -> None:
    """Note a rejection; where no channel has the notice, it goes back to its buyer and the others do not get it."""
    rejected = publication.rejected(reasons, uow.now())
    await _keep(uow, notice, rejected)
    present = plan.current(await publication_store.publications(uow.conn, notice.notice_id))
    if notice.state is not NoticeState.SENT or not plan.is_lost(present):
        await advance(uow, notice)
        return
    await _stop(uow, notice, present)
    returned = notice.rejected()
    await store.save_notice(uow.conn, returned, uow.now())
    uow.emit(events.rejected(returned, rejected, uow.now()))
    uow.audit("notice-rejected", str(notice.notice_id))


async def _stop(uow: Uow, notice: Notice, present: Sequence[Publication]) -> None:
    for publication in present:
        if publication.state in {_S.WAITING, _S.QUEUED}:
            await _keep(uow, notice, publication.stopped(uow.now()))


async def _locked(uow: Uow, publication_id: UUID) -> tuple[Notice, Publication] | None:
    """Give a publication and its notice, locked; None for one that is no more."""
    known = await publication_store.get_publication(uow.conn, publication_id)
    notice = await store.lock_notice(uow.conn, known.notice_id) if known else None
    publication = await publication_store.get_publication(uow.conn, publication_id) if notice else None
    return (notice, publication) if notice and publication else None


async def _keep(uow: Uow, notice: Notice, publication: Publication) -> None:
    await publication_store.save_publication(uow.conn, publication)
    uow.emit(events.of_publication(notice, publication, uow.now()))
    uow.audit(f"publication-{publication.state}", str(publication.publication_id))
