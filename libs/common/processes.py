"""The processes of a service: api, worker, relay. Each runs until told to stop, and finishes what it has in hand.

`effects` and `relay` are also what a platform of several services in one process runs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import web

from libs.common import audit
from libs.common.bus import measuring, numberer, publisher
from libs.common.bus.port import Bus
from libs.common.bus.rabbit import RabbitBus
from libs.common.http import application, serve
from libs.common.http.health import health_routes
from libs.common.jobs import run_jobs
from libs.common.periodic import EVERY_RELAY, run_periodic
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.start import broker_url, wait_for_broker, wait_for_database

__all__ = ["effects", "relay", "run_api", "run_relay", "run_worker", "work"]

_log = structlog.get_logger(__name__)


async def work(runtime: Runtime, bus: Bus, stop: asyncio.Event) -> None:
    """Run a service's consumers, jobs and periodic tasks until told to stop."""
    measuring.begin_consuming(runtime)
    async with bus.consume(runtime):
        await effects(runtime, stop)


async def effects(runtime: Runtime, stop: asyncio.Event) -> None:
    """Run a service's jobs, periodic tasks and loops until told to stop."""
    async with asyncio.TaskGroup() as group:
        group.create_task(run_jobs(runtime, stop))
        group.create_task(run_periodic(runtime, stop))
        for loop in runtime.service.loops:
            group.create_task(loop.run(runtime, stop))


async def relay(runtime: Runtime, bus: Bus, stop: asyncio.Event) -> None:
    """Number, publish and chain what a service commits, until told to stop; several relays share it by leader."""
    measuring.begin_publishing(runtime)
    async with asyncio.TaskGroup() as group:
        group.create_task(numberer.run(runtime, stop))
        group.create_task(publisher.run(runtime, bus, stop))
        group.create_task(audit.run(runtime, stop))
        group.create_task(run_periodic(runtime, stop, EVERY_RELAY))


async def run_api(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Serve the HTTP API until told to stop; requests in hand are answered."""
    await wait_for_database(settings, service, stop)
    if stop.is_set():
        return
    async with (
        open_runtime(service, settings) as runtime,
        serve(application([runtime]), settings.host, settings.port) as url,
    ):
        _log.info("started", process="api", url=str(url))
        await stop.wait()


async def run_worker(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Be a worker until told to stop."""
    await wait_for_broker(settings, stop)
    async with _with_bus(service, settings, stop) as found:
        if found:
            _log.info("started", process="worker")
            await work(*found, stop)


async def run_relay(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Be a relay until told to stop. It starts without the broker too: the feed needs its numbers all the same."""
    async with _with_bus(service, settings, stop) as found:
        if found:
            _log.info("started", process="relay")
            await relay(*found, stop)


@asynccontextmanager
async def _with_bus(
    service: Service, settings: Settings, stop: asyncio.Event
) -> AsyncIterator[tuple[Runtime, Bus] | None]:
    """Give what a worker or a relay needs, once the database is there; None when told to stop before."""
    url = broker_url(settings)
    await wait_for_database(settings, service, stop)
    if stop.is_set():
        yield None
        return
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(service, settings))
        bus = RabbitBus(url, name=f"{service.name}@{socket.gethostname()}")
        stack.push_async_callback(bus.close)
        if settings.health_port is not None:
            app = web.Application()
            app.add_routes(health_routes([runtime]))
            await stack.enter_async_context(serve(app, settings.host, settings.health_port))
        yield runtime, bus
