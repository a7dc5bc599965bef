"""Facts, batches, and the head of their chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import rfc8785

from libs.common.db import load_queries
from services.bids.evidence.batches import Batch, Head, Recorded
from services.bids.evidence.facts import Fact, FactKind

__all__ = [
    "CHANNEL", "add_batch", "batches", "due", "find", "lock_head", "record", "stamp", "stamped", "unstamped", "waiting",
]  # fmt: skip

CHANNEL = "evidence"
"""Rings when facts wait for a batch, and when a batch was stamped."""
QUIET = frozenset({FactKind.HEARTBEAT})
"""Facts that wait for the next batch that something else closes: a stamp a minute and process would prove no more."""
QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def record(conn: asyncpg.Connection, fact: Fact) -> UUID:
    """Record a fact in the transaction of what it tells; give its identifier.

    Its batch is closed within half a second of the commit. Raises ValueError for content that has no RFC 8785 text.
    """
    content = dict(fact.content)
    try:
        rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, TypeError) as error:
        raise ValueError(f"not a fact: {error}") from error
    identity = uuid4()
    await conn.execute(QUERIES["record"], identity, fact.procedure, fact.bid, fact.kind, fact.at, content)
    if fact.kind not in QUIET:
        await conn.execute(QUERIES["ring"])
    return identity


async def lock_head(conn: asyncpg.Connection) -> Head:
    """Give the end of the chain, and hold it until the end of the transaction."""
    row = await conn.fetchrow(QUERIES["lock_head"])
    return Head(row["number"], row["hash"])


async def head(conn: asyncpg.Connection) -> Head:
    """Give the end of the chain."""
    row = await conn.fetchrow(QUERIES["head"])
    return Head(row["number"], row["hash"])


async def batches_after(conn: asyncpg.Connection, number: int, limit: int) -> list[Batch]:
    """Give the batches that follow a number, in order."""
    return [_batch(row) for row in await conn.fetch(QUERIES["batches_after"], number, limit)]


async def facts_of_batch(conn: asyncpg.Connection, batch: UUID) -> list[Recorded]:
    """Give the facts that a batch holds."""
    return [_recorded(row) for row in await conn.fetch(QUERIES["facts_of_batch"], batch)]


async def waiting(conn: asyncpg.Connection, limit: int) -> list[Recorded]:
    """Give committed facts that are in no batch yet."""
    return [_recorded(row) for row in await conn.fetch(QUERIES["waiting"], limit)]


async def due(conn: asyncpg.Connection) -> bool:
    """Say whether facts wait for a batch to be closed: any but quiet ones, or those after ten minutes of real time."""
    return bool(await conn.fetchval(QUERIES["due"], list(QUIET)))


async def add_batch(conn: asyncpg.Connection, batch: Batch, places: Sequence[tuple[UUID, int]]) -> None:
    """Keep a batch with the places of its facts, and move the end of the chain to it."""
    await conn.execute(
        QUERIES["add_batch"], batch.id, batch.number, batch.seed, b"".join(batch.leaves), batch.previous, batch.root,
        batch.head, batch.closed_at,
    )  # fmt: skip
    facts, positions = [fact for fact, _ in places], [position for _, position in places]
    await conn.execute(QUERIES["place_facts"], batch.id, facts, positions)
    await conn.execute(QUERIES["move_head"], batch.number, batch.head)


async def stamp(conn: asyncpg.Connection, batch: UUID, token: bytes, at: datetime) -> None:
    """Keep the time stamp of a batch, and ring; one that has one keeps it."""
    await conn.execute(QUERIES["stamp_batch"], batch, token, at)
    await conn.execute(QUERIES["ring"])


async def unstamped(conn: asyncpg.Connection, limit: int) -> list[Batch]:
    """Give batches without a time stamp some seconds (real time) after their closing, oldest first."""
    return [_batch(row) for row in await conn.fetch(QUERIES["unstamped"], limit)]


async def stamped(conn: asyncpg.Connection, facts: Sequence[UUID]) -> set[UUID]:
    """Give those of these facts whose batch is stamped."""
    return {row["id"] for row in await conn.fetch(QUERIES["stamped_facts"], list(facts))}


async def find(conn: asyncpg.Connection, fact: UUID) -> Recorded | None:
    """Give a fact."""
    row = await conn.fetchrow(QUERIES["find_fact"], fact)
    return None if row is None else _recorded(row)


async def batches(conn: asyncpg.Connection, identities: Sequence[UUID]) -> Mapping[UUID, Batch]:
    """Give batches by their identifiers."""
    return {row["id"]: _batch(row) for row in await conn.fetch(QUERIES["batches"], list(identities))}


def _recorded(row: Any) -> Recorded:  # noqa: ANN401  # a row of asyncpg
    fact = Fact(row["procedure"], row["bid"], FactKind(row["kind"]), row["at"], row["content"])
    return Recorded(row["id"], fact, row["batch"], row["position"])


def _batch(row: Any) -> Batch:  # noqa: ANN401
    leaves = row["leaves"]
    cut = tuple(leaves[start : start + 32] for start in range(0, len(leaves), 32))
    return Batch(**dict(row) | {"leaves": cut})
