"""What carries events between services: one port, two adapters (RabbitMQ, in-process), one shared test suite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self
from uuid import UUID

from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = [
    "Bus",
    "BusUnavailableError",
    "Fate",
    "Outgoing",
    "Publishing",
    "QueueLess",
    "RefusedEventsError",
    "Stream",
    "publish",
]

_LOOK = 0.5  # seconds between two looks at a stream that says nothing


class BusUnavailableError(Exception):
    """The bus is away, or did not confirm in time: what was being published has an unknown fate, publish it again."""


class RefusedEventsError(Exception):
    """The bus answered, and refused some of the events; all the others are confirmed."""

    def __init__(self, reasons: dict[UUID, str]) -> None:
        super().__init__(f"{len(reasons)} events refused")
        self.reasons = dict(reasons)
        """Why, by event id."""


class Outgoing(NamedTuple):
    """An event as it leaves: the stored bytes, never read again, and what the bus must know of them."""

    id: UUID
    type: str
    body: bytes
    queues: tuple[str, ...] | None = None
    """The queues it is for; None: all that are bound to its type; empty: none now."""

    @classmethod
    def of(cls, event: CloudEvent) -> Self:
        """Give an event that was not stored."""
        return cls(event.id, event.type, event.to_json())


Fate = tuple[UUID, str | None]
"""An event's id and why it was refused; None: confirmed, or no service consumes its type."""


class Stream(Protocol):
    """A publication in progress: events leave in the order they are sent, their fates come back in any order."""

    def send(self, message: Outgoing) -> None:
        """Publish, without waiting."""
        ...

    def settled(self) -> Sequence[Fate]:
        """Give the fates that became known since the last call.

        Raises BusUnavailableError when the bus is lost, or silent for too long: no other fate will be known.
        """
        ...


class Publishing(Protocol):
    """The half a publisher needs."""

    def stream(self, wake: Callable[[], None]) -> AbstractAsyncContextManager[Stream]:
        """Open a stream that calls `wake` when a fate is known, or the bus is lost. Raises BusUnavailableError."""
        ...

    def destinations(self, service: str) -> Mapping[str, Collection[str]]:
        """Give the queues a service's events go to that may go missing, each with the types that go there."""
        ...

    async def missing(self, queues: Collection[str], expected: Collection[str]) -> frozenset[str]:
        """Give those of some queues that are not there. Raises BusUnavailableError.

        `expected` were there before: what becomes of them is seen, so they are not made again on the way.
        """
        ...


class Bus(Publishing, Protocol):
    """Carries events to every queue bound to their type, at least once."""

    async def publish(self, messages: Sequence[CloudEvent]) -> None:
        """Publish in this order and return once all are safe; events that no service consumes are skipped.

        Raises RefusedEventsError (the others are safe) or BusUnavailableError (nothing is sure).
        """
        ...

    def consume(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """Run all the consumers of the runtime's service until the block ends; then finish what is in hand."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class QueueLess:
    """The part of a bus whose queues cannot go missing unseen."""

    def destinations(self, service: str) -> Mapping[str, Collection[str]]:
        """Give none; see Publishing."""
        return {}

    async def missing(self, queues: Collection[str], expected: Collection[str]) -> frozenset[str]:
        """Give none; see Publishing."""
        return frozenset()


async def publish(bus: Publishing, messages: Sequence[CloudEvent]) -> None:
    """Publish events on a stream of their own and return once all are safe; see Bus."""
    wake = asyncio.Event()
    waiting = {message.id for message in messages}
    reasons: dict[UUID, str] = {}
    async with bus.stream(wake.set) as stream:
        for message in messages:
            stream.send(Outgoing.of(message))
        while waiting:
            for identity, reason in stream.settled():
                waiting.discard(identity)
                if reason:
                    reasons[identity] = reason
            if waiting:
                await _ring(wake)
    if reasons:
        raise RefusedEventsError(reasons)


async def _ring(wake: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK):
            await wake.wait()
    except TimeoutError:
        return
    finally:
        wake.clear()
