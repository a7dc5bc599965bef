"""Procedures followed, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.domain import Holder, MailState, News
from services.alerts.store.mails import Closed, Draft, closed_of, wake
from services.alerts.store.sql import MAILS, QUERIES, Key

__all__ = [
    "count_follows",
    "delete_follow",
    "follows",
    "keep",
    "keep_abandonment",
    "known_procedure",
    "of_mails",
    "put_off",
    "queue_depositor",
    "queue_followers",
    "set_follow",
]


async def set_follow(conn: asyncpg.Connection, holder: Holder, procedure: UUID, at: datetime) -> None:
    """Keep that an organisation or a person follows a procedure; no fault when they do already."""
    await conn.execute(QUERIES["set_follow"], holder.organisation, holder.subscriber_id, procedure, at)


async def count_follows(conn: asyncpg.Connection, holder: Holder, but: UUID) -> int:
    """Count the procedures a holder follows, but one; holding back others who would add one."""
    await conn.execute(QUERIES["lock_holder"], holder.organisation or str(holder.subscriber_id))
    return int(await conn.fetchval(QUERIES["count_follows"], holder.organisation, holder.subscriber_id, but))


async def delete_follow(conn: asyncpg.Connection, holder: Holder, procedure: UUID) -> bool:
    """Forget it; False when the holder did not follow."""
    done = await conn.execute(QUERIES["delete_follow"], holder.organisation, holder.subscriber_id, procedure)
    return bool(done == "DELETE 1")


async def follows(conn: asyncpg.Connection, holder: Holder, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give the procedures a holder follows, newest first."""
    values = (holder.organisation, holder.subscriber_id, *before, limit)
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["follows"], *values)
    return rows


async def known_procedure(conn: asyncpg.Connection, procedure: UUID) -> bool:
    """Say whether a notice of the procedure was published."""
    return bool(await conn.fetchval(QUERIES["known_procedure"], procedure))


async def keep(
    conn: asyncpg.Connection, news_id: UUID, procedure: UUID, kind: str, question: str | None, told: str, at: datetime
) -> None:
    """Keep what mails of a change or an answer say."""
    await conn.execute(QUERIES["keep_news"], news_id, procedure, kind, question, told, at)


async def keep_abandonment(
    conn: asyncpg.Connection, news_id: UUID, procedure: UUID, explanation: str, lot: str, at: datetime
) -> None:
    """Keep why lots are given up, one more of them maybe."""
    await conn.execute(QUERIES["keep_abandonment"], news_id, procedure, explanation, lot, at)


async def put_off(conn: asyncpg.Connection, news_id: UUID, until: datetime) -> None:
    """Have the mails of a news wait."""
    await conn.execute(QUERIES["put_off_news"], news_id, until)


async def queue_followers(
    conn: asyncpg.Connection, news_id: UUID, procedure: UUID, *, subject: str, at: datetime
) -> None:
    """Queue one mail for each organisation that follows a procedure and wants mails; none twice."""
    await conn.execute(MAILS["queue_followers"], news_id, procedure, subject, at)
    await wake(conn)


async def queue_depositor(
    conn: asyncpg.Connection, draft: Draft, cause: Mapping[str, Any] | None, at: datetime
) -> Closed | None:
    """Queue the mail of a company that deposited, if it has none of this news; gives it when it has no address."""
    values = (draft.organisation, draft.subject_id, draft.procedure, draft.subject, at, cause)
    row = await conn.fetchrow(MAILS["queue_depositor"], *values)
    await wake(conn)
    return closed_of(row) if row["state"] == MailState.UNDELIVERABLE else None


async def of_mails(conn: asyncpg.Connection, mails: Sequence[UUID]) -> dict[UUID, News]:
    """Give the news of mails; those not known here yet are left out."""
    rows = [dict(row) for row in await conn.fetch(MAILS["news"], list(mails))]
    return {row.pop("mail_id"): News(**row) for row in rows}
