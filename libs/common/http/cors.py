"""CORS for the configured portals only (Fetch standard); bearer tokens, never cookies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

__all__ = ["cors", "options"]

_EXPOSED = (
    "ETag, Link, Location, Retry-After, Content-Disposition, Content-Range, Idempotency-Replayed, Tus-Checksum-Algorithm, "
    "Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Concat, Upload-Expires, Upload-Length, "
    "Upload-Metadata, Upload-Offset"
)
_ACCEPTED = (
    "Authorization, Content-Type, Halles-Organisation, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, "
    "traceparent, Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Length, Upload-Metadata, Upload-Offset, "
    "X-HTTP-Method-Override"
)


def cors(origins: Iterable[str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Give the signal that lets these origins read the answers."""
    allowed = frozenset(origin.rstrip("/") for origin in origins)

    async def allow(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin")
        if origin is None or origin not in allowed:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            response.headers["Access-Control-Allow-Headers"] = _ACCEPTED
            response.headers["Access-Control-Max-Age"] = "600"
        else:
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED

    return allow


def options(methods: Iterable[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Give the handler of OPTIONS for an address that has these methods."""
    allow = ", ".join(sorted({*methods, "OPTIONS"}))

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers={"Allow": allow})

    return answer
