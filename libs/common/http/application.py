"""Puts services together into one HTTP application: one in production, all six on one machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType

import structlog
from aiohttp import web
from yarl import URL

from libs.common.auth import Authenticator, IssuerKeys
from libs.common.http import idempotency
from libs.common.http.cors import cors, options
from libs.common.http.edge import edge, harden
from libs.common.http.endpoint import Endpoint
from libs.common.http.gate import Gate
from libs.common.http.health import health_routes
from libs.common.http.limits import Limiter
from libs.common.http.pages import page_routes
from libs.common.http.routes import Route
from libs.common.runtime import Runtime
from libs.common.service import Service

__all__ = ["all_routes", "application", "serve"]

_CLEANING = 3600.0  # seconds
_NOTHING: Mapping[str, web.Application] = MappingProxyType({})
_log = structlog.get_logger(__name__)


def application(runtimes: Sequence[Runtime], extra: Mapping[str, web.Application] = _NOTHING) -> web.Application:
    """Serve each service at `/<name>`, with health, metrics, pages; `extra` adds applications at paths of their own.

    Authentication, limits and CORS follow the settings of the first runtime.
    """
    from libs.common.bus import feed  # noqa: PLC0415  # it declares its routes with this package

    settings = runtimes[0].settings
    app = web.Application(middlewares=[edge])
    keys = IssuerKeys(settings, lambda: runtimes[0].http)
    gate = Gate(Authenticator(settings, keys), Limiter(settings.rate_per_minute), proxies=settings.proxies)
    for runtime in runtimes:
        _mount(app, runtime, gate)
        app.cleanup_ctx.append(_cleaning(runtime))
        app.cleanup_ctx.append(_serving(runtime))
        app.cleanup_ctx.append(feed.opened(runtime))
        app.on_shutdown.append(feed.closing(runtime))
        app.on_shutdown.append(_closing(runtime))
    app.add_routes(health_routes(runtimes))
    app.add_routes(page_routes([runtime.service for runtime in runtimes]))
    for path, inner in extra.items():
        app.add_subapp("/" + path.strip("/"), inner)
    app.on_response_prepare.append(cors(settings.cors_origins))
    app.on_response_prepare.append(harden)
    return app


def all_routes(service: Service) -> list[Route]:
    """Give every route of a service: its own and those all services have."""
    from libs.common import jobs_api  # noqa: PLC0415  # these three declare their routes with this package
    from libs.common.bus import feed, parked  # noqa: PLC0415
    from libs.common.bus.archive import routes as archive  # noqa: PLC0415

    shared = [
        *feed.routes(service.name).items,
        *archive.routes(service.name).items,
        *parked.routes(service.name).items,
        *jobs_api.routes(service.name).items,
    ]
    return [*service.routes.items, *shared]


def _mount(app: web.Application, runtime: Runtime, gate: Gate) -> None:
    methods: dict[str, set[str]] = {}
    for route in all_routes(runtime.service):
        path = f"/{runtime.service.name}{route.path}"
        endpoint = Endpoint(route, runtime, gate)
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, path, endpoint.__call__)
            methods.setdefault(path, set()).add(method)
    for path, allowed in methods.items():
        if "OPTIONS" in allowed:
            continue  # the service tells more
        app.router.add_route("OPTIONS", path, options(allowed))


def _cleaning(runtime: Runtime) -> Callable[[web.Application], AsyncIterator[None]]:
    """Remove, every hour, what need not be kept: answers for replay, halves of documents left by killed processes."""

    async def loop() -> None:
        while True:
            await asyncio.sleep(_CLEANING)
            try:
                async with runtime.read() as conn:
                    await idempotency.forget_old(conn)
                await runtime.storage.sweep()
            except Exception as error:  # noqa: BLE001  # a loop: tried again next hour
                _log.warning("cleaning_failed", error=type(error).__name__)

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(loop())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return context


def _serving(runtime: Runtime) -> Callable[[web.Application], AsyncIterator[None]]:
    """Keep open what the service needs while it serves."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with runtime.service.serving(runtime):
            yield

    return context


def _closing(runtime: Runtime) -> Callable[[web.Application], Awaitable[None]]:
    """Have the service end its long requests."""

    async def close(_: web.Application) -> None:
        if runtime.service.closing is not None:
            await runtime.service.closing(runtime)

    return close


@asynccontextmanager
async def serve(
    app: web.Application, host: str, port: int, *, drain: float = 15.0, reuse_port: bool = False
) -> AsyncIterator[URL]:
    """Listen until the block ends, then take no new request and give those in hand `drain` seconds.

    Gives the address listened on (`port=0` takes a free one).
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=drain,
        keepalive_timeout=75,
        read_bufsize=2**18,  # bytes a connection may be ahead of its reader: long uploads come in larger pieces
        max_line_size=16_384,
        max_field_size=24_576,
        handler_cancellation=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, reuse_port=reuse_port or None)
        await site.start()
        yield URL.build(scheme="http", host=host, port=runner.addresses[0][1])
    finally:
        await runner.cleanup()
