"""Contents that are not JSON: uploads read within limits, documents sent with ranges, safe file names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from libs.common.http.conditional import is_unchanged
from libs.common.http.problems import RequestTimeout
from libs.common.messages.base import DocumentReference
from libs.common.storage import too_large

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["IDLE", "Content", "attachment", "chunks", "read_body", "send_content", "send_document", "too_slow"]

IDLE = 30.0
"""seconds without a byte after which an upload is given up"""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def chunks(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """Give the body as it comes, `limit` bytes at most. Raises TooLarge, RequestTimeout."""
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    size = 0
    while chunk := await _next(request):
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


async def read_body(request: web.Request, limit: int) -> bytes:
    """Give the whole body, `limit` bytes at most. Raises TooLarge, RequestTimeout."""
    return b"".join([chunk async for chunk in chunks(request, limit)])


async def _next(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(IDLE):
            return await request.content.readany()
    except TimeoutError:
        raise too_slow() from None


def too_slow() -> RequestTimeout:
    """Give the refusal of a content of which nothing came for `IDLE` seconds."""
    return RequestTimeout(
        "Le contenu n'est pas arrivé à temps : recommencez l'envoi.",
        "The content did not come in time: send it again.",
    )


def attachment(name: str, *, inline: bool = False) -> str:
    """Give the Content-Disposition of a file, whatever its name holds (RFC 6266, RFC 8187)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)[:150] or "document"
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name[:150], safe='')}"


@dataclass(frozen=True, slots=True)
class Content:
    """Something to be sent as a file: its bytes are read from where the caller asks."""

    name: str
    media_type: str
    size: int
    tag: str
    """Says its bytes: a digest."""
    open: Callable[[int, int], AsyncIterator[bytes]]
    """Gives the bytes from one place up to another (not included)."""


async def send_document(
    request: web.Request,
    runtime: Runtime,
    document: DocumentReference,
    *,
    public: bool = False,
    replaceable: bool = False,
) -> web.StreamResponse:
    """Send a stored document: whole, or the one range asked (RFC 9110, section 14); 304 when the caller has it."""

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        return runtime.storage.open(document.key, start, end)

    content = Content(document.name, document.media_type, document.size, document.sha256, read)
    return await send_content(request, content, public=public, replaceable=replaceable)


async def send_content(
    request: web.Request, content: Content, *, public: bool = False, replaceable: bool = False
) -> web.StreamResponse:
    """Send a file: whole, or the one range asked (RFC 9110, section 14); 304 when the caller has it.

    `replaceable`: another file may be at this address at any time, so caches ask each time.
    """
    tag = f'"{content.tag}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": attachment(content.name),
        "Cache-Control": _cache(public=public, replaceable=replaceable),
    }
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    wanted = _range(request, content.size, tag)
    if wanted is None:
        return await _send(request, content, headers)
    start, end = wanted
    if start >= end:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{content.size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    return await _send(request, content, headers, wanted)


def _cache(*, public: bool, replaceable: bool) -> str:
    if not public:
        return "private, no-cache"
    return "public, no-cache" if replaceable else "public, max-age=3600"


async def _send(
    request: web.Request, content: Content, headers: dict[str, str], part: tuple[int, int] | None = None
) -> web.StreamResponse:
    start, end = part or (0, content.size)
    response = web.StreamResponse(status=206 if part else 200, headers=headers)
    response.content_type = content.media_type
    response.content_length = end - start
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in content.open(start, end):
            await response.write(chunk)
    await response.write_eof()
    return response


def _range(request: web.Request, size: int, tag: str) -> tuple[int, int] | None:
    """Give the range asked, end excluded; None for the whole (no range, several, unreadable, or another version)."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or request.headers.get("If-Range", tag) != tag or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
