"""The bus on RabbitMQ: publication, and the way to the consumers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aio_pika
import structlog

from libs.common.bus.port import BusUnavailableError, publish
from libs.common.bus.rabbit.consuming import LOST_SECONDS, WATCH_SECONDS, Consuming
from libs.common.bus.rabbit.frames import open_confirms
from libs.common.bus.rabbit.link import BROKER_AWAY, Link, guarded
from libs.common.bus.rabbit.looking import Looking
from libs.common.bus.rabbit.streaming import RabbitStream
from libs.common.bus.retry import DELAYS
from libs.common.bus.topology import BrokerObjects, Topology, broker_objects, retry_exchange
from libs.common.messages.envelope import CloudEvent
from libs.common.service import Service

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["RabbitBus"]

_CONFIRM_SECONDS = 40.0  # more than a heartbeat; a broker under alarm reads nothing and answers nothing
_CHANNEL_SECONDS = (
    15.0  # to open or close a channel: a broker under alarm does neither, and a stop does not wait for it
)

_log = structlog.get_logger(__name__)


class RabbitBus:
    """Publishes on one connection and consumes on another, both opened again when lost."""

    def __init__(
        self,
        url: str,
        *,
        topology: Topology | None = None,
        delays: Sequence[float] = DELAYS,
        name: str = "halles",
        confirm_seconds: float = _CONFIRM_SECONDS,
    ) -> None:
        self._url = url
        self._topology = Topology.load() if topology is None else topology
        self._delays = tuple(delays)
        self._name = name
        self._confirm_seconds = confirm_seconds
        self.watch_seconds, self.lost_seconds = WATCH_SECONDS, LOST_SECONDS
        self._publishing = Link(url, f"{name}.publish", self._objects, _names(self._topology))
        self._looking = Looking(self._publishing)

    async def publish(self, messages: Sequence[CloudEvent]) -> None:
        """Publish, mandatory, and wait for the confirms; see Bus."""
        await publish(self, messages)

    @asynccontextmanager
    async def stream(self, wake: Callable[[], None]) -> AsyncIterator[RabbitStream]:
        """Open a stream on a channel of its own; see Publishing."""
        stream = RabbitStream(self._topology, wake, self._confirm_seconds)
        try:
            async with asyncio.timeout(_CHANNEL_SECONDS):
                connection = await self._publishing.connection()
                channel = await guarded(open_confirms(connection, stream.answered, stream.returned))
        except BROKER_AWAY as error:
            await self._publishing.drop()
            raise BusUnavailableError(str(error) or type(error).__name__) from error
        stream.attach(channel)
        try:
            yield stream
        finally:
            with contextlib.suppress(*BROKER_AWAY):
                async with asyncio.timeout(_CHANNEL_SECONDS):
                    await guarded(channel.close())

    @asynccontextmanager
    async def consume(self, runtime: Runtime) -> AsyncIterator[None]:
        """Run the consumers of the runtime's service; see Bus."""
        service = runtime.service
        objects, topology = self._objects(service), self._topology.including(service)
        link = Link(self._url, f"{self._name}.consume", lambda: objects, _names(topology))
        consuming = Consuming(runtime, link, topology, self._delays, self._retry)
        consuming.watch_seconds, consuming.lost_seconds = self.watch_seconds, self.lost_seconds
        async with consuming.running():
            yield

    def destinations(self, service: str) -> Mapping[str, Collection[str]]:
        """Give the queues bound to a type of the service; see Publishing."""
        mine = f"{service}."
        return {
            queue.name: queue.types
            for queue in self._topology.queues
            if any(kind.startswith(mine) for kind in queue.types)
        }

    async def missing(self, queues: Collection[str], expected: Collection[str]) -> frozenset[str]:
        """Look on the publishing connection; see Publishing."""
        try:
            async with asyncio.timeout(_CHANNEL_SECONDS):
                return await self._looking.missing(queues, expected)
        except TimeoutError as error:  # under alarm the broker does not answer: the connection is as good as any other
            raise BusUnavailableError("no answer about queues") from error
        except BROKER_AWAY as error:
            await self._publishing.drop()
            raise BusUnavailableError(str(error) or type(error).__name__) from error

    async def connect(self) -> None:
        """Open the publishing connection and declare the topology ahead of the first event. Raises BusUnavailableError."""
        try:
            await self._publishing.connection()
        except BROKER_AWAY as error:
            raise BusUnavailableError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the publishing connection."""
        await self._publishing.close()

    def _objects(self, service: Service | None = None) -> BrokerObjects:
        topology = self._topology.including(service) if service else self._topology
        return broker_objects(topology, self._delays)

    async def _retry(self, service: str, queue: str, body: bytes, attempt: int) -> None:
        """Put a body in the queue of its next delay. A failure is only logged: the sweeper brings it back later."""
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        try:
            channel = await self._publishing.channel("retries")
            exchange = await channel.get_exchange(retry_exchange(service, self._delays[attempt]), ensure=False)
            await guarded(exchange.publish(message, queue, mandatory=True, timeout=self._confirm_seconds))
        except BROKER_AWAY as error:
            _log.warning("retry_timer_lost", queue=queue, error=type(error).__name__)


def _names(topology: Topology) -> list[str]:
    return [queue.name for queue in topology.queues]
