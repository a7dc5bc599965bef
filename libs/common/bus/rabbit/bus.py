"""The bus on RabbitMQ: publication, and the way to the consumers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aio_pika
import structlog
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import DeliveryError, PublishError

from libs.common.bus.port import BusUnavailableError, RefusedEventsError
from libs.common.bus.rabbit.consuming import WATCH_SECONDS, Consuming
from libs.common.bus.rabbit.link import BROKER_AWAY, Link, guarded
from libs.common.bus.retry import DELAYS
from libs.common.bus.topology import EVENTS, BrokerObjects, Topology, broker_objects, retry_exchange
from libs.common.messages.envelope import CloudEvent
from libs.common.service import Service

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["RabbitBus"]

_CONFIRM_SECONDS = 40.0  # more than a heartbeat; a broker under alarm reads nothing and answers nothing

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
        self.watch_seconds = WATCH_SECONDS
        self._publishing = Link(url, f"{name}.publish", self._objects)

    async def publish(self, messages: Sequence[CloudEvent]) -> None:
        """Publish, mandatory, and wait for the confirms; see Bus."""
        routed = [message for message in messages if self._topology.queues_for(message.type)]
        if not routed:
            return
        try:
            channel = await self._publishing.channel("events")
            exchange = await channel.get_exchange(EVENTS, ensure=False)
        except BROKER_AWAY as error:
            raise BusUnavailableError(str(error) or type(error).__name__) from error
        # each task writes its frames as it starts: the order on the channel is the order here
        fates = await asyncio.gather(*(self._send(exchange, message) for message in routed))
        reasons = {message.id: fate for message, fate in zip(routed, fates, strict=True) if fate}
        if reasons:
            raise RefusedEventsError(reasons)

    @asynccontextmanager
    async def consume(self, runtime: Runtime) -> AsyncIterator[None]:
        """Run the consumers of the runtime's service; see Bus."""
        service = runtime.service
        objects = self._objects(service)
        link = Link(self._url, f"{self._name}.consume", lambda: objects)
        consuming = Consuming(runtime, link, self._topology.including(service), self._delays, self._retry)
        consuming.watch_seconds = self.watch_seconds
        async with consuming.running():
            yield

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

    async def _send(self, exchange: AbstractExchange, event: CloudEvent) -> str | None:
        """Publish one event; give why it was refused, None when it is confirmed. Raises BusUnavailableError."""
        message = aio_pika.Message(
            event.to_json(),
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(event.id),
            type=event.type,
            timestamp=event.recordedtime,
            headers={"traceparent": event.traceparent} if event.traceparent else {},
        )
        try:
            await guarded(exchange.publish(message, event.type, mandatory=True, timeout=self._confirm_seconds))
        except PublishError:
            return "unroutable"
        except DeliveryError:
            return "refused"
        except BROKER_AWAY as error:
            raise BusUnavailableError(str(error) or type(error).__name__) from error
        return None

    async def _retry(self, service: str, queue: str, body: bytes, attempt: int) -> None:
        """Put a body in the queue of its next delay. A failure is only logged: the sweeper brings it back later."""
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        try:
            channel = await self._publishing.channel("retries")
            exchange = await channel.get_exchange(retry_exchange(service, self._delays[attempt]), ensure=False)
            await guarded(exchange.publish(message, queue, mandatory=True, timeout=self._confirm_seconds))
        except BROKER_AWAY as error:
            _log.warning("retry_timer_lost", queue=queue, error=type(error).__name__)
