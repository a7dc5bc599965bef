"""The search of published notices."""

from __future__ import annotations

from uuid import UUID

from libs.common.http import Page, Routes
from libs.common.runtime import Runtime
from services.notices import search
from services.notices.api.paging import after, page
from services.notices.inputs.search import NoticeQuery
from services.notices.store import search as store
from services.notices.views.notices import NoticeView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/notices", tag="search")
async def search_notices(runtime: Runtime, query: NoticeQuery) -> Page[NoticeView]:
    """Search published notices, newest first."""
    async with runtime.read() as conn:
        asked = search.terms_of(query.q or "")
        words = await store.text_query(conn, asked) if asked else None
        found = await store.search(conn, _criteria(runtime, query, words))
    return page(runtime, found, query.limit, by="published_at")


def _criteria(runtime: Runtime, query: NoticeQuery, words: str | None) -> store.Criteria:
    return store.Criteria(
        query=words,
        branches=tuple(query.cpv) or None,
        departments=tuple(query.department) or None,
        deadline_after=query.deadline_after,
        deadline_before=query.deadline_before,
        kinds=tuple(query.kind) or None,
        buyer=query.buyer,
        procedure_type=query.procedure if isinstance(query.procedure, str) else None,
        procedure_id=query.procedure if isinstance(query.procedure, UUID) else None,
        after=after(runtime, query.cursor),
        limit=query.limit + 1,
    )
