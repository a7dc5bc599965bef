"""Notices as eForms."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.http import Routes, attachment
from libs.common.http.conditional import etag, is_unchanged
from libs.common.runtime import Runtime
from services.notices.errors import MissingTermsError
from services.notices.service.eforms import written
from services.notices.service.notices import readable_notice

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get(
    "/v1/notices/{notice_id}/eforms", errors=[NotFound, MissingTermsError], tag="notices", produces=["application/xml"]
)
async def get_eforms(
    runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID
) -> web.StreamResponse:
    """Download a notice as eForms XML (SDK 1.15): written from its content, or the imported file with its changes.

    To its buyer whole; to the public without what it withholds until a day (BT-195) and without personal data.

    Of a draft, what it still lacks is told by business term.
    """
    notice = await readable_notice(runtime, notice_id, actor)
    body = await written(runtime, notice, actor)
    tag = etag(body, None)
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attachment(f"{notice_id}.xml"),
    }
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/xml", charset="utf-8", headers=headers)
