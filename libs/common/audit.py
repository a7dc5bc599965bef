"""The audit journal of a service: who did what, for which organisation, when; chained by hash after commit.

Entries are written in the transaction they tell of, then chained in batches: a chain inside the transaction would make
all writers wait for each other. Ids only: no personal data, so nothing ever has to be taken out of the chain.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import rfc8785
import structlog

from libs.common.db import load_queries
from libs.common.stop import pause
from libs.common.uow import Uow

if TYPE_CHECKING:
    from libs.common.messages.envelope import CloudEvent
    from libs.common.runtime import Runtime

__all__ = ["BATCH", "Verdict", "chain", "head", "run", "verify", "write"]

BATCH = 500  # entries chained, or read back, at a time
_POLL = 1.0  # seconds
_QUERIES = load_queries(Path(__file__).with_name("audit.sql"))
_TOLD = ("at", "recorded_at", "actor", "organisation", "action", "subject", "event_id")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found."""

    entries: int
    """Entries that hold, from the first on."""
    head: str
    """Hash of the last entry that holds, hexadecimal: written down elsewhere, it proves that nothing was cut off."""
    fault: str | None = None
    """What the first entry that does not hold shows; None when all do."""


async def write(uow: Uow, envelopes: Sequence[CloudEvent]) -> None:
    """Write the transaction's entries: one for each event, and those the use case asked for."""
    actor = uow.actor.subject if uow.actor else None
    organisation = uow.actor.organisation if uow.actor else None
    asked = [(action, subject, None) for action, subject in uow.journal]
    told = [(event.type, event.subject, event.id) for event in envelopes]
    if asked or told:
        now = uow.now()
        rows = [(now, actor, organisation, *entry) for entry in (*asked, *told)]
        await uow.conn.executemany(_QUERIES["write"], rows)


async def chain(conn: asyncpg.Connection, *, limit: int = BATCH) -> int:
    """Chain committed entries, in a transaction of its own; give how many. Safe with any number of callers."""
    async with conn.transaction():
        head = await conn.fetchrow(_QUERIES["lock_head"])
        taken = sorted(await conn.fetch(_QUERIES["take"], limit), key=lambda entry: entry["id"])
        position, digest = head["position"], head["hash"]
        rows = []
        for entry in taken:
            position += 1
            digest = _digest(position, digest, entry)
            rows.append((position, *(entry[name] for name in _TOLD), digest))
        if rows:
            await conn.executemany(_QUERIES["append"], rows)
            await conn.execute(_QUERIES["move_head"], position, digest)
    return len(rows)


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Chain entries as they come, until told to stop."""
    while not stop.is_set():
        try:
            async with runtime.read() as conn:
                chained = await chain(conn)
        except Exception:  # noqa: BLE001  # a loop: the database may be away for a while
            _log.exception("journal_not_chained", service=runtime.service.name)
            chained = 0
        if chained < BATCH:
            await pause(stop, _POLL)


async def verify(conn: asyncpg.Connection, *, head: str | None = None) -> Verdict:
    """Compute the chain again; `head` is a hash written down earlier that must still be in it.

    Finds an entry changed, put in, taken out, moved, or cut off the end.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):  # what is chained meanwhile is not seen
        last = await conn.fetchrow(_QUERIES["head"])
        return await _check(_entries(conn), last, head)


async def _check(entries: AsyncIterator[asyncpg.Record], last: asyncpg.Record, noted: str | None) -> Verdict:
    position, digest, seen = 0, bytes(32), noted in {None, bytes(32).hex()}
    async for entry in entries:
        expected = _digest(position + 1, digest, entry)
        if entry["position"] != position + 1:
            return Verdict(position, digest.hex(), f"entry {position + 1} is missing")
        if entry["hash"] != expected:
            return Verdict(position, digest.hex(), f"entry {position + 1} was changed")
        position, digest = position + 1, expected
        seen = seen or digest.hex() == noted
    if (last["position"], last["hash"]) != (position, digest):
        return Verdict(position, digest.hex(), f"the end was cut off: {last['position']} entries were chained")
    return Verdict(position, digest.hex(), None if seen else "the hash given is not in the chain")


async def head(conn: asyncpg.Connection) -> dict[str, object]:
    """Give the position and hash of the last chained entry."""
    last = await conn.fetchrow(_QUERIES["head"])
    return {"position": last["position"], "hash": last["hash"].hex()}


async def _entries(conn: asyncpg.Connection) -> AsyncIterator[asyncpg.Record]:
    last = -(2**62)  # even a forged entry below the first is read
    while batch := await conn.fetch(_QUERIES["entries_after"], last, BATCH):
        for entry in batch:
            yield entry
        last = batch[-1]["position"]


def _digest(position: int, previous: bytes, entry: asyncpg.Record) -> bytes:
    told = {
        "position": position,
        "previous": previous.hex(),
        "at": entry["at"].isoformat(),
        "recorded_at": entry["recorded_at"].isoformat(),
        "actor": entry["actor"],
        "organisation": entry["organisation"],
        "action": entry["action"],
        "subject": entry["subject"],
        "event_id": str(entry["event_id"]) if entry["event_id"] else None,
    }
    return hashlib.sha256(rfc8785.dumps(told)).digest()
