"""What runs a service: its settings, clock, database, storage and HTTP client, and the unit of work over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import aiohttp
import asyncpg

from libs.common import audit, jobs
from libs.common.actor import Actor
from libs.common.bus import outbox
from libs.common.clock import Clock, SystemClock
from libs.common.db import Database, service_url
from libs.common.messages.envelope import CloudEvent
from libs.common.service import Service
from libs.common.settings import Settings, UnsafeStartError
from libs.common.storage import Storage
from libs.common.telemetry import client_tracing
from libs.common.tracing import current_traceparent
from libs.common.uow import Steps, Uow

__all__ = ["Batch", "Runtime", "open_runtime"]

T = TypeVar("T")
_HTTP_SECONDS = 30  # an answer that takes longer is a failure, to be tried again


@runtime_checkable
class _Closing(Protocol):
    async def aclose(self) -> None: ...


class Runtime:
    """One service, running. Given by `open_runtime`."""

    service: Service
    settings: Settings
    clock: Clock
    database: Database
    storage: Storage
    http: aiohttp.ClientSession

    def __init__(self, service: Service, settings: Settings, *, clock: Clock, database: Database) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock
        self.database = database
        self._ports: dict[type, object] = {base: settings for base in type(settings).__mro__ if base is not object}

    def port(self, kind: type[T]) -> T:
        """Give the adapter of a port, or the settings by their class. Raises LookupError when there is none."""
        try:
            return cast("T", self._ports[kind])
        except KeyError:
            raise LookupError(f"{self.service.name} gives no adapter for {kind.__name__}: see its wiring.py") from None

    def give_ports(self, ports: Mapping[Any, object]) -> None:
        """Add adapters, or replace them (tests)."""
        self._ports.update(ports)

    async def close_ports(self) -> None:
        """Close the adapters that keep something open: those that have `aclose`."""
        for adapter in {id(adapter): adapter for adapter in self._ports.values()}.values():
            if isinstance(adapter, _Closing):
                await adapter.aclose()

    @asynccontextmanager
    async def uow(self, *, actor: Actor | None = None, cause: CloudEvent | None = None) -> AsyncIterator[Uow]:
        """Open a transaction; its journal, jobs and events are written last, just before COMMIT, or not at all."""
        async with self.database.acquire() as conn, conn.transaction():
            uow = Uow(self, conn, actor=actor, cause=cause)
            yield uow
            await _do(uow.steps)
            await _write_last(uow)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Open a transaction that several units of work share: all commit, or none."""
        async with self.database.acquire() as conn, conn.transaction():
            batch = Batch(self, conn)
            yield batch
            await _do(batch.steps)

    def read(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Lend a connection to read with; what changes data goes through `uow`."""
        return self.database.acquire()


class Batch:
    """Several units of work in one transaction, one after the other. Given by `Runtime.batch`."""

    def __init__(self, runtime: Runtime, conn: asyncpg.Connection) -> None:
        self._runtime = runtime
        self.conn = conn
        self.steps: Steps = {}

    @asynccontextmanager
    async def uow(self, *, cause: CloudEvent | None) -> AsyncIterator[Uow]:
        """Begin the next unit of work; what leaves with it is written at its end."""
        uow = Uow(self._runtime, self.conn, cause=cause)
        uow.steps = self.steps
        yield uow
        if uow.events or uow.jobs or uow.journal:
            await _write_last(uow)


async def _do(steps: Steps) -> None:
    for step, items in steps.items():
        await step(items)


async def _write_last(uow: Uow) -> None:
    """Write what leaves with the transaction, the outbox last: events of an aggregate keep the order of its lock."""
    envelopes = _wrap(uow)
    await audit.write(uow, envelopes)
    await jobs.write(uow, cause=uow.cause or (envelopes[-1] if envelopes else None))
    if envelopes:
        await outbox.write(uow.conn, envelopes)


def _wrap(uow: Uow) -> list[CloudEvent]:
    """Give the envelopes of a transaction's events: all in one trace and one correlation."""
    traceparent = current_traceparent()
    envelopes = [CloudEvent.wrap(event, cause=uow.cause, traceparent=traceparent) for event in uow.events]
    newer = {place: envelopes[newest].id for place, newest in uow.superseded.items()}
    return [
        envelope.model_copy(update={"correlationid": envelopes[0].correlationid, "supersededby": newer.get(place)})
        for place, envelope in enumerate(envelopes)
    ]


@asynccontextmanager
async def open_runtime(service: Service, settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Runtime]:
    """Open what a service needs to run, and close it. Raises UnsafeStartError in a production that is none."""
    settings.refuse_unsafe_start()
    clock = clock or settings.new_clock()
    if settings.environment == "production" and not isinstance(clock, SystemClock):
        raise UnsafeStartError("production start refused: it knows no clock but the system's")
    async with AsyncExitStack() as stack:
        database = Database(
            service_url(settings, service.name), pool_size=settings.pool_size, application=f"halles {service.name}"
        )
        runtime = Runtime(service, settings, clock=clock, database=await stack.enter_async_context(database))
        runtime.http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_HTTP_SECONDS), trace_configs=[client_tracing()])
        )
        runtime.storage = Storage(settings.storage_url, service=service.name)
        runtime.give_ports(service.ports(runtime))
        try:
            yield runtime
        finally:
            await runtime.close_ports()
