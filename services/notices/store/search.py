"""The search of published notices in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices import search as words
from services.notices.domain.notice import Notice
from services.notices.store.notices import all_with_documents

__all__ = ["Criteria", "search", "text_query"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search; None: any."""

    query: str | None = None
    """As text of a tsquery, see `text_query`."""
    branches: tuple[str, ...] | None = None
    """CPV prefixes"""
    departments: tuple[str, ...] | None = None
    deadline_after: datetime | None = None
    deadline_before: datetime | None = None
    kinds: tuple[str, ...] | None = None
    buyer: str | None = None
    procedure_type: str | None = None
    procedure_id: UUID | None = None
    after: tuple[datetime, UUID] | None = None
    """The last notice of the page before."""
    limit: int = 20

    @property
    def is_selective(self) -> bool:
        """Whether a criterion with an index of its own is given."""
        return bool(self.query or self.branches or self.departments)


async def text_query(conn: asyncpg.Connection, terms: Sequence[words.Term]) -> str | None:
    """Give the tsquery of some terms, as text; None when nothing is left of them (stop words alone)."""
    found: str | None = await conn.fetchval(_SQL["text_query"], [term.as_json() for term in terms])
    return found


async def search(conn: asyncpg.Connection, criteria: Criteria) -> list[Notice]:
    """Give published notices, newest first."""
    published_at, notice_id = criteria.after or (None, None)
    async with conn.transaction(readonly=True):
        # the plan depends on which criteria are given: a plan for all cases would use no index
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        rows = await conn.fetch(
            _SQL["search_selective" if criteria.is_selective else "search"],
            criteria.query,
            criteria.branches,
            criteria.departments,
            criteria.deadline_after,
            criteria.deadline_before,
            criteria.kinds,
            criteria.buyer,
            criteria.procedure_type,
            criteria.procedure_id,
            published_at,
            notice_id,
            criteria.limit,
        )
        return await all_with_documents(conn, rows)
