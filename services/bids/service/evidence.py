"""Evidence reports: for a bidder of his own bid at any time, for the buyer of a consultation after the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from libs.common.actor import Actor
from libs.common.grants import Permission
from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampError
from services.bids.domain.time import legal_time
from services.bids.evidence import reading, store
from services.bids.evidence.batches import Recorded
from services.bids.evidence.journal import close_batch, stamp_batch
from services.bids.evidence.report import EvidenceReport, Window, compose
from services.bids.service import consultations
from services.bids.service.drafts import own_bid
from services.bids.settings import BidsSettings
from services.bids.store.consultations import Consultation

__all__ = ["of_bid", "of_consultation"]

AROUND = timedelta(minutes=5)
"""Availability is told from so long before the first fact of a bid until so long after the last one."""
LONGEST = timedelta(days=1)
"""Of the time for which availability is told: the last day."""
_log = structlog.get_logger(__name__)


async def of_bid(runtime: Runtime, actor: Actor, bid_id: UUID) -> EvidenceReport:
    """Give the evidence of one's own bid, at any time. Raises UnknownBid."""
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
    await _stamp_now(runtime)
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, bid.procedure)
        found = await reading.facts_of_bid(conn, bid.procedure, bid.id)
        return await _report(conn, consultation, found, runtime.clock.now())


async def of_consultation(runtime: Runtime, actor: Actor, procedure: UUID) -> EvidenceReport:
    """Give the evidence of all the bids of a consultation to its buyer, after the deadline.

    Raises UnknownConsultation, Forbidden, RoleMissing, BeforeDeadline.
    """
    now = runtime.clock.now()
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, now)
        consultations.require_passed(now, consultation)
    await _stamp_now(runtime)
    async with runtime.read() as conn:
        found = await reading.facts_of_procedure(conn, procedure)
        return await _report(conn, consultation, found, now)


async def _report(
    conn: asyncpg.Connection, consultation: Consultation, found: Sequence[Recorded], now: datetime
) -> EvidenceReport:
    window = _window(found, now)
    facts = [*found, *await reading.of_platform(conn, window.begins, window.ends)]
    bids = list(dict.fromkeys(each.fact.bid for each in found if each.fact.bid is not None))
    held = list({each.batch for each in facts if each.batch is not None})
    head = {
        "made_at": legal_time(now, consultation.zone),
        "procedure": consultation.procedure,
        "title": consultation.notice.title,
        "buyer": consultation.buyer,
        "time_zone": consultation.zone.key,
        "deadline": legal_time(consultation.deadline, consultation.zone),
        "bids": await reading.concerned(conn, bids),
        "window": window,
    }
    return compose(head, facts, await store.batches(conn, held))


def _window(found: Sequence[Recorded], now: datetime) -> Window:
    """Give the time for which availability is told: around the facts of the bids, a day at most, never beyond now."""
    hours = [each.fact.at for each in found if each.fact.bid is not None] or [now]
    ends = min(max(hours) + AROUND, max(now, *hours))
    begins = max(min(hours) - AROUND, ends - LONGEST)
    return Window(begins=begins.astimezone(UTC), ends=ends.astimezone(UTC))


async def _stamp_now(runtime: Runtime) -> None:
    """Close and stamp what waits, heartbeats too, so that the report is whole; without an authority it says pending."""
    async with runtime.read() as conn:
        batch = await close_batch(conn, runtime.clock.now())
    if batch is None:
        return
    try:
        async with asyncio.timeout(runtime.port(BidsSettings).stamp_seconds):
            await stamp_batch(runtime, batch)
    except (TimestampError, TimeoutError) as error:
        _log.warning("evidence_stamp_pending", batch=str(batch.id), reason=type(error).__name__)
