"""The whole platform in one process and on one port: six services, gateway paths, the sandbox's authorities.

Same code as in production: only the ports differ (embedded PostgreSQL, in-process bus), and both give way to a real
server when `HALLES_DATABASE_URL` or `HALLES_AMQP_URL` is set. For trying and developing: production starts are refused.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import capture
from deploy.local.embedded import database, given_database, kept_folder
from deploy.local.sandbox import Sandbox
from libs.common import telemetry
from libs.common.bus.memory import MemoryBus
from libs.common.bus.port import Bus
from libs.common.bus.rabbit import RabbitBus
from libs.common.http import application, serve
from libs.common.migrate import migrate, provision
from libs.common.processes import effects, relay
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.testing.servers.postgres import free_port
from libs.common.testing.servers.scratch import new_run_folder

__all__ = ["SERVICES", "Options", "Platform", "PortTakenError", "platform"]

SERVICES = ("notices", "alerts", "bids", "signature", "legality", "opendata")
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """How to run it."""

    port: int = 0
    """0: a free one."""
    host: str = "127.0.0.1"
    data_dir: Path | None = None
    """Where everything stays between runs; None: nothing stays, unless a database is given (then below `.halles`)."""
    log: Path | None = None
    """Where the services' logs go; None: as the caller has set them up."""
    services: tuple[str, ...] = SERVICES


@dataclass(frozen=True)
class Platform:
    """The running platform."""

    url: str
    sandbox: Sandbox
    database: str
    """What the data are on and where, in words."""
    bus: str
    """What carries the events, in words."""
    runtimes: dict[str, Runtime]
    started_in: float
    """Seconds from the call to readiness."""


@asynccontextmanager
async def platform(options: Options | None = None) -> AsyncIterator[Platform]:
    """Run the platform until the block ends: then what is in hand is finished, and every part stopped.

    Raises UnsafeStartError under `HALLES_ENVIRONMENT=production`, PortTakenError, PostgresError, MigrationError.
    """
    began = time.monotonic()
    options = options or Options()
    _refuse_taken(options)
    async with AsyncExitStack() as stack:
        sandbox = Sandbox.load_or_create(_data_dir(options, stack), _url(options))
        sandbox.settings(Settings, "")  # refuses production before anything is started
        services = [load(name) for name in options.services]
        await stack.enter_async_context(capture.smtp(sandbox.captures))
        address = await stack.enter_async_context(database(sandbox.data_dir, keep=options.data_dir is not None))
        settings = {service.name: sandbox.settings(service.settings, address) for service in services}
        stack.enter_context(_logs(settings[services[0].name], options.log))
        await asyncio.gather(*(_bring_up_to_date(service, settings[service.name]) for service in services))
        runtimes = [
            await stack.enter_async_context(open_runtime(service, settings[service.name], clock=sandbox.clock))
            for service in services
        ]
        await _run(stack, runtimes, sandbox)
        yield Platform(
            url=sandbox.url,
            sandbox=sandbox,
            database=_database_in_words(sandbox, options),
            bus=_in_words("RabbitMQ", broker) if (broker := _given_broker()) else "in-process bus",
            runtimes={runtime.service.name: runtime for runtime in runtimes},
            started_in=time.monotonic() - began,
        )


def load(name: str) -> Service:
    """Give a service by its name."""
    service: Service = importlib.import_module(f"services.{name}.wiring").SERVICE
    return service


class PortTakenError(Exception):
    """Another program listens on the port asked for."""


def _refuse_taken(options: Options) -> None:
    """Find out at once, not after the database has started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PortTakenError(f"cannot listen on {options.host} port {options.port}: {reason}.") from error


def _url(options: Options) -> str:
    return f"http://{options.host}:{options.port or free_port()}"


def _data_dir(options: Options, stack: AsyncExitStack) -> Path:
    """Give the folder of this run. What is on a given server outlives the run, and so must what belongs to it."""
    given = given_database()
    if options.data_dir:
        folder = options.data_dir
    elif given:
        parts = urlsplit(given)
        folder = CHECKOUT / ".halles" / f"server-{sha256(f'{parts.hostname}:{parts.port}'.encode()).hexdigest()[:12]}"
    else:
        folder = _passing_folder(stack)
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _passing_folder(stack: AsyncExitStack) -> Path:
    """Give a private folder removed at the end, or by a later run if this one is killed."""
    run = new_run_folder("platform")
    run.path.chmod(0o700)
    stack.callback(shutil.rmtree, run.path, ignore_errors=True)
    stack.callback(run.release)
    return run.path


@contextmanager
def _logs(settings: Settings, path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", buffering=1, encoding="utf-8") as output:
        telemetry.setup(settings, "local", output=output)
        try:
            yield
        finally:
            telemetry.shutdown()


async def _bring_up_to_date(service: Service, settings: Settings) -> None:
    await provision(settings, service.name)
    await migrate(settings, service)


async def _run(stack: AsyncExitStack, runtimes: Sequence[Runtime], sandbox: Sandbox) -> None:
    """Start consumers, then the gateway, then what makes events and effects; the stack ends them the other way round."""
    bus = _bus()
    stack.push_async_callback(bus.close)
    for runtime in runtimes:
        await stack.enter_async_context(bus.consume(runtime))
    settings = runtimes[0].settings
    app = application(runtimes, extra=sandbox.applications())
    await stack.enter_async_context(serve(app, settings.host, settings.port))
    await stack.enter_async_context(_working(runtimes, bus))


@asynccontextmanager
async def _working(runtimes: Sequence[Runtime], bus: Bus) -> AsyncIterator[None]:
    """Run jobs, periodic work and relays; a failure of one of them, which none should have, ends the platform."""
    stop, caller = asyncio.Event(), asyncio.current_task()
    work = asyncio.create_task(_work(runtimes, bus, stop))

    def end(_: asyncio.Task[None]) -> None:
        if caller is not None and not stop.is_set():
            caller.cancel()

    work.add_done_callback(end)
    try:
        yield
    finally:
        stop.set()
        await work


async def _work(runtimes: Sequence[Runtime], bus: Bus, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        for runtime in runtimes:
            group.create_task(effects(runtime, stop))
            group.create_task(relay(runtime, bus, stop))


def _given_broker() -> str | None:
    return os.environ.get("HALLES_AMQP_URL") or None


def _bus() -> Bus:
    url = _given_broker()
    return RabbitBus(url, name="halles local") if url else MemoryBus()


def _database_in_words(sandbox: Sandbox, options: Options) -> str:
    given = given_database()
    if given:
        return _in_words("PostgreSQL", given)
    return f"PostgreSQL, embedded{f', in {kept_folder(sandbox.data_dir)}' if options.data_dir else ''}"


def _in_words(kind: str, url: str) -> str:
    """Say which server it is, without its password."""
    parts = urlsplit(url)
    return f"{kind} at {parts.hostname}:{parts.port or 'its usual port'}"
