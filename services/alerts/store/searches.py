"""Contacts, saved searches, and their matches."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.domain import Contact, Frequency, Holder, Search, Told
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.summary import summary, summary_en
from services.alerts.store.sql import QUERIES, Key

__all__ = [
    "add_search",
    "change_search",
    "contact",
    "count_searches",
    "delete_search",
    "end_feed",
    "forget_contact",
    "give_feedback",
    "keep_criteria",
    "latest",
    "matches",
    "search",
    "searches",
    "set_contact",
    "set_feed",
    "stop_search",
    "take_feedback_back",
    "unsubscribe",
]


async def set_contact(
    conn: asyncpg.Connection, organisation: str, *, email: str, language: str, at: datetime
) -> Contact:
    """Keep where an organisation's mails go; alerts are wanted again."""
    row = await conn.fetchrow(QUERIES["set_contact"], organisation, email, language, at)
    return Contact(**dict(row))


async def contact(conn: asyncpg.Connection, organisation: str) -> Contact | None:
    """Give where an organisation's mails go, None if it did not say."""
    row = await conn.fetchrow(QUERIES["contact"], organisation)
    return Contact(**dict(row)) if row else None


async def forget_contact(conn: asyncpg.Connection, organisation: str) -> None:
    """Erase an organisation's address."""
    await conn.execute(QUERIES["forget_contact"], organisation)


async def unsubscribe(conn: asyncpg.Connection, contact_id: UUID, generation: int, at: datetime) -> bool:
    """Stop alerts; False when the link is older than the present wish."""
    return await conn.fetchval(QUERIES["unsubscribe"], contact_id, generation, at) is not None


async def count_searches(conn: asyncpg.Connection, holder: Holder) -> int:
    """Count a holder's searches, holding back others who would add one."""
    await conn.execute(QUERIES["lock_holder"], holder.organisation or str(holder.subscriber_id))
    return int(await conn.fetchval(QUERIES["count_searches"], *_of(holder)))


async def keep_criteria(conn: asyncpg.Connection, criteria: Criteria, at: datetime) -> UUID:
    """Give the row of distinct criteria, kept if they are new."""
    digest = criteria.digest()
    said = (summary(criteria), summary_en(criteria))
    new: UUID | None = await conn.fetchval(QUERIES["keep_criteria"], digest, criteria.canonical(), *said, at)
    if new is not None:
        return new
    known: UUID = await conn.fetchval(QUERIES["criteria_by_digest"], digest)
    return known


async def add_search(conn: asyncpg.Connection, search: Search, criteria_id: UUID) -> None:
    """Keep a search."""
    head = (search.search_id, search.organisation, search.subscriber_id, search.name, criteria_id)
    await conn.execute(QUERIES["insert_search"], *head, search.frequency, search.paused, search.created_at)


async def change_search(conn: asyncpg.Connection, search: Search, criteria_id: UUID | None) -> None:
    """Keep a search as it is now, with its criteria or others."""
    known = await conn.fetchval(QUERIES["criteria_of_search"], search.search_id)
    head = (search.search_id, search.name, search.frequency, search.paused, criteria_id or known)
    await conn.execute(QUERIES["change_search"], *head, search.organisation, search.subscriber_id)


async def searches(conn: asyncpg.Connection, holder: Holder, after: Key, limit: int) -> list[Search]:
    """Give a holder's searches, oldest first."""
    return [_search(row) for row in await conn.fetch(QUERIES["searches"], *_of(holder), *after, limit)]


async def search(conn: asyncpg.Connection, search_id: UUID) -> Search | None:
    """Give a search, None if there is none such."""
    row = await conn.fetchrow(QUERIES["search"], search_id)
    return _search(row) if row else None


async def delete_search(conn: asyncpg.Connection, search_id: UUID) -> None:
    """Forget a search."""
    await conn.execute(QUERIES["delete_search"], search_id)


async def stop_search(conn: asyncpg.Connection, search_id: UUID, generation: int) -> bool:
    """Pause a search by a link; False when it is gone, or was resumed after the link was written."""
    return await conn.fetchval(QUERIES["stop_search"], search_id, generation) is not None


async def set_feed(conn: asyncpg.Connection, search_id: UUID) -> int:
    """Give the feeds of a search a new address; those before are no longer good."""
    return int(await conn.fetchval(QUERIES["set_feed"], search_id))


async def end_feed(conn: asyncpg.Connection, search_id: UUID) -> None:
    """Leave the feeds of a search without an address."""
    await conn.execute(QUERIES["end_feed"], search_id)


async def give_feedback(
    conn: asyncpg.Connection, search_id: UUID, notice_id: UUID, *, relevant: bool, at: datetime
) -> bool:
    """Keep what the holder of a search says of a notice; False when the search did not find it."""
    return await conn.fetchval(QUERIES["give_feedback"], search_id, notice_id, relevant, at) is not None


async def take_feedback_back(conn: asyncpg.Connection, search_id: UUID, notice_id: UUID) -> None:
    """Forget what the holder of a search said of a notice."""
    await conn.execute(QUERIES["take_feedback_back"], search_id, notice_id)


async def latest(conn: asyncpg.Connection, search_id: UUID, limit: int) -> list[Told]:
    """Give what a search found last, as its feeds tell it."""
    return [Told(**dict(row)) for row in await conn.fetch(QUERIES["followed_by_feed"], search_id, limit)]


async def matches(conn: asyncpg.Connection, search_id: UUID, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give what a search found, newest first, with the state of the mail that told of it."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["matches"], search_id, *before, limit)
    return rows


def _of(holder: Holder) -> tuple[str | None, UUID | None]:
    return holder.organisation, holder.subscriber_id


def _search(row: asyncpg.Record) -> Search:
    values: dict[str, Any] = dict(row)
    criteria, frequency = Criteria.model_validate(values.pop("definition")), Frequency(values.pop("frequency"))
    return Search(criteria=criteria, frequency=frequency, **values)
