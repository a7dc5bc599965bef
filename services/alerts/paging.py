"""Where a page of a list begins and where the next one does, sealed in a cursor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from libs.common.errors import InvalidInput
from libs.common.http import Cursor
from libs.common.runtime import Runtime
from services.alerts.store.sql import Key

__all__ = ["cursor_of", "key_of", "read_cursor"]

T = TypeVar("T")


def key_of(runtime: Runtime, cursor: str | None, start: Key) -> Key:
    """Give where a page begins. Raises InvalidInput on a cursor of another list."""
    return start if cursor is None else read_cursor(runtime, cursor, _place)


def cursor_of(runtime: Runtime, at: datetime, identity: UUID) -> str:
    """Give the cursor of what follows an item."""
    return Cursor.encode(runtime, {"at": at.isoformat(), "id": str(identity)})


def read_cursor(runtime: Runtime, cursor: str, read: Callable[[dict[str, Any]], T]) -> T:
    """Read a cursor of ours. Raises InvalidInput for one of another list."""
    try:
        return read(Cursor.decode(runtime, cursor))
    except KeyError:
        raise InvalidInput("Ce curseur est celui d'une autre liste.", "This cursor is that of another list.") from None


def _place(position: dict[str, Any]) -> Key:
    return datetime.fromisoformat(position["at"]), UUID(position["id"])
