"""Is the process alive, is it ready, how does it do: `/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from libs.common.db import DATABASE_AWAY
from libs.common.http.gate import is_near
from libs.common.migrate import MigrationError, check
from libs.common.runtime import Runtime

__all__ = ["health_routes"]

_PATIENCE = 2.0  # seconds


def health_routes(runtimes: Sequence[Runtime]) -> list[web.AbstractRouteDef]:
    """Give the routes of health of a process that runs these services; metrics for callers near by only."""
    proxies = max((runtime.settings.proxies for runtime in runtimes), default=0)
    public = any(runtime.settings.metrics_public for runtime in runtimes)

    async def readyz(_: web.Request) -> web.Response:
        """Ready when every database answers and is migrated. A bus away is told, not held against the API."""
        found = await asyncio.gather(*(_database(runtime) for runtime in runtimes))
        states = {
            runtime.service.name: {"database": state, "bus": _bus(runtime)} | _warnings(runtime)
            for runtime, state in zip(runtimes, found, strict=True)
        }
        ready = all(state == "ready" for state in found)
        content = {"status": "ready" if ready else "not ready", "services": states}
        return web.json_response(content, status=200 if ready else 503, headers={"Cache-Control": "no-store"})

    async def metrics(request: web.Request) -> web.Response:
        """Tell the metrics, which say how much is done of what: to the outside, there are none."""
        if not (public or is_near(request, proxies)):
            raise web.HTTPNotFound
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/livez", _livez), web.get("/readyz", readyz), web.get("/metrics", metrics)]


async def _livez(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"}, headers={"Cache-Control": "no-store"})


async def _database(runtime: Runtime) -> str:
    try:
        async with asyncio.timeout(_PATIENCE), runtime.read() as conn:
            await check(conn, runtime.service)
    except MigrationError:
        return "migrations missing"
    except DATABASE_AWAY as error:
        return type(error).__name__
    return "ready"


def _warnings(runtime: Runtime) -> dict[str, list[str]]:
    found = list(runtime.service.warnings())
    return {"warnings": found} if found else {}


def _bus(runtime: Runtime) -> str:
    consuming = REGISTRY.get_sample_value("halles_consumer_up", {"service": runtime.service.name})
    return "no consumer here" if consuming is None else "consuming" if consuming else "not consuming"
