"""Effects outside the database: openings, time stamps that could not be had at once, what uploads leave behind."""

from __future__ import annotations

from uuid import UUID

from prometheus_client import Gauge

from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs, Periodic
from services.bids.companies.documents import service as company_documents
from services.bids.companies.users import invitations
from services.bids.correspondence.delivery import remind
from services.bids.evidence.journal import stamp_left
from services.bids.rehearsal import service as rehearsals
from services.bids.retention import service as retention
from services.bids.rounds import windows
from services.bids.service import completion, key_sets
from services.bids.service.completion import OPEN_JOB
from services.bids.service.incidents import TELL_JOB, tell_buyer
from services.bids.service.key_sets import STAMP_KEYS_JOB
from services.bids.service.receipts import SEND_JOB, send
from services.bids.store import receipts
from services.bids.uploads import upkeep

__all__ = ["jobs", "periodic"]

jobs = Jobs(dict(upkeep.jobs.handlers))
periodic = Periodic(list(upkeep.periodic.tasks))
_PENDING = Gauge(
    "halles_receipts_pending", "Receipts without a time stamp half a minute after the deposit, at most 100"
)


@jobs.on(OPEN_JOB)
async def open_envelope(runtime: Runtime, job: Job) -> Completion:
    """Open one envelope of an opening; what came of it is noted with the end of the job."""
    opening, bid, number = UUID(job.payload["opening"]), UUID(job.payload["bid"]), int(job.payload["envelope"])
    opened = await completion.open_named(runtime, opening, bid, number)
    return lambda uow: completion.note(uow, opening, (bid, number), opened)


@jobs.on(STAMP_KEYS_JOB)
async def stamp_key_set(runtime: Runtime, job: Job) -> None:
    """Time-stamp a key set that was published."""
    await key_sets.stamp(runtime, UUID(job.payload["procedure"]))


jobs.on(SEND_JOB)(send)
jobs.on(invitations.INVITE_JOB)(invitations.send)
jobs.on(company_documents.ERASE_JOB)(company_documents.erase_content)
jobs.on(TELL_JOB)(tell_buyer)
jobs.on(retention.DESTROY_JOB)(retention.destroy)


@periodic.every(3600)
async def propose_destructions(runtime: Runtime) -> None:
    """Propose the destruction of bids that were kept long enough; an administrator confirms."""
    await retention.propose(runtime)


@periodic.every(3600)
async def expire_invitations(runtime: Runtime) -> None:
    """Erase the addresses of invitations that nobody answered."""
    await invitations.expire(runtime)


@periodic.every(300)
async def remind_of_letters(runtime: Runtime) -> None:
    """Have those who read nothing told again."""
    await remind(runtime)


@periodic.every(60)
async def go_on_taking_applications(runtime: Runtime) -> None:
    """Open the next window of dynamic purchasing systems, before the last one ends."""
    await windows.go_on(runtime)


@periodic.every(600)
async def remind_of_rehearsals(runtime: Runtime) -> None:
    """Remind buyers of officers who have not tried their key."""
    await rehearsals.remind(runtime)


@periodic.every(15)
async def complete_evidence(runtime: Runtime) -> None:
    """Close and stamp what a dead process or an authority that was away left, and say how many receipts wait for it."""
    await stamp_left(runtime)
    async with runtime.read() as conn:
        _PENDING.set(await receipts.left_pending(conn))
