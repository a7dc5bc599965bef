"""Matches are told at once, or by the digest of the person: one mail a run, each notice once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.mails import compose
from services.alerts.mails.metrics import DUE
from services.alerts.mails.schedule import next_run
from services.alerts.store import digests as store
from services.alerts.store.digests import Told

__all__ = ["run", "tell"]

_PEOPLE = 500
"""Digests queued in one transaction."""


async def tell(uow: Uow, criteria: Sequence[UUID], told: Told, subject: str) -> None:
    """Queue the mails of a notice for all people whose searches have these criteria; whoever was told is not again."""
    now = uow.now()
    queued = await store.queue_alerts(uow.conn, criteria, told, subject, now)
    uow.before_commit(_count, ("alert", queued))
    runs = {rhythm: next_run(rhythm, now) for rhythm in await store.rhythms(uow.conn, criteria)}
    if runs:
        await store.queue_entries(uow.conn, criteria, told, runs)


async def run(runtime: Runtime) -> None:
    """Queue the digests whose hour has come, those of runs that were missed too. Safe in several workers at once."""
    queued = _PEOPLE
    while queued == _PEOPLE:
        async with runtime.uow() as uow:
            queued = await store.run(uow.conn, compose.DIGEST_SUBJECT, uow.now(), _PEOPLE)
            uow.before_commit(_count, ("digest", queued))


async def _count(queued: Sequence[tuple[str, int]]) -> None:
    for kind, mails in queued:
        DUE.labels(kind).inc(mails)
