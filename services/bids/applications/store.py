"""What bidders said of their bids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import Queries, load_queries
from services.bids.applications.said import Application

__all__ = ["find", "of_opened", "put"]

QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))


async def put(conn: asyncpg.Connection, bid: UUID, said: Application, at: datetime) -> None:
    """Keep what is said of a bid, in the place of what was said before."""
    await conn.execute(QUERIES["put_application"], bid, said.model_dump(mode="json"), at)


async def find(conn: asyncpg.Connection, bid: UUID) -> Application:
    """Give what was said of a bid; nothing said is an empty application."""
    content = await conn.fetchval(QUERIES["find_application"], bid)
    return Application() if content is None else Application.model_validate(content)


async def of_opened(conn: asyncpg.Connection, procedure: UUID) -> Mapping[UUID, Application]:
    """Give what was said of the opened bids of a consultation."""
    rows = await conn.fetch(QUERIES["applications_of_opened"], procedure)
    return {row["bid"]: Application.model_validate(row["content"]) for row in rows}
