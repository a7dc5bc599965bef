"""Receipts, and the facts that prove them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.bids import evidence
from services.bids.evidence import Fact
from services.bids.evidence import store as journal
from services.bids.evidence.proof import Proof, prove
from services.bids.sealing.receipt import ACTS, Receipt, ReceiptStatement

__all__ = ["add", "by_id", "fact_of", "find", "left_pending"]

QUERIES = load_queries(Path(__file__).with_name("receipts.sql"))


async def add(conn: asyncpg.Connection, statement: ReceiptStatement) -> Receipt:
    """Keep a new receipt, and record the fact that will prove it."""
    receipt = Receipt.of(statement)
    content = {
        "receipt": str(statement.receipt_id),
        "sha256": receipt.sha256,
        "envelope": statement.envelope_sha256,
        "bytes": sum(each.size for each in statement.documents),
    }
    at, told = statement.received_at, statement.model_dump(mode="json")
    fact = await evidence.record(conn, Fact(statement.procedure, statement.bid_id, ACTS[statement.act], at, content))
    await conn.execute(
        QUERIES["add_receipt"], statement.receipt_id, statement.bid_id, statement.act, told, receipt.sha256, fact
    )
    return receipt


async def find(conn: asyncpg.Connection, bid: UUID, act: str) -> Receipt | None:
    """Give the receipt of a deposit or of a withdrawal."""
    return await _read(conn, await conn.fetchrow(QUERIES["find_receipt"], bid, act))


async def by_id(conn: asyncpg.Connection, receipt: UUID) -> Receipt | None:
    """Give a receipt."""
    return await _read(conn, await conn.fetchrow(QUERIES["receipt_by_id"], receipt))


async def fact_of(conn: asyncpg.Connection, receipt: UUID) -> UUID:
    """Give the fact that proves a receipt."""
    fact: UUID = await conn.fetchval(QUERIES["fact_of_receipt"], receipt)
    return fact


async def left_pending(conn: asyncpg.Connection) -> int:
    """Count the receipts whose time stamp nobody is waiting for any more, up to 100."""
    return int(await conn.fetchval(QUERIES["receipts_left_pending"]))


async def _read(conn: asyncpg.Connection, row: Any) -> Receipt | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    return Receipt.of(ReceiptStatement.model_validate(row["statement"]), await _proof(conn, row["fact"]))


async def _proof(conn: asyncpg.Connection, fact: UUID) -> Proof | None:
    found = await journal.find(conn, fact)
    if found is None or found.batch is None:
        return None
    return prove(found, (await journal.batches(conn, [found.batch]))[found.batch])
