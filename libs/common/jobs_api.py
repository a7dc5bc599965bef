"""What an operator sees of the jobs and does to them, by HTTP and by command."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common import jobs
from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import IllegalTransition, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow

__all__ = ["JobView", "JobsQuery", "Retried", "RetryMany", "State", "list_jobs", "retry_job", "retry_jobs", "routes"]

STEP = 500
"""Dead jobs tried again in one transaction."""
State = Literal["waiting", "done", "dead"]
Place = tuple[datetime, UUID]
_BEGINNING: Place = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


class JobView(BaseModel):
    """A job as operators see it: never its payload, which may hold personal data."""

    id: UUID
    kind: str
    key: str
    state: State
    running: bool
    attempts: int
    crashes: int
    due_at: AwareDatetime
    not_before: AwareDatetime
    last_error: str | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class JobsQuery(BaseModel):
    """Which jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State = "dead"
    kind: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


async def list_jobs(
    conn: asyncpg.Connection, query: JobsQuery, *, after: Place = _BEGINNING, limit: int | None = None
) -> list[JobView]:
    """Give jobs of one state, oldest first, created after a place."""
    rows = await conn.fetch(jobs.QUERIES["page"], query.state, query.kind, *after, limit or query.limit)
    return [JobView.model_validate(dict(row)) for row in rows]


class RetryMany(BaseModel):
    """Which dead jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str | None = Field(default=None, max_length=100, description="of this kind only; all when absent")
    before: AwareDatetime | None = Field(default=None, description="of the answer before, to go on")


class Retried(BaseModel):
    """What one step did."""

    model_config = ConfigDict(frozen=True)

    jobs: int
    more: bool = Field(description="whether to ask again for the rest")
    before: AwareDatetime = Field(
        description="give it back when asking again: what died again since then is left alone"
    )


async def retry_jobs(uow: Uow, which: RetryMany) -> Retried:
    """Let the next of many dead jobs be tried again, as if they were new; each is written in the journal."""
    before = which.before or await uow.conn.fetchval(jobs.QUERIES["now"])
    revived = await uow.conn.fetch(jobs.QUERIES["revive_many"], before, which.kind, STEP)
    for row in revived:
        uow.audit("job.retried", str(row["id"]))
    await uow.conn.execute(jobs.QUERIES["wake"])
    return Retried(jobs=len(revived), more=len(revived) == STEP, before=before)


async def retry_job(uow: Uow, job_id: UUID) -> JobView:
    """Let a dead job be tried again, as if it were new. Raises NotFound, IllegalTransition; written in the journal."""
    revived = await uow.conn.fetchrow(jobs.QUERIES["revive"], job_id)
    found = await uow.conn.fetchrow(jobs.QUERIES["find"], job_id)
    if found is None:
        raise NotFound("Aucune tâche n'a cet identifiant.", "No job has this identifier.")
    if revived is None:
        raise IllegalTransition(
            "Seule une tâche abandonnée (état « dead ») peut être relancée.", "Only a dead job can be tried again."
        )
    uow.audit("job.retried", str(job_id))
    await uow.conn.execute(jobs.QUERIES["wake"])
    return JobView.model_validate(dict(found))


def routes(service: str) -> Routes:
    """Give the routes by which operators look after a service's jobs."""
    found = Routes(service)
    found.get("/v1/operations/jobs", tag="operations")(_list)
    found.post("/v1/operations/jobs/retry", tag="operations")(_retry_many)
    found.post("/v1/operations/jobs/{job_id}/retry", errors=[NotFound, IllegalTransition], tag="operations")(_retry)
    return found


async def _list(runtime: Runtime, actor: Actor, query: JobsQuery) -> Page[JobView]:
    """List the jobs of a state, oldest first.

    For operators. Jobs are effects outside the database: mails, webhooks, time stamps, transmissions.
    """
    actor.require(OrganisationKind.OPERATOR)
    async with runtime.read() as conn:
        items = await list_jobs(conn, query, after=_after(runtime, query.cursor), limit=query.limit + 1)
    page = items[: query.limit]
    return Page[JobView](items=page, next=_next(runtime, page[-1]) if len(items) > query.limit else None)


async def _retry(uow: Uow, actor: Actor, job_id: UUID) -> JobView:
    """Let a dead job be tried again, as if it were new.

    For operators; written in the audit journal. Its receiver sees the same identity as before.
    """
    actor.require(OrganisationKind.OPERATOR)
    return await retry_job(uow, job_id)


async def _retry_many(uow: Uow, actor: Actor, body: RetryMany) -> Retried:
    """Let dead jobs of a kind, or all, be tried again, as if they were new.

    For operators; each is written in the audit journal. At most 500 at once: ask again, with the `before` of the answer,
    while there is more.
    """
    actor.require(OrganisationKind.OPERATOR)
    return await retry_jobs(uow, body)


def _after(runtime: Runtime, cursor: str | None) -> Place:
    if cursor is None:
        return _BEGINNING
    place: dict[str, Any] = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(place["created_at"]), UUID(place["id"])


def _next(runtime: Runtime, last: JobView) -> str:
    return Cursor.encode(runtime, {"created_at": last.created_at.isoformat(), "id": str(last.id)})
