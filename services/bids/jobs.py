"""Effects outside the database: time stamps that could not be had at once, ciphertext that was replaced."""

from __future__ import annotations

from uuid import UUID

from prometheus_client import Gauge

from libs.common.runtime import Runtime
from libs.common.service import Job, Jobs, Periodic
from services.bids.service.drafts import DISCARD_JOB
from services.bids.service.stamping import STAMP_JOB, stamp_pending
from services.bids.store import receipts

__all__ = ["jobs", "periodic"]

jobs = Jobs()
periodic = Periodic()
_PENDING = Gauge(
    "halles_receipts_pending", "Receipts without a time stamp half a minute after the deposit, at most 100"
)


@jobs.on(STAMP_JOB)
async def stamp_receipt(runtime: Runtime, job: Job) -> None:
    """Complete a receipt whose time stamp is pending."""
    await stamp_pending(runtime, UUID(job.payload["receipt"]))


@jobs.on(DISCARD_JOB)
async def discard_upload(runtime: Runtime, job: Job) -> None:
    """Remove the ciphertext of an upload that a later one replaced, in a bid that was not deposited yet."""
    await runtime.storage.delete(job.payload["key"])


@periodic.every(60)
async def stamp_forgotten(runtime: Runtime) -> None:
    """Ask again for receipts left pending by a process that died between the deposit and its time stamp."""
    async with runtime.read() as conn:
        pending = await receipts.left_pending(conn)
    _PENDING.set(len(pending))
    for identity in pending:
        async with runtime.uow() as uow:
            uow.enqueue(STAMP_JOB, key=str(identity), payload={"receipt": str(identity)})
