"""A connection to the broker that is opened when needed, again when lost, and declares what must exist."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelClosed, ChannelNotFoundEntity

from libs.common.bus.topology import BrokerObjects

__all__ = ["BROKER_AWAY", "Link", "declare", "guarded"]

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

    def __init__(self, url: str, name: str, objects: Callable[[], BrokerObjects]) -> None:
        self._url = url
        self._name = name
        self._objects = objects
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
            await declare(connection, self._objects())
        except BaseException:
            await _close(connection)
            raise
        self._connection = connection
        self.opened += 1
        return connection


async def _close(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await guarded(connection.close())
    except BROKER_AWAY as error:
        _log.info("connection_closed_badly", error=type(error).__name__)


async def declare(connection: AbstractConnection, objects: BrokerObjects) -> None:
    """See that everything exists; make what does not, where our user may (production users may not).

    Raises ChannelClosed when something is missing and may not be made, or exists with other arguments.
    """
    try:
        async with connection.channel() as channel:
            await _declare(channel, objects, passive=True)
    except ChannelNotFoundEntity as missing:
        _log.info("topology_incomplete", missing=str(missing))
    else:
        return
    await asyncio.sleep(_SETTLE_SECONDS)
    try:
        async with connection.channel() as channel:
            await _declare(channel, objects, passive=False)
    except ChannelClosed as refused:
        _log.error("topology_refused", error=str(refused))
        raise


async def _declare(channel: AbstractChannel, objects: BrokerObjects, *, passive: bool) -> None:
    for name, kind in objects.exchanges.items():
        await channel.declare_exchange(name, kind, durable=True, passive=passive)
    for name, arguments in objects.queues.items():
        await channel.declare_queue(name, durable=True, arguments=arguments, passive=passive)
    if not passive:
        for exchange, queue, key in objects.bindings:
            destination = await channel.get_queue(queue, ensure=False)
            await destination.bind(exchange, key)
