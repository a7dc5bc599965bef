"""Effects outside the database: notices handed to their channels, channels asked what became of them."""

from __future__ import annotations

from uuid import UUID

from prometheus_client import Gauge

from libs.common.messages.publication import RejectionReason
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs, Periodic
from libs.common.uow import Uow
from services.notices.domain.notice import Notice
from services.notices.domain.publication import Publication, PublicationState
from services.notices.eforms.apart import apart
from services.notices.errors import MissingTermsError
from services.notices.publication import payload, plan
from services.notices.publication.port import Channels, RefusedError, Submission
from services.notices.service import awarding, tracking
from services.notices.service.disclosure import asked_by
from services.notices.service.sources import source_of
from services.notices.store import notices as store
from services.notices.store import publications as publication_store

__all__ = ["JOBS", "PERIODIC"]

JOBS = Jobs()
PERIODIC = Periodic()
_OPEN = Gauge("halles_publications", "Notices that a channel is yet to take (queued) or to answer", ["kind", "state"])
_OLDEST = Gauge(
    "halles_publications_oldest_seconds",
    "How long the oldest notice waits for its channel to take it (queued), or to confirm its receipt (sent)",
    ["kind", "state"],
)
_KINDS = ("joue", "boamp", "shal")
_STATES = ("queued", "sent", "received", "accepted")
_AWAITED = ("queued", "sent")


@JOBS.on(tracking.SUBMIT_JOB)
async def submit_notice(runtime: Runtime, job: Job) -> Completion | None:
    """Hand a notice to its channel, under the envelope's name: a repetition is known there by it."""
    publication_id = UUID(job.payload["publication_id"])
    async with runtime.read() as conn:
        publication = await publication_store.get_publication(conn, publication_id)
        notice = await store.get_notice(conn, publication.notice_id) if publication else None
        others = await publication_store.publications(conn, publication.notice_id) if publication else []
    if publication is None or notice is None or publication.state is not PublicationState.QUEUED:
        return None
    outlet = runtime.port(Channels).outlet(publication.channel)
    try:
        receipt = await outlet.submit(await _submission(runtime, notice, publication, others))
    except RefusedError as error:
        reasons = error.reasons

        async def refuse(uow: Uow) -> None:
            await tracking.refused(uow, publication_id, reasons)

        return refuse

    async def take(uow: Uow) -> None:
        await tracking.taken(uow, publication_id, receipt)

    return take


async def _submission(
    runtime: Runtime, notice: Notice, publication: Publication, others: list[Publication]
) -> Submission:
    """Give what the channel is handed. Raises RefusedError where the notice cannot be written: its buyer mends it."""
    place = payload.Place(runtime.settings.public_url)
    present = plan.current(others)
    try:
        async with runtime.read() as conn:
            source = await source_of(runtime, conn, notice)
        parted = notice.withholding(await asked_by(source), runtime.clock.now())
        return await apart(payload.compose, parted, publication, present, place, source, runtime.clock.now())
    except MissingTermsError as error:
        told = (
            RejectionReason(field=each.where, message=each.message, message_en=each.message_en) for each in error.errors
        )
        raise RefusedError(tuple(told)) from error


@JOBS.on(tracking.FOLLOW_JOB)
async def follow_notice(runtime: Runtime, job: Job) -> Completion | None:
    """Ask a channel what became of a notice."""
    publication_id = UUID(job.payload["publication_id"])
    async with runtime.read() as conn:
        publication = await publication_store.get_publication(conn, publication_id)
    if publication is None or publication.receipt is None or publication.is_over:
        return None
    status = await runtime.port(Channels).outlet(publication.channel).status(publication.receipt)

    async def keep(uow: Uow) -> None:
        await tracking.followed(uow, publication_id, status)

    return keep


@JOBS.on(awarding.HOLDERS_JOB)
async def tell_of_holders(runtime: Runtime, job: Job) -> Completion | None:
    """Make the award notice of the holders notified so far, on the day that the law leaves."""
    procedure_id, lot_id = UUID(job.payload["procedure_id"]), job.payload["lot_id"]

    async def make(uow: Uow) -> None:
        await awarding.tell_of_holders(uow, procedure_id, lot_id)

    return make


@PERIODIC.every(1.0)
async def release_notices(runtime: Runtime) -> None:
    """Let go the notices that time alone held back (48 hours after the Official Journal confirmed receipt)."""
    await tracking.release_due(runtime)


@PERIODIC.every(15.0)
async def measure_publications(runtime: Runtime) -> None:
    """Tell Prometheus what waits for the channels; papers are counted together."""
    async with runtime.read() as conn:
        found, now = await publication_store.open_publications(conn), runtime.clock.now()
    for kind in _KINDS:
        mine = [each for each in found if each.kind == kind]
        for state in _STATES:
            _OPEN.labels(kind, state).set(sum(each.publications for each in mine if each.state == state))
        for state in _AWAITED:
            oldest = min((each.oldest for each in mine if each.state == state), default=now)
            _OLDEST.labels(kind, state).set(max((now - oldest).total_seconds(), 0))
