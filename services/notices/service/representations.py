"""What readers get of a published notice: written when it is published, and again when a release writes it otherwise.

A published notice changes no more, so that its answer is data like the rest: reading it is one row, and a reader who has
it costs no bytes at all. Whatever changes the notice removes what was written (a trigger); it is then made for each
reader, until it is written again.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import pydantic_core

from libs.common.http.conditional import etag
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.store import notices as notice_store
from services.notices.store import representations as store
from services.notices.views.notices import NoticeView

__all__ = ["Rewriting", "form", "keep"]

_BATCH: Final = 100
_SERVICE: Final = Path(__file__).resolve().parents[1]
_WRITERS: Final = (
    "views",
    "rules",
    "drafting",
    "content.py",
    "domain/notice.py",
    "../../libs/common/messages/notices.py",
)


@cache
def form() -> str:
    """Give the digest of the code that writes: what another release wrote is not taken for ours."""
    digest = blake2b(digest_size=12)
    for name in _WRITERS:
        place = _SERVICE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


async def keep(conn: asyncpg.Connection, notice: Notice, now: datetime) -> None:
    """Write what readers get of a notice that is public; not of one that withholds something: its buyer reads more."""
    if notice.is_public and not notice.withheld:
        view = NoticeView.of(notice, now)
        body = pydantic_core.to_json(view, by_alias=True)
        await store.keep(conn, notice.notice_id, form(), etag(body, view.version), body)


class Rewriting:
    """Goes once through all the public notices, newest first, and writes those that this release has not written."""

    def __init__(self) -> None:
        self._position: tuple[datetime, UUID] | None = None
        self._ended = False

    async def step(self, runtime: Runtime) -> None:
        """Go on by a few notices; nothing is left to do once the end was reached."""
        if self._ended:
            return
        async with runtime.uow() as uow:
            found = await store.after(uow.conn, form(), self._position, _BATCH)
            for each in found:
                if not each.written and (notice := await notice_store.lock_notice(uow.conn, each.notice_id)):
                    await keep(uow.conn, notice, uow.now())
        self._ended = len(found) < _BATCH
        if found:
            self._position = found[-1].published_at, found[-1].notice_id
