"""Pages: cursors on a time and an identifier, or on the last item of a list that is read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from libs.common.http import Cursor, Page
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.inputs.fields import PageQuery
from services.notices.views.notices import NoticeView

__all__ = ["after", "page", "part"]

T = TypeVar("T")


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


def part(runtime: Runtime, items: Sequence[T], query: PageQuery, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Give a page of a short list that was read whole, and the cursor of the next one; `key` names an item in its list.

    What is added or removed meanwhile repeats and skips nothing else. Raises InvalidInput on a cursor that is not ours.
    """
    start = _following(items, Cursor.decode(runtime, query.cursor), key) if query.cursor else 0
    shown = list(items[start : start + query.limit])
    if len(items) <= start + query.limit:
        return shown, None
    return shown, Cursor.encode(runtime, {"last": key(shown[-1]), "place": start + len(shown)})


def _following(items: Sequence[T], position: dict[str, Any], key: Callable[[T], str]) -> int:
    """Give where a list goes on: after the last item shown, at its place where that was removed."""
    last, place = position["last"], int(position["place"])
    return next((number for number, item in enumerate(items, start=1) if key(item) == last), place)
