"""Effects outside the database: time stamps that could not be had at once, ciphertext that was replaced."""

from __future__ import annotations

from prometheus_client import Gauge

from libs.common.runtime import Runtime
from libs.common.service import Job, Jobs, Periodic
from services.bids.evidence.journal import stamp_left
from services.bids.service.drafts import DISCARD_JOB
from services.bids.store import receipts

__all__ = ["jobs", "periodic"]

jobs = Jobs()
periodic = Periodic()
_PENDING = Gauge(
    "halles_receipts_pending", "Receipts without a time stamp half a minute after the deposit, at most 100"
)


@jobs.on(DISCARD_JOB)
async def discard_upload(runtime: Runtime, job: Job) -> None:
    """Remove the ciphertext of an upload that a later one replaced, in a bid that was not deposited yet."""
    await runtime.storage.delete(job.payload["key"])


@periodic.every(15)
async def complete_evidence(runtime: Runtime) -> None:
    """Close and stamp what a dead process or an authority that was away left, and say how many receipts wait for it."""
    await stamp_left(runtime)
    async with runtime.read() as conn:
        _PENDING.set(await receipts.left_pending(conn))
