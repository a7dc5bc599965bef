"""Procedures followed, and what is told of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.domain import MailState, News
from services.alerts.store.mails import Queued
from services.alerts.store.sql import QUERIES, Key

__all__ = [
    "count_follows",
    "delete_follow",
    "follows",
    "keep",
    "known_procedure",
    "of_mail",
    "queue_depositor",
    "queue_followers",
    "set_follow",
]


async def set_follow(conn: asyncpg.Connection, organisation: str, procedure: UUID, at: datetime) -> None:
    """Keep that an organisation follows a procedure; no fault when it does already."""
    await conn.execute(QUERIES["set_follow"], organisation, procedure, at)


async def count_follows(conn: asyncpg.Connection, organisation: str, but: UUID) -> int:
    """Count the procedures an organisation follows, but one; holding back others who would add one."""
    await conn.execute(QUERIES["lock_organisation"], organisation)
    return int(await conn.fetchval(QUERIES["count_follows"], organisation, but))


async def delete_follow(conn: asyncpg.Connection, organisation: str, procedure: UUID) -> bool:
    """Forget it; False when the organisation did not follow."""
    return bool(await conn.execute(QUERIES["delete_follow"], organisation, procedure) == "DELETE 1")


async def follows(conn: asyncpg.Connection, organisation: str, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give the procedures an organisation follows, newest first."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["follows"], organisation, *before, limit)
    return rows


async def known_procedure(conn: asyncpg.Connection, procedure: UUID) -> bool:
    """Say whether a notice of the procedure was published."""
    return bool(await conn.fetchval(QUERIES["known_procedure"], procedure))


async def keep(
    conn: asyncpg.Connection, news_id: UUID, procedure: UUID, kind: str, question: str | None, told: str, at: datetime
) -> None:
    """Keep what mails of a change or an answer say."""
    await conn.execute(QUERIES["keep_news"], news_id, procedure, kind, question, told, at)


async def queue_followers(
    conn: asyncpg.Connection, news_id: UUID, procedure: UUID, *, subject: str, at: datetime
) -> list[UUID]:
    """Queue one mail for each organisation that follows a procedure and wants mails; none twice."""
    rows = await conn.fetch(QUERIES["queue_followers"], news_id, procedure, subject, at)
    return [row["mail_id"] for row in rows]


async def queue_depositor(
    conn: asyncpg.Connection, organisation: str, news_id: UUID, procedure: UUID | None, *, subject: str, at: datetime
) -> tuple[Queued, int]:
    """Queue the mail of a company that deposited, if it has none of this news; and how often it was made due again."""
    row = await conn.fetchrow(QUERIES["queue_depositor"], organisation, news_id, procedure, subject, at)
    return Queued(row["mail_id"], row["organisation"], MailState(row["state"])), row["requeued"]


async def of_mail(conn: asyncpg.Connection, mail_id: UUID) -> News | None:
    """Give the news of a mail; None while it is not known here yet."""
    row = await conn.fetchrow(QUERIES["news"], mail_id)
    return News(**dict(row)) if row else None
