"""What uploads leave to be done later: hashes of long files, stored parts that no row names, uploads left too long."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.common.runtime import Runtime
from libs.common.service import Job, Jobs, Periodic
from services.bids.uploads import service, store
from services.bids.uploads.content import digest_file
from services.bids.uploads.store import QUERIES

__all__ = ["discard_expired", "jobs", "periodic", "tidy"]

jobs = Jobs()
periodic = Periodic()


@jobs.on(service.DIGEST_JOB)
async def digest(runtime: Runtime, job: Job) -> None:
    """Note the hash of a file that came in several parts."""
    await digest_file(runtime, UUID(job.payload["bid"]), job.payload["file"])


@jobs.on(service.TIDY_JOB)
async def tidy_upload(runtime: Runtime, job: Job) -> None:
    """Remove what uploads that are over left in the storage."""
    await tidy(runtime, job.payload["folders"])


async def tidy(runtime: Runtime, folders: Sequence[str]) -> None:
    """Remove the stored parts below these folders that no row names: of interrupted requests, of uploads that ended."""
    for folder in folders:
        found = await runtime.storage.keys(folder)
        async with runtime.read() as conn:
            known = {row["storage_key"] for row in await conn.fetch(QUERIES["known_keys"], found)}
        for key in found:
            if key not in known:
                await runtime.storage.delete(key)


@periodic.every(300)
async def discard_expired(runtime: Runtime) -> None:
    """Remove what came of uploads that were left too long; that they were is remembered (410)."""
    async with runtime.read() as conn:
        rows = await conn.fetch(QUERIES["expired_uploads"], runtime.clock.now())
    for row in rows:
        async with runtime.uow() as uow:
            upload = await store.find(uow.conn, row["id"])
            if upload is not None:
                await service.expire(uow, upload)
