"""The file that a notice rests on: its own, or that of the notice it corrects."""

from __future__ import annotations

from typing import Final

import asyncpg

from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.store import notices as store

__all__ = ["source_of"]

_MOST_CORRECTIONS: Final = 100
_LARGEST: Final = 64 * 2**20
"""Bytes of the XML that a notice was imported from."""


async def source_of(runtime: Runtime, conn: asyncpg.Connection, notice: Notice) -> bytes | None:
    """Give the eForms XML that a notice was imported from, or the notice that it corrects; None where there is none."""
    reference = notice.source or await _corrected(conn, notice)
    if reference is None or not reference.media_type.endswith("xml"):
        return None
    return await runtime.storage.read(reference.key, _LARGEST)


async def _corrected(conn: asyncpg.Connection, notice: Notice) -> DocumentReference | None:
    """Give the source of the notice that a correction began from, through the corrections in between."""
    for _ in range(_MOST_CORRECTIONS):
        change = notice.content.change
        earlier = await store.get_notice(conn, change.notice_id) if change and change.notice_id else None
        if earlier is None or earlier.organisation != notice.organisation or earlier.source is not None:
            return earlier.source if earlier and earlier.organisation == notice.organisation else None
        notice = earlier
    return None
