"""A connection to the broker that is opened when needed, again when lost, and declares what must exist."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelClosed, ChannelNotFoundEntity
from aiormq.exceptions import ChannelAccessRefused

from libs.common.bus.topology import BrokerObjects

__all__ = ["BROKER_AWAY", "Link", "declare", "guarded", "missing"]

T = TypeVar("T")

BROKER_AWAY = (AMQPError, OSError, TimeoutError, RuntimeError)
"""What aio-pika raises when the broker, the connection or the channel is gone, refuses, or does not answer; a closed
connection is a bare RuntimeError there. Only calls to aio-pika are guarded with it."""
_CONNECT_SECONDS = 10.0
_HEARTBEAT = 30  # seconds
_SETTLE_SECONDS = 0.25
"""Before a missing queue is made again: made at once, RabbitMQ (3.10.8) moves the consumers of the deleted one over to it
without a word and delivers to none of them; a moment later it has told them that their queue is gone (50 ms did)."""

_log = structlog.get_logger(__name__)


async def guarded(step: Awaitable[T]) -> T:
    """Await a call to aio-pika, which cancels its callers when a channel closes: that is an error, not our end.

    Raises ConnectionResetError then, and where a broker that stops ends the handshake (aiormq lets the end of its frames
    through, which no caller could catch as an error of the network). A cancellation of our own task stays one.
    """
    try:
        return await step
    except StopAsyncIteration:
        raise ConnectionResetError("the connection was closed in the handshake") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionResetError("the channel was closed under the call") from None


class Link:
    """One connection, for publishing or for consuming: an alarm of the broker blocks publishers' connections only."""

    def __init__(
        self, url: str, name: str, objects: Callable[[], BrokerObjects], watched: Collection[str] = ()
    ) -> None:
        self._url = url
        self._name = name
        self._objects = objects
        self._watched = frozenset(watched)
        self.expected: set[str] = set()
        """Queues that were there before: not made again on the way, so that publishers see that they are gone."""
        self._lock = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._channels: dict[str, AbstractChannel] = {}
        self.opened = 0
        """Times it was opened."""

    async def connection(self) -> AbstractConnection:
        """Give the connection, opened and with everything declared. Raises one of BROKER_AWAY."""
        async with self._lock:
            return await guarded(self._connect())

    async def channel(self, purpose: str) -> AbstractChannel:
        """Give the channel of a purpose, with confirms; the same until it is lost. Raises one of BROKER_AWAY."""
        async with self._lock:
            connection = await guarded(self._connect())
            channel = self._channels.get(purpose)
            if channel is None or channel.is_closed:
                try:
                    opening = connection.channel(publisher_confirms=True, on_return_raises=True)
                    channel = await guarded(opening)
                except BROKER_AWAY:
                    self._connection = None  # lost, though it does not know yet
                    await _close(connection)
                    raise
                self._channels[purpose] = channel
            return channel

    async def make(self, queues: Collection[str]) -> None:
        """Make queues that are missing, where our user may. Raises one of BROKER_AWAY."""
        async with self._lock:
            connection = await guarded(self._connect())
            await guarded(declare(connection, self._objects(), self.expected - {*queues}))

    async def drop(self) -> None:
        """Close a connection that is lost, though it may not know yet; the next use opens another."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; it may be opened again."""
        async with self._lock:
            connection, self._connection = self._connection, None
            self._channels.clear()
            if connection is not None:
                await _close(connection)

    async def _connect(self) -> AbstractConnection:
        if self._connection is not None and not self._connection.is_closed:
            return self._connection
        self._channels.clear()
        connection = await aio_pika.connect(
            self._url,
            timeout=_CONNECT_SECONDS,
            heartbeat=_HEARTBEAT,
            client_properties={"connection_name": f"{self._name}@{socket.gethostname()}"},
        )
        try:
            await declare(connection, self._objects(), self.expected)
        except BaseException:
            await _close(connection)
            raise
        self.expected |= self._watched
        self._connection = connection
        self.opened += 1
        return connection


async def _close(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await guarded(connection.close())
    except BROKER_AWAY as error:
        _log.info("connection_closed_badly", error=type(error).__name__)


async def declare(connection: AbstractConnection, objects: BrokerObjects, leave: Collection[str] = ()) -> None:
    """See that everything exists; make what does not, where our user may (production users may not).

    What belongs to another service a production user does not even see, from RabbitMQ 4.2.6 on: it is left to its owner
    (docs/brokers.md). Queues to `leave`, and those that may not be made, stay missing: who needs them looks for them
    again, the others go on. Raises ChannelClosed when an exchange may not be made, or what is there is otherwise.
    """
    gone = await missing(connection, objects)
    names = sorted({*gone.exchanges, *gone.queues} - {*leave})
    if not names:
        return
    _log.info("topology_incomplete", missing=names)
    await asyncio.sleep(_SETTLE_SECONDS)
    try:
        async with connection.channel() as channel:
            await _make(channel, objects, gone, leave)
    except ChannelClosed as refused:
        _log.error("topology_refused", missing=names, error=str(refused))
        if gone.exchanges or not isinstance(refused, ChannelAccessRefused):
            raise


async def missing(connection: AbstractConnection, objects: BrokerObjects) -> BrokerObjects:
    """Give the exchanges and queues that do not exist, as far as our user may see. Raises one of BROKER_AWAY."""
    gone = BrokerObjects()
    for part in _by_owner(objects):
        left = [*(("exchange", name) for name in part.exchanges), *(("queue", name) for name in part.queues)]
        while left:
            try:
                async with connection.channel() as channel:
                    await _look(channel, left)
            except ChannelNotFoundEntity:
                kind, name = left.pop(0)
                if kind == "exchange":
                    gone.exchanges[name] = part.exchanges[name]
                else:
                    gone.queues[name] = part.queues[name]
            except ChannelAccessRefused as refused:
                _log.debug("topology_unseen", refused=str(refused))
                left = [each for each in left if each[0] != left[0][0]]  # the others of this kind are as foreign
    return gone


async def _look(channel: AbstractChannel, left: list[tuple[str, str]]) -> None:
    """Look whether each exists, and take it off the list. The broker closes the channel over one that does not."""
    while left:
        kind, name = left[0]
        if kind == "exchange":
            await channel.declare_exchange(name, passive=True)
        else:
            await channel.declare_queue(name, passive=True)
        left.pop(0)


def _by_owner(objects: BrokerObjects) -> list[BrokerObjects]:
    """Part the objects by the first word of their names: the rights of a user begin and end there."""
    owners = sorted({name.partition(".")[0] for name in (*objects.exchanges, *objects.queues)})
    return [
        BrokerObjects(
            {name: kind for name, kind in objects.exchanges.items() if name.partition(".")[0] == owner},
            {name: arguments for name, arguments in objects.queues.items() if name.partition(".")[0] == owner},
        )
        for owner in owners
    ]


async def _make(channel: AbstractChannel, objects: BrokerObjects, gone: BrokerObjects, leave: Collection[str]) -> None:
    """Make what is gone, and bind what is there: a queue of the definitions file has its arguments by policy."""
    for name, kind in gone.exchanges.items():
        await channel.declare_exchange(name, kind, durable=True)
    for name, arguments in objects.queues.items():
        if name not in gone.queues:
            queue = await channel.get_queue(name, ensure=False)
        elif name not in leave:
            queue = await channel.declare_queue(name, durable=True, arguments=arguments)
        else:
            continue
        for exchange, bound, key in objects.bindings:
            if bound == name:  # at once: whoever sees the queue takes it to be bound
                await queue.bind(exchange, key)
