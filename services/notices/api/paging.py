"""Pages of notices: signed cursors on a time and an identifier."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from libs.common.http import Cursor, Page
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.views.notices import NoticeView

__all__ = ["after", "page"]


def after(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    """Give the place that a cursor marks, None for the first page. Raises InvalidInput on a cursor that is not ours."""
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["at"]), UUID(position["id"])


def page(runtime: Runtime, found: list[Notice], limit: int, *, by: str) -> Page[NoticeView]:
    """Give a page of notices; one more than `limit` was read where more follow."""
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = Cursor.encode(runtime, {"at": getattr(shown[-1], by), "id": shown[-1].notice_id})
    now = runtime.clock.now()
    return Page(items=[NoticeView.of(notice, now) for notice in shown], next=following)
