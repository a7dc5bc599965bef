"""The commands by which an operator looks after a service: jobs, journal."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar
from uuid import UUID

import click

from libs.common import audit
from libs.common.actor import Actor, OrganisationKind
from libs.common.endings import EXIT_REFUSED, ended
from libs.common.jobs_api import JobsQuery, JobView, RetryMany, State, list_jobs, retry_job, retry_jobs
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service

__all__ = ["jobs_group", "journal_group", "operate", "operator"]

T = TypeVar("T")


def operator() -> Actor:
    """Give the actor of a command: whoever has a shell and the secret; the journal keeps the account's name."""
    return Actor(f"shell:{getpass.getuser()}", "command line", "HALLES:operator", OrganisationKind.OPERATOR)


def operate(service: Service, act: Callable[[Runtime], Awaitable[T]]) -> T:
    """Do one thing with a service's runtime; faults end the command with a clear word."""

    async def run() -> T:
        async with open_runtime(service, service.settings()) as runtime:
            return await act(runtime)

    with ended():
        return asyncio.run(run())


@click.group("jobs")
def jobs_group() -> None:
    """See the effects that wait or failed; try the dead ones again."""


@jobs_group.command("list", epilog="Example: python -m services.alerts jobs list --state dead --kind mail")
@click.option("--state", type=click.Choice(["waiting", "dead", "done"]), default="dead", show_default=True)
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_command(service: Service, state: State, kind: str | None, limit: int) -> None:
    """List jobs, oldest first, one JSON object a line; payloads are not shown."""

    async def act(runtime: Runtime) -> list[JobView]:
        async with runtime.read() as conn:
            return await list_jobs(conn, JobsQuery(state=state, kind=kind), limit=limit)

    for job in operate(service, act):
        click.echo(job.model_dump_json())


@jobs_group.command(
    "retry", epilog="Example: python -m services.alerts jobs retry 5948352b-01de-4408-9535-eea729afa5e6"
)
@click.argument("job_id", type=click.UUID, required=False)
@click.option("--kind", help="All dead jobs of this kind.")
@click.option("--all", "everything", is_flag=True, help="All dead jobs.")
@click.pass_obj
def retry_command(service: Service, job_id: UUID | None, kind: str | None, everything: bool) -> None:
    """Let a dead job, or many, be tried again, as if new; written in the journal."""
    if [job_id is not None, kind is not None, everything].count(True) != 1:
        raise click.UsageError("give one of: a job, --kind, --all")

    async def act(runtime: Runtime) -> str:
        if job_id is None:
            return f"{await _retry_many(runtime, kind)} job(s) tried again"
        async with runtime.uow(actor=operator()) as uow:
            return (await retry_job(uow, job_id)).model_dump_json()

    click.echo(operate(service, act))


async def _retry_many(runtime: Runtime, kind: str | None) -> int:
    """Step by step; give how many."""
    total, which, more = 0, RetryMany(kind=kind), True
    while more:
        async with runtime.uow(actor=operator()) as uow:
            done = await retry_jobs(uow, which)
        total, more, which = total + done.jobs, done.more, RetryMany(kind=kind, before=done.before)
    return total


@click.group("journal")
def journal_group() -> None:
    """Check the chain of the audit journal."""


@journal_group.command("verify", epilog="Example: python -m services.bids journal verify --head 995712...")
@click.option("--head", help="A hash noted earlier (see `journal head`): it must still be in the chain.")
@click.pass_obj
def verify_command(service: Service, head: str | None) -> None:
    """Compute the chain again; exit 1 when an entry was changed, added, removed, moved or cut off."""

    async def act(runtime: Runtime) -> audit.Verdict:
        async with runtime.read() as conn:
            return await audit.verify(conn, head=head)

    verdict = operate(service, act)
    click.echo(json.dumps(asdict(verdict)))
    if verdict.fault:
        sys.exit(EXIT_REFUSED)


@journal_group.command(
    "head", epilog="Example: python -m services.bids journal head >> /mnt/elsewhere/bids-journal.txt"
)
@click.pass_obj
def head_command(service: Service) -> None:
    """Give the position and hash of the last chained entry, to be noted elsewhere."""

    async def act(runtime: Runtime) -> dict[str, object]:
        async with runtime.read() as conn:
            return await audit.head(conn)

    click.echo(json.dumps(operate(service, act)))
