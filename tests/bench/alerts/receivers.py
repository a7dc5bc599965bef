"""Partners' endpoints in a process of their own: `python -m tests.bench.alerts.receivers`.

It prints its port. `/ok/N` answers 204 at once and notes when; `/fail/N` answers 500; `/hang/N` never answers. `GET /seen` gives what `/ok`
noted since the last time: the instants (seconds of the machine's monotonic clock) by event, and the calls to the others. When its standard input
closes, it ends.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop
from aiohttp import web

_seen: dict[str, list[float]] = {}
_others = {"fail": 0, "hang": 0}


async def _ok(request: web.Request) -> web.Response:
    await request.read()
    _seen.setdefault(request.headers["webhook-id"], []).append(time.monotonic())
    return web.Response(status=204)


async def _fail(_: web.Request) -> web.Response:
    _others["fail"] += 1
    return web.Response(status=500)


async def _hang(_: web.Request) -> web.Response:
    _others["hang"] += 1
    await asyncio.sleep(3_600)
    return web.Response(status=204)


async def _told(_: web.Request) -> web.Response:
    told = {"seen": dict(_seen), "others": dict(_others), "processor": time.process_time()}
    _seen.clear()
    return web.json_response(told)


async def _main() -> None:
    application = web.Application()
    application.add_routes(
        [web.post("/ok/{n}", _ok), web.post("/fail/{n}", _fail), web.post("/hang/{n}", _hang), web.get("/seen", _told)]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1_024)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201  # what its starter reads
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_main())
