"""The partners' exchange: a virtual host, or a broker, of its own, to which public events are published.

The queues of partners are never bound to the platform's own exchange (docs/adr/0019).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from libs.common.bus.definitions import partners_objects
from libs.common.bus.port import BusUnavailableError, Outgoing
from libs.common.bus.rabbit.frames import ConfirmChannel, open_confirms
from libs.common.bus.rabbit.link import BROKER_AWAY, Link, guarded
from libs.common.bus.rabbit.streaming import RabbitStream
from libs.common.bus.topology import Queue, Topology
from libs.common.messages.envelope import CloudEvent
from services.alerts.errors import PartnersAway

__all__ = ["Exchange", "NoExchange", "RabbitExchange"]

_PATIENCE = 10.0
"""Seconds without a confirm: a transaction waits for it."""
_OPEN_SECONDS = 10.0
_LOOK_SECONDS = 0.5

TOLD = Counter("halles_partners_told", "Events that the partners' exchange confirmed", ["service"])
AWAY = Gauge("halles_partners_away", "1 while the partners' exchange takes no event", ["service"])
_log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """Where partners are told of public events."""

    async def tell(self, events: Sequence[CloudEvent]) -> None:
        """Publish in this order and return once all are safe; nobody need listen. Raises PartnersAway: tell them again."""
        ...


class NoExchange:
    """No partner follows by AMQP: nothing is told."""

    async def tell(self, events: Sequence[CloudEvent]) -> None:
        """Let them pass."""


class RabbitExchange:
    """On RabbitMQ: one connection and one channel with confirms, opened when needed, again when lost."""

    def __init__(self, url: str, types: Sequence[str], *, patience: float = _PATIENCE) -> None:
        self._link = Link(url, "alerts.partners", partners_objects)
        self._types = Topology((Queue("partners", "alerts", tuple(types), single_active=False),))
        self._patience = patience
        self._lock = asyncio.Lock()
        self._answered = asyncio.Event()
        self._channel: ConfirmChannel | None = None
        self._stream: RabbitStream | None = None
        AWAY.labels("alerts").set(0)

    async def tell(self, events: Sequence[CloudEvent]) -> None:
        """Publish, and wait for all confirms together; see Exchange. What is of no type of ours is not sent."""
        try:
            async with self._lock:
                await self._publish(events)
        except BusUnavailableError as error:
            AWAY.labels("alerts").set(1)
            _log.warning("partners_away", error=str(error))
            raise PartnersAway from error
        AWAY.labels("alerts").set(0)
        TOLD.labels("alerts").inc(len(events))

    async def aclose(self) -> None:
        """Close the connection; the next event opens another."""
        self._channel = self._stream = None
        await self._link.close()

    async def _publish(self, events: Sequence[CloudEvent]) -> None:
        try:
            stream = await self._opened()
            for event in events:
                stream.send(Outgoing.of(event))
            await self._confirmed(stream, {event.id for event in events})
        except BaseException:  # what was not confirmed has an unknown fate: nothing more is heard of it
            await self.aclose()
            raise

    async def _confirmed(self, stream: RabbitStream, waiting: set[UUID]) -> None:
        while waiting:
            self._answered.clear()
            for identity, refused in stream.settled():
                if refused:
                    raise BusUnavailableError(f"{identity} {refused}")
                waiting.discard(identity)
            if waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._answered.wait()

    async def _opened(self) -> RabbitStream:
        if self._stream is not None and self._channel is not None and not self._channel.is_closed:
            return self._stream
        stream = RabbitStream(self._types, self._answered.set, self._patience)
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                opening = open_confirms(
                    await self._link.connection(), stream.answered, stream.returned, mandatory=False
                )
                self._channel = await guarded(opening)
        except BROKER_AWAY as error:
            raise BusUnavailableError(str(error) or type(error).__name__) from error
        stream.attach(self._channel)
        self._stream = stream
        return stream
