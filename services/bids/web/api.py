"""The JavaScript modules that portals use, and the page that checks a workstation, as they are in this folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from libs.common.errors import NotFound
from libs.common.http import Routes
from libs.common.http.conditional import etag, is_unchanged

__all__ = ["routes"]

routes = Routes("bids")
_HERE: Final = Path(__file__).parent
_TYPES: Final = {".mjs": "text/javascript", ".html": "text/html", ".css": "text/css"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@routes.get("/v1/web/{name}", errors=[NotFound], tag="bidders", produces=["text/javascript", "text/html", "text/css"])
async def get_web_file(request: web.Request, name: str) -> web.StreamResponse:
    """Load a module that seals or deposits in the browser, or the page that checks a workstation (`workstation.html`)."""
    path = _files().get(name)
    if path is None:
        known = ", ".join(sorted(_files()))
        raise NotFound(f"Aucun fichier de ce nom ; fichiers : {known}.", f"No such file; files: {known}.")
    body = path.read_bytes()
    headers = {"ETag": (tag := etag(body, None)), "Cache-Control": "public, no-cache"}
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    headers["Content-Security-Policy"] = _POLICY
    return web.Response(body=body, content_type=_TYPES[path.suffix], charset="utf-8", headers=headers)


@cache
def _files() -> dict[str, Path]:
    return {each.name: each for each in _HERE.iterdir() if each.suffix in _TYPES}
