"""The whole chain, computed again from the database: a fact changed, put in, taken out or cut off the end is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from cryptography import x509

from libs.common.timestamp import TimestampError, verify
from services.bids.evidence import merkle, store
from services.bids.evidence.batches import Batch, Head
from services.bids.evidence.facts import leaf

__all__ = ["Verdict", "verify_chain"]

AT_ONCE = 100
"""Batches read at a time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found."""

    batches: int
    """Batches that hold, from the first on."""
    facts: int
    pending: int
    """Batches among them that have no time stamp yet."""
    head: str
    """Hash of the last batch that holds, hexadecimal."""
    fault: str | None = None
    """What the first batch that does not hold shows; None when all do."""


async def verify_chain(
    conn: asyncpg.Connection, roots: Sequence[x509.Certificate], *, noted: str | None = None
) -> Verdict:
    """Compute the chain again; `noted` is a head that somebody holds (of a receipt, a report) and must be in it."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):  # what is closed meanwhile is not seen
        head = await store.head(conn)
        found, seen = Verdict(0, 0, 0, bytes(32).hex()), noted is None
        while batches := await store.batches_after(conn, found.batches, AT_ONCE):
            for batch in batches:
                found = await _next(conn, found, batch, roots)
                if found.fault:
                    return found
                seen = seen or found.head == noted
    return _ended(found, head, seen=seen)


async def _next(conn: asyncpg.Connection, found: Verdict, batch: Batch, roots: Sequence[x509.Certificate]) -> Verdict:
    facts = await store.facts_of_batch(conn, batch.id)
    fault = _fault(batch, found, [leaf(each.id, each.fact) for each in facts]) or _stamp_fault(batch, roots)
    if fault:
        return Verdict(found.batches, found.facts, found.pending, found.head, f"batch {found.batches + 1}: {fault}")
    pending = found.pending + (batch.token is None)
    return Verdict(batch.number, found.facts + len(facts), pending, batch.head.hex())


def _fault(batch: Batch, found: Verdict, hashes: Sequence[bytes]) -> str | None:
    if batch.number != found.batches + 1:
        return "missing"
    if batch.previous.hex() != found.head:
        return "it does not follow the one before"
    if merkle.fill(hashes, batch.seed) != batch.leaves:
        return "a fact was changed, put in or taken out"
    if (merkle.root(batch.leaves), merkle.head_of(batch.previous, batch.root)) != (batch.root, batch.head):
        return "its root or its head is not that of its facts"
    return None


def _stamp_fault(batch: Batch, roots: Sequence[x509.Certificate]) -> str | None:
    if batch.token is None:
        return None
    try:
        verify(batch.token, batch.head, roots)
    except TimestampError as error:
        return str(error)
    return None


def _ended(found: Verdict, head: Head, *, seen: bool) -> Verdict:
    if (head.number, head.hash.hex()) != (found.batches, found.head):
        fault: str | None = f"the end was cut off: {head.number} batches were closed"
    else:
        fault = None if seen else "the head given is not in the chain"
    return Verdict(found.batches, found.facts, found.pending, found.head, fault)
