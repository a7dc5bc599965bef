"""The search of published notices in PostgreSQL, and what the index of a process reads there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.domain.notice import Notice
from services.notices.search.criteria import Criteria, Sort
from services.notices.search.fields import IndexRow
from services.notices.search.tsquery import can_ask, tsquery_of
from services.notices.store.notices import all_with_documents

__all__ = [
    "Change",
    "buyer_names",
    "can_answer",
    "changes",
    "forget_changes",
    "horizon",
    "notices",
    "rows_after",
    "rows_of",
    "search",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))
_ANSWERED: Final = frozenset(
    {
        "words",
        "cpv",
        "departments",
        "deadline_after",
        "deadline_before",
        "kinds",
        "buyers",
        "procedure_types",
        "procedures",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """A notice whose public state changed."""

    change_id: int
    notice_id: UUID
    transaction: int


def can_answer(criteria: Criteria, sort: Sort) -> bool:
    """Say whether PostgreSQL answers such a search: the criteria that have an index there, newest first."""
    rest = replace(criteria, **{name: getattr(Criteria(), name) for name in _ANSWERED})
    return sort is Sort.PUBLISHED and rest == Criteria() and can_ask(criteria.words)


async def search(
    conn: asyncpg.Connection, criteria: Criteria, after: tuple[datetime, UUID] | None, limit: int
) -> list[UUID]:
    """Give published notices, newest first, of a search that PostgreSQL can answer."""
    published_at, notice_id = after or (None, None)
    words = tsquery_of(criteria.words)
    selective = words is not None or bool(criteria.cpv or criteria.departments)
    async with conn.transaction(readonly=True):
        # the plan depends on which criteria are given: a plan for all cases would use no index
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        rows = await conn.fetch(
            _SQL["search_selective" if selective else "search"],
            words,
            criteria.cpv or None,
            criteria.departments or None,
            criteria.deadline_after,
            criteria.deadline_before,
            criteria.kinds or None,
            criteria.buyers or None,
            criteria.procedure_types or None,
            criteria.procedures or None,
            published_at,
            notice_id,
            limit,
        )
    return [row["notice_id"] for row in rows]


async def notices(conn: asyncpg.Connection, wanted: Sequence[UUID]) -> list[Notice]:
    """Give these notices in this order, with the deadline that counts now; one that is not public any more is left out."""
    rows = await conn.fetch(_SQL["notices"], wanted)
    present = {row["notice_id"]: row["deadline"] for row in rows}
    found = (_due(notice, present[notice.notice_id]) for notice in await all_with_documents(conn, rows))
    by_id = {notice.notice_id: notice for notice in found}
    return [by_id[notice_id] for notice_id in wanted if notice_id in by_id]


def _due(notice: Notice, deadline: datetime | None) -> Notice:
    if notice.content.deadline == deadline:
        return notice
    return replace(notice, content=notice.content.model_copy(update={"deadline": deadline}))


async def rows_after(conn: asyncpg.Connection, notice_id: UUID | None, limit: int) -> list[IndexRow]:
    """Give what is indexed of so many published notices, those behind an identifier."""
    return [_row(row) for row in await conn.fetch(_SQL["rows"], None, notice_id, limit)]


async def rows_of(conn: asyncpg.Connection, wanted: Iterable[UUID]) -> list[IndexRow]:
    """Give what is indexed of those of these notices that are public, in the order of their identifiers."""
    return [_row(row) for row in await conn.fetch(_SQL["rows"], list(wanted), None, None)]


async def horizon(conn: asyncpg.Connection) -> int:
    """Give the oldest transaction that is not over: changes are followed from there."""
    found: int = await conn.fetchval(_SQL["horizon"])
    return found


async def changes(conn: asyncpg.Connection, since: int, seen: Collection[int], limit: int) -> tuple[int, list[Change]]:
    """Give the new horizon, and so many changes since an older one that were not seen yet, in no order."""
    rows = await conn.fetch(_SQL["changes"], str(since), list(seen), limit)
    found = [Change(row["change_id"], row["notice_id"], row["changed_by"]) for row in rows if row["change_id"]]
    return rows[0]["horizon"], found


async def forget_changes(conn: asyncpg.Connection, older: timedelta) -> None:
    """Remove changes that every index has read."""
    await conn.execute(_SQL["forget_changes"], older)


async def buyer_names(conn: asyncpg.Connection, organisations: Sequence[str]) -> dict[str, str]:
    """Give how buyers call themselves."""
    rows = await conn.fetch(_SQL["buyer_names"], organisations)
    return {row["organisation"]: row["name"] for row in rows}


def _row(row: asyncpg.Record) -> IndexRow:
    return IndexRow(
        notice_id=row["notice_id"],
        procedure_id=row["procedure_id"],
        organisation=row["organisation"],
        published_at=row["published_at"],
        deadline=row["deadline"],
        said=row["content"],
        procedure_state=row["procedure_state"],
    )
