"""A notice to be read: its page and its PDF."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.http import Routes, attachment
from libs.common.http.conditional import etag, is_unchanged
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.pages.html import POLICY, page
from services.notices.pages.paper import paper
from services.notices.pages.sheet import Sheet, sheet
from services.notices.service.notices import readable_notice

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
_PRINTER = ThreadPoolExecutor(1, thread_name_prefix="pdf")
"""One at a time: whoever asks for many PDFs waits for his own, and the service goes on answering."""


@ROUTES.get("/v1/notices/{notice_id}/page", errors=[NotFound], tag="notices", produces=["text/html"])
async def get_page(runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID) -> web.StreamResponse:
    """Read a notice as an accessible page."""
    notice = await readable_notice(runtime, notice_id, actor)
    body = page(_sheet(runtime, notice)).encode()
    headers = _headers(notice, tag := etag(body, None)) | {"Content-Security-Policy": POLICY}
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


@ROUTES.get("/v1/notices/{notice_id}/page.pdf", errors=[NotFound], tag="notices", produces=["application/pdf"])
async def get_paper(runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID) -> web.StreamResponse:
    """Read a notice as a PDF, to be put up in the town hall."""
    notice = await readable_notice(runtime, notice_id, actor)
    shown = _sheet(runtime, notice)
    headers = _headers(notice, tag := etag(repr(shown).encode(), None))
    headers["Content-Disposition"] = attachment(f"avis-{notice_id}.pdf", inline=True)
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    body = await asyncio.get_running_loop().run_in_executor(_PRINTER, paper, shown)
    return web.Response(body=body, content_type="application/pdf", headers=headers)


def _sheet(runtime: Runtime, notice: Notice) -> Sheet:
    return sheet(notice, f"{runtime.settings.public_url}/notices/v1/notices/{notice.notice_id}")


def _headers(notice: Notice, tag: str) -> dict[str, str]:
    kept = "public, no-cache" if notice.published_at and not notice.withheld else "private, no-cache"
    return {"ETag": tag, "Cache-Control": kept}
