"""Contracts of the holders of a framework agreement, until an award notice tells of them: functions over a connection."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.bids import Contract

__all__ = ["hold", "tell", "untold"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


async def hold(conn: asyncpg.Connection, procedure_id: UUID, contract: Contract, at: datetime) -> bool:
    """Keep a notified contract; False where it was kept already."""
    made = contract.contract_id, procedure_id, contract.lot_id, contract.model_dump(mode="json"), at
    return await conn.fetchval(_SQL["hold"], *made) is not None


async def untold(conn: asyncpg.Connection, procedure_id: UUID, lot_id: str) -> tuple[list[Contract], int]:
    """Give the contracts of a lot that no award notice tells of, the first notified first, and how many are notified in all."""
    rows = await conn.fetch(_SQL["held"], procedure_id, lot_id)
    return [Contract.model_validate(row["contract"]) for row in rows if not row["told"]], len(rows)


async def tell(conn: asyncpg.Connection, procedure_id: UUID, lot_id: str) -> None:
    """Note that an award notice tells of all contracts of a lot that are notified."""
    await conn.execute(_SQL["tell"], procedure_id, lot_id)
