"""A small world for the bus tests: one service that publishes and consumes, with handlers that fail when told to."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from libs.common.bus import Publishing, numberer, publisher
from libs.common.bus.parked import ParkedMessage
from libs.common.bus.parked import store as parked
from libs.common.http import Routes
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.legality import ActExemptedV1
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.databases import databases_on
from libs.common.uow import Uow

BUYER = "SIRET:21210231500018"
PATIENCE = 45.0  # seconds a test waits for what must happen


def exempted(key: UUID, place: int) -> CloudEvent:
    """Give the event number `place` of an aggregate."""
    return CloudEvent.wrap(event_of(key, place))


def event_of(key: UUID, place: int) -> ActExemptedV1:
    return ActExemptedV1(
        aggregate_id=key,
        aggregate_version=place,
        organisation=BUYER,
        occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        subject_id=key,
        reason="under the threshold",
    )


@dataclass
class Behaviour:
    """What the handlers do besides writing their effect."""

    failures: dict[tuple[UUID, int], list[Exception]] = field(default_factory=lambda: defaultdict(list))
    """Errors still to raise, by aggregate and place."""
    pause: Callable[[], Awaitable[None]] | None = None
    calls: list[tuple[UUID, int]] = field(default_factory=list)
    traces: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    hooks: list[Callable[[Uow], None]] = field(default_factory=list)


@dataclass
class World:
    """A running service, its queues and what its handlers did."""

    runtime: Runtime
    queues: tuple[str, ...]
    behaviour: Behaviour

    @property
    def service(self) -> Service:
        return self.runtime.service

    async def commit(self, *events: ActExemptedV1) -> None:
        """Commit events, as a use case does."""
        async with self.runtime.uow() as uow:
            for event in events:
                uow.emit(event)

    async def relay(self, bus: Publishing) -> int:
        """Number and publish all that is committed."""
        await numberer.drain(self.runtime)
        return await publisher.drain(self.runtime, bus)

    async def effects(self, queue: str | None = None) -> list[tuple[UUID, int]]:
        """Give the effects in the order they were committed."""
        async with self.runtime.read() as conn:
            rows = await conn.fetch("SELECT queue, key, place FROM effect ORDER BY id")
        wanted = queue or self.queues[0]
        return [(row["key"], row["place"]) for row in rows if row["queue"] == wanted]

    async def parked(self) -> list[ParkedMessage]:
        async with self.runtime.read() as conn:
            return await parked.listed(conn, limit=1000)

    async def until(self, condition: Callable[[], Awaitable[bool]], within: float = PATIENCE) -> None:
        """Wait until something is so; fail when it does not become so in time."""
        end = time.monotonic() + within
        while not await condition():
            assert time.monotonic() < end, f"not so after {within} s; parked: {await self.parked()}"
            await asyncio.sleep(0.02)

    async def until_effects(self, count: int, queue: str | None = None) -> list[tuple[UUID, int]]:
        async def enough() -> bool:
            return len(await self.effects(queue)) >= count

        await self.until(enough)
        return await self.effects(queue)

    async def until_parked(self, count: int, state: str = "parked") -> list[ParkedMessage]:
        async def enough() -> bool:
            return len([m for m in await self.parked() if m.state == state]) >= count

        await self.until(enough)
        return await self.parked()


def _service(
    owner: str, queues: int, lanes: int, batch: int, behaviour: Behaviour, *, many: bool
) -> tuple[Service, tuple[str, ...]]:
    consumers = Consumers(owner)
    names = tuple(secrets.token_hex(3) for _ in range(queues))
    for name in names:
        handler = _handler(f"{owner}.{name}", behaviour)
        if many:
            consumers.on_many(ActExemptedV1, queue=name, lanes=lanes, batch=batch)(_each(handler, behaviour))
        else:
            consumers.on(ActExemptedV1, queue=name, lanes=lanes, batch=batch)(handler)
    service = Service(owner, Settings, Path(__file__).parent / "migrations", Routes(owner), consumers)
    return service, tuple(f"{owner}.{name}" for name in names)


def _handler(queue: str, behaviour: Behaviour) -> Callable[[Uow, ActExemptedV1], Awaitable[None]]:
    async def handle(uow: Uow, event: ActExemptedV1) -> None:
        key, place = event.aggregate_id, event.aggregate_version
        behaviour.calls.append((key, place))
        for hook in behaviour.hooks:
            hook(uow)
        await uow.conn.execute("INSERT INTO effect (queue, key, place) VALUES ($1, $2, $3)", queue, key, place)
        if behaviour.pause:
            await behaviour.pause()
        if behaviour.failures.get((key, place)):
            raise behaviour.failures[key, place].pop(0)

    return handle


def _each(
    handler: Callable[[Uow, ActExemptedV1], Awaitable[None]], behaviour: Behaviour
) -> Callable[[Uow, Sequence[ActExemptedV1]], Awaitable[None]]:
    async def handle(uow: Uow, events: Sequence[ActExemptedV1]) -> None:
        behaviour.batches.append(len(events))
        for event in events:
            await handler(uow, event)

    return handle


@asynccontextmanager
async def world_on(
    database_url: str,
    folder: Path,
    *,
    owner: str = "bids",
    queues: int = 1,
    lanes: int = 8,
    batch: int = 1,
    many: bool = False,
) -> AsyncIterator[World]:
    """Run a service on its own database."""
    behaviour = Behaviour()
    service, names = _service(owner, queues, lanes, batch, behaviour, many=many)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(databases_on(database_url).clone(service))
        settings = Settings(
            environment="test",
            database_url=database_url,
            database_urls={owner: address},
            data_dir=folder,
            pool_size=6,
        )
        runtime = await stack.enter_async_context(open_runtime(service, settings))
        yield World(runtime, names, behaviour)


def keys(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


async def sessions_with_lock(world: World, count: int) -> bool:
    """Tell whether so many advisory locks are held in the service's database."""
    async with world.runtime.read() as conn:
        held = await conn.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    return bool(held >= count)
