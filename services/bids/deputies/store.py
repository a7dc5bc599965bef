"""Resealed shares, and who sealed them to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.bids.sealing.resealing import ResealedShares

__all__ = ["HandedOver", "forget", "keep", "of_opening", "paper"]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class HandedOver:
    """An officer's shares in the hands of a deputy."""

    officer: str
    deputy: str
    deputy_key_sha256: str
    resealed_at: datetime
    deposited_at: datetime


async def keep(conn: asyncpg.Connection, opening: UUID, handed: HandedOver, told: ResealedShares) -> None:
    """Keep an officer's resealed shares; they take the place of earlier ones."""
    await conn.execute(
        QUERIES["keep_resealed"], opening, handed.officer, handed.deputy, handed.deputy_key_sha256, handed.resealed_at,
        handed.deposited_at, told.model_dump(mode="json"),
    )  # fmt: skip


async def of_opening(conn: asyncpg.Connection, opening: UUID) -> list[HandedOver]:
    """Give whose shares of an opening were sealed again, and to whom."""
    return [HandedOver(**dict(row)) for row in await conn.fetch(QUERIES["resealed"], opening)]


async def paper(conn: asyncpg.Connection, opening: UUID, officer: str) -> ResealedShares | None:
    """Give an officer's resealed shares; None when there are none, or none any more."""
    found = await conn.fetchval(QUERIES["resealed_paper"], opening, officer)
    return None if found is None else ResealedShares.model_validate(found)


async def forget(conn: asyncpg.Connection, opening: UUID) -> None:
    """Forget the resealed shares of an opening; who gave them to whom stays."""
    await conn.execute(QUERIES["forget_resealed"], opening)
