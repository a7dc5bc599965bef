"""Receipts and their time stamps."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.bids.sealing.names import to_text
from services.bids.sealing.receipt import Receipt, ReceiptStatement
from services.bids.store.queries import QUERIES

__all__ = ["add", "by_id", "find", "left_pending", "stamp"]


async def add(conn: asyncpg.Connection, statement: ReceiptStatement) -> Receipt:
    """Keep a new receipt, not stamped yet."""
    digest = statement.digest.hex()
    content = statement.model_dump(mode="json")
    await conn.execute(QUERIES["add_receipt"], statement.receipt_id, statement.bid_id, statement.act, content, digest)
    return Receipt(statement=statement, sha256=digest, timestamp="pending")


async def find(conn: asyncpg.Connection, bid: UUID, act: str) -> Receipt | None:
    """Give the receipt of a deposit or of a withdrawal."""
    return _read(await conn.fetchrow(QUERIES["find_receipt"], bid, act))


async def by_id(conn: asyncpg.Connection, receipt: UUID) -> Receipt | None:
    """Give a receipt."""
    return _read(await conn.fetchrow(QUERIES["receipt_by_id"], receipt))


async def stamp(conn: asyncpg.Connection, receipt: UUID, token: bytes, at: datetime) -> None:
    """Keep the time stamp; a receipt that has one keeps it."""
    await conn.execute(QUERIES["stamp_receipt"], receipt, token, at)


async def left_pending(conn: asyncpg.Connection) -> list[UUID]:
    """Give the receipts whose time stamp nobody is waiting for any more."""
    return [row["id"] for row in await conn.fetch(QUERIES["receipts_left_pending"])]


def _read(row: Any) -> Receipt | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    token = row["token"]
    return Receipt(
        statement=ReceiptStatement.model_validate(row["statement"]),
        sha256=row["sha256"],
        timestamp="pending" if token is None else "stamped",
        token=None if token is None else to_text(token),
        stamped_at=row["stamped_at"],
    )
