"""The API pages: an index, each service's operations, the events and their list. Everything is served from here, nothing from outside.

The viewers are committed as published, with their version, licence and hashes (`static/VERSIONS`).
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from libs.common import asyncapi
from libs.common.http import events_page
from libs.common.http.conditional import etag, is_unchanged
from libs.common.http.openapi import render
from libs.common.service import Service

__all__ = ["EVENTS", "SERVICES", "STATIC", "page_routes", "versions"]

STATIC = Path(__file__).with_name("static")
EVENTS = "/docs/asyncapi.json"

SERVICES = {
    "notices": (
        "Avis et documents de consultation, recherche, calendrier",
        "Notices, tender documents, search, timeline",
    ),
    "alerts": ("Alertes aux entreprises et notifications aux partenaires", "Alerts to companies and partners"),
    "bids": ("Dépôt des plis, ouverture, attribution, notification", "Sealed bids, opening, award, notification"),
    "signature": ("Circuit de visa et de signature des marchés", "Visa and signature of contracts"),
    "legality": ("Transmission au contrôle de légalité (@ctes)", "Transmission to legality control (@ctes)"),
    "opendata": ("Données essentielles (DECP) et OCDS", "Essential data (DECP) and OCDS"),
}
"""What each service is for, in French and English."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_EVENTS_POLICY = _POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'")
"""The viewer of events compiles its schemas with `eval` (all its published bundles do): allowed on that page alone."""

_BAR = '<header class="bar"><a href="/docs">Halles : les API</a></header>'
_TYPES = {".js": "text/javascript", ".css": "text/css"}


def versions() -> dict[str, Any]:
    """Give what `static/VERSIONS` says of the viewers: name, version, licence, SHA-256 of each file."""
    return tomllib.loads((STATIC / "VERSIONS").read_text())


def page_routes(services: Sequence[Service]) -> list[web.RouteDef]:
    """Give the routes of the pages, and of the description of each of these services."""
    routes = [_content(f"/{one.name}/v1/openapi.json", "application/json", partial(render, one)) for one in services]
    names = list(dict.fromkeys([*SERVICES, *(one.name for one in services)]))
    routes += [_content(f"/docs/{name}", "text/html", partial(_operations, name)) for name in names]
    routes.append(_content("/docs", "text/html", _index))
    routes.append(_content("/docs/events", "text/html", _events, policy=_EVENTS_POLICY))
    routes.append(_content(EVENTS, "application/json", asyncapi.render))
    routes.append(_content(events_page.PATH, "text/html", _list, policy=events_page.POLICY))
    routes += [_content(path, "application/schema+json", make) for path, make in events_page.schemas().items()]
    files = [path for path in sorted(STATIC.rglob("*")) if path.suffix in _TYPES]
    return routes + [
        _content(f"/docs/static/{path.relative_to(STATIC)}", _TYPES[path.suffix], path.read_text) for path in files
    ]


def _content(path: str, media: str, make: Callable[[], str], *, policy: str = _POLICY) -> web.RouteDef:
    """Serve a text made once, at the first request."""
    made: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        if not made:
            made.append(make().encode())
        headers = {
            "ETag": (tag := etag(made[0], None)),
            "Cache-Control": "public, no-cache",
            "Vary": "Origin",
            "Content-Security-Policy": policy,
        }
        if is_unchanged(request, tag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=made[0], content_type=media, charset="utf-8", headers=headers)

    return web.get(path, answer)


def _index() -> str:
    french = "".join(_entry(name, french) for name, (french, _) in SERVICES.items())
    english = "".join(_entry(name, english) for name, (_, english) in SERVICES.items())
    return _html(
        "Halles : les API",
        f"""<h1>Halles : les API</h1>
<p>Chaque service a sa page : essayez ses opérations avec un jeton de votre service d'identité.</p>
<dl>{french}<dt><a href="{events_page.PATH}">Événements</a></dt><dd>Ce que les services annoncent, à qui et quand, avec un exemple de chacun</dd>
<dt><a href="/docs/events">Document AsyncAPI</a></dt><dd>Les mêmes événements, pour les outils</dd></dl>
<section lang="en"><h2>In English</h2>
<p>Each service has its page: try its operations with a token of your identity service.</p>
<dl>{english}<dt><a href="{events_page.PATH}">Events</a></dt><dd>What the services announce, to whom and when, each with an example</dd>
<dt><a href="/docs/events">AsyncAPI document</a></dt><dd>The same events, for tools</dd></dl></section>""",
    )


def _entry(name: str, told: str) -> str:
    return f'<dt><a href="/docs/{name}">{name}</a></dt><dd>{html.escape(told)}</dd>'


def _operations(name: str) -> str:
    return _html(
        f"Halles : {name}",
        f"""{_BAR}<main id="operations"></main>
<script src="/docs/static/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/docs/static/halles/operations.js"></script>""",
        style="swagger-ui/swagger-ui.css",
        document=f"/{name}/v1/openapi.json",
    )


def _events() -> str:
    return _html(
        "Halles : les événements",
        f"""{_BAR}<main id="events"></main>
<script src="/docs/static/asyncapi/asyncapi-web-component.js"></script>
<script src="/docs/static/halles/events.js"></script>""",
        document=EVENTS,
    )


def _list() -> str:
    return _html("Halles : la liste des événements", events_page.body(SERVICES))


def _html(title: str, body: str, *, style: str | None = None, document: str | None = None) -> str:
    sheets = ["halles/pages.css", *([style] if style else [])]
    links = "".join(f'<link rel="stylesheet" href="/docs/static/{sheet}">' for sheet in sheets)
    data = f' class="wide" data-document="{document}"' if document else ""
    return f"""<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>{html.escape(title)}</title>{links}</head>
<body{data}>{body}</body></html>
"""
