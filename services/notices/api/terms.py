"""The terms of notices."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from services.notices.inputs.fields import PageQuery
from services.notices.service.notices import readable_notice
from services.notices.service.terms import terms_of
from services.notices.views.terms import TermView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/notices/{notice_id}/terms", errors=[NotFound], tag="notices")
async def list_terms(runtime: Runtime, actor: Actor | None, notice_id: UUID, query: PageQuery) -> Page[TermView]:
    """List every term of a notice with its French name, also those the platform has no use for.

    To its buyer all of them; to the public without what is withheld until a day (BT-195) and without personal data.
    """
    notice = await readable_notice(runtime, notice_id, actor)
    start = int(Cursor.decode(runtime, query.cursor)["start"]) if query.cursor else 0
    found = await terms_of(runtime, notice, actor, start, query.limit)
    following = Cursor.encode(runtime, {"start": start + query.limit}) if found.more else None
    return Page(items=[TermView.of(term) for term in found.terms], next=following)
