"""What a service declares in its `wiring.py`: routes, consumers, jobs, periodic work, ports. Data, no behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from libs.common.messages.base import Event
from libs.common.uow import Uow

if TYPE_CHECKING:
    import click

    from libs.common.http.routes import Routes
    from libs.common.runtime import Runtime
    from libs.common.settings import Settings

__all__ = ["BATCH", "Consumer", "Consumers", "Job", "JobHandler", "Jobs", "Loop", "Periodic", "PeriodicTask", "Service"]

E = TypeVar("E", bound=Event)

BATCH = 20
"""Messages in one transaction unless a consumer says otherwise: most of the gain, few to repeat when one fails."""
Completion = Callable[[Uow], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A handler of one event type; consumers that name the same queue share it."""

    event: type[Event]
    queue: str
    handler: Callable[[Uow, Any], Awaitable[None]]
    lanes: int = 8
    batch: int = BATCH
    """Messages handled in one transaction, when so many wait; nobody waits for a batch to fill."""
    projection: bool = False
    """True when it only updates a read model: it may be re-run to rebuild it, and may skip older versions."""
    many: Callable[[Uow, Sequence[Any]], Awaitable[None]] | None = None
    """Handles all the events of a batch at once; `handler` does the same with one."""


@dataclass
class Consumers:
    """The consumers of one service."""

    service: str
    items: list[Consumer] = field(default_factory=list)

    def on(
        self, event: type[E], *, queue: str, lanes: int = 8, batch: int = BATCH, projection: bool = False
    ) -> Callable[[Callable[[Uow, E], Awaitable[None]]], Callable[[Uow, E], Awaitable[None]]]:
        """Handle an event type from the queue `<service>.<queue>`, exactly once, in the handler's transaction.

        Under load, up to `batch` messages share that transaction; when one of them fails, each is handled again alone.
        """

        def register(handler: Callable[[Uow, E], Awaitable[None]]) -> Callable[[Uow, E], Awaitable[None]]:
            self.items.append(Consumer(event, f"{self.service}.{queue}", handler, lanes, batch, projection))
            return handler

        return register

    def on_many(
        self, event: type[E], *, queue: str, lanes: int = 4, batch: int = 100, projection: bool = False
    ) -> Callable[[Callable[[Uow, Sequence[E]], Awaitable[None]]], Callable[[Uow, Sequence[E]], Awaitable[None]]]:
        """Like `on`, for volume: the handler gets the events of a batch at once, to write them in one statement.

        They are sorted by key, those of a key in their order; under little load, and after a failure, it is a list of
        one. It updates rows: what it emits has no single cause, so it should emit nothing.
        """

        def register(
            handler: Callable[[Uow, Sequence[E]], Awaitable[None]],
        ) -> Callable[[Uow, Sequence[E]], Awaitable[None]]:
            async def one(uow: Uow, single: E) -> None:
                await handler(uow, [single])

            self.items.append(Consumer(event, f"{self.service}.{queue}", one, lanes, batch, projection, handler))
            return handler

        return register


@dataclass(frozen=True, slots=True)
class Job:
    """An effect to do outside the database: mail, webhook, time stamp, transmission."""

    id: UUID
    kind: str
    key: str
    """The identity of the effect at its receiver (Message-ID, webhook-id, envelope name): the same at each attempt."""
    payload: dict[str, Any]
    attempt: int


JobHandler = Callable[["Runtime", Job], Awaitable[Completion | None]]
"""Does the effect. What it returns runs in the transaction that marks the job done. Any exception: tried again later
with backoff, `JobFailedError`: dead at once, seen by the operator."""


@dataclass
class Jobs:
    """The job handlers of one service, by kind."""

    handlers: dict[str, JobHandler] = field(default_factory=dict)

    def on(self, kind: str) -> Callable[[JobHandler], JobHandler]:
        """Do jobs of this kind."""

        def register(handler: JobHandler) -> JobHandler:
            self.handlers[kind] = handler
            return handler

        return register


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Work done every so often by each worker; safe to run in several processes at once."""

    run: Callable[[Runtime], Awaitable[None]]
    seconds: float


@dataclass
class Periodic:
    """The periodic work of one service."""

    tasks: list[PeriodicTask] = field(default_factory=list)

    def every(
        self, seconds: float
    ) -> Callable[[Callable[[Runtime], Awaitable[None]]], Callable[[Runtime], Awaitable[None]]]:
        """Run about every `seconds` of real time."""

        def register(run: Callable[[Runtime], Awaitable[None]]) -> Callable[[Runtime], Awaitable[None]]:
            self.tasks.append(PeriodicTask(run, seconds))
            return run

        return register


@dataclass(frozen=True, slots=True)
class Loop:
    """A queue of the service's own that each worker empties: for effects too many to be a job each."""

    run: Callable[[Runtime, asyncio.Event], Coroutine[Any, Any, None]]
    """Empties it as it fills, until told to stop; then finishes or hands back what is in hand."""
    drain: Callable[[Runtime], Awaitable[int]]
    """Does all that is due, and gives how much that was. For tests."""


def _no_ports(_: Runtime) -> Mapping[type, object]:
    return {}


def _nothing_served(_: Runtime) -> AbstractAsyncContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Service:
    """One service, as its processes and the local platform run it."""

    name: str
    settings: type[Settings]
    migrations: Path
    routes: Routes
    consumers: Consumers
    jobs: Jobs = field(default_factory=Jobs)
    periodic: Periodic = field(default_factory=Periodic)
    loops: tuple[Loop, ...] = ()
    ports: Callable[[Runtime], Mapping[type, object]] = _no_ports
    """Builds the adapters of the service's ports, keyed by port; `Runtime.port` gives them."""
    serving: Callable[[Runtime], AbstractAsyncContextManager[None]] = _nothing_served
    """What a process keeps open while it serves the API: an index that it follows, for one."""
    own_loop: bool = False
    """Runs on asyncio's own loop: uvloop keeps the last 256 kB that were received in a buffer of its own."""
    closing: Callable[[Runtime], Awaitable[None]] | None = None
    """Has long requests end by themselves, as the API stops; what is left of them then has the drain's time."""
    warnings: Callable[[], Sequence[str]] = tuple
    """What an operator should mend of the machine though the service works; `/readyz` tells it."""
    tools: tuple[click.Command, ...] = ()
    """Offline tools of `python -m services.<name>`."""
    graphs: Mapping[str, Mapping[Any, StrEnum]] = field(default_factory=dict)
    """The state graphs of its aggregates, by their name; `docs/states.md` draws them."""
