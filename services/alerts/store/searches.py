"""Contacts, saved searches, and their matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pydantic_core

from libs.common.messages.notices import Notice
from services.alerts.domain import Contact, Search
from services.alerts.matching.anchors import anchors, groups
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason
from services.alerts.matching.summary import summary, summary_en
from services.alerts.store.sql import QUERIES, Key

__all__ = [
    "add_search",
    "candidates",
    "contact",
    "count_searches",
    "delete_search",
    "forget_contact",
    "keep_criteria",
    "keep_matches",
    "keep_notice",
    "matches",
    "search",
    "searches",
    "set_contact",
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


async def forget_contact(conn: asyncpg.Connection, organisation: str) -> UUID | None:
    """Erase an organisation's address; None when it gave none."""
    contact_id: UUID | None = await conn.fetchval(QUERIES["forget_contact"], organisation)
    return contact_id


async def unsubscribe(conn: asyncpg.Connection, contact_id: UUID, generation: int, at: datetime) -> bool:
    """Stop alerts; False when the link is older than the present wish."""
    return await conn.fetchval(QUERIES["unsubscribe"], contact_id, generation, at) is not None


async def count_searches(conn: asyncpg.Connection, organisation: str) -> int:
    """Count an organisation's searches, holding back others who would add one."""
    await conn.execute(QUERIES["lock_organisation"], organisation)
    return int(await conn.fetchval(QUERIES["count_searches"], organisation))


async def keep_criteria(conn: asyncpg.Connection, criteria: Criteria, at: datetime) -> UUID:
    """Give the row of distinct criteria, filed under their rarest required term if they are new."""
    digest = criteria.digest()
    said = (summary(criteria), summary_en(criteria))
    new: UUID | None = await conn.fetchval(QUERIES["keep_criteria"], digest, criteria.canonical(), *said, at)
    if new is None:
        known: UUID = await conn.fetchval(QUERIES["criteria_by_digest"], digest)
        return known
    keys = {key for group in groups(criteria) for key in group.keys}
    rows = await conn.fetch(QUERIES["frequency"], sorted(keys))
    frequency = {row["key"]: row["searches"] for row in rows}
    await conn.execute(QUERIES["keep_anchors"], sorted(anchors(criteria, frequency)), new)
    return new


async def add_search(conn: asyncpg.Connection, search: Search, criteria_id: UUID) -> None:
    """Keep a search."""
    values = (search.search_id, search.organisation, search.name, criteria_id, search.created_at)
    await conn.execute(QUERIES["insert_search"], *values)


async def searches(conn: asyncpg.Connection, organisation: str, after: Key, limit: int) -> list[Search]:
    """Give an organisation's searches, oldest first."""
    return [_search(row) for row in await conn.fetch(QUERIES["searches"], organisation, *after, limit)]


async def search(conn: asyncpg.Connection, search_id: UUID) -> Search | None:
    """Give a search, None if there is none such."""
    row = await conn.fetchrow(QUERIES["search"], search_id)
    return _search(row) if row else None


async def delete_search(conn: asyncpg.Connection, search_id: UUID, organisation: str) -> bool:
    """Forget a search; False when the organisation has none such."""
    return bool(await conn.execute(QUERIES["delete_search"], search_id, organisation) == "DELETE 1")


async def matches(conn: asyncpg.Connection, search_id: UUID, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give what a search found, newest first, with the state of the mail that told of it."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["matches"], search_id, *before, limit)
    return rows


async def keep_notice(
    conn: asyncpg.Connection, notice: Notice, *, procedure: UUID | None, cpv: Sequence[str], departments: Sequence[str]
) -> None:
    """Keep what mails and filters need of a notice."""
    head = (notice.notice_id, notice.version, procedure, notice.kind, notice.title, notice.buyer.name)
    tail = (list(cpv), list(departments), notice.deadline, notice.published_at)
    await conn.execute(QUERIES["keep_notice"], *head, *tail)


async def candidates(conn: asyncpg.Connection, terms: Sequence[str]) -> list[tuple[UUID, Criteria]]:
    """Give the distinct criteria that a notice with these terms may answer."""
    rows = await conn.fetch(QUERIES["candidates"], list(terms))
    return [(row["criteria_id"], Criteria.model_validate(row["definition"])) for row in rows]


async def keep_matches(
    conn: asyncpg.Connection, notice: Notice, found: Mapping[UUID, Sequence[Reason]], at: datetime
) -> None:
    """Keep every match of a notice at once; known ones stay as they are."""
    reasons = [pydantic_core.to_json([reason.told() for reason in why]).decode() for why in found.values()]
    await conn.execute(QUERIES["keep_matches"], list(found), notice.notice_id, notice.version, reasons, at)


def _search(row: asyncpg.Record) -> Search:
    values: dict[str, Any] = dict(row)
    return Search(criteria=Criteria.model_validate(values.pop("definition")), **values)
