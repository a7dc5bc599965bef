"""Looks whether queues are there, on a channel of its own: the broker closes the channel over one that is not.

A passive declaration of a few queues costs a round trip each; it declares nothing. Since RabbitMQ 4.2.6 it asks for a right
to the queue, which comes with the queue from the definitions: what our user may not see is not there for it, until they
are imported. Two versions ask for the right to configure, which no service has; there all queues are taken to be there.
"""

from __future__ import annotations

from collections.abc import Collection

import aiormq
import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from libs.common.bus.rabbit.frames import open_plain
from libs.common.bus.rabbit.link import Link, guarded

__all__ = ["Looking"]

_BLIND = ("4.2.6", "4.3.0")
"""See docs/brokers.md."""

_log = structlog.get_logger(__name__)


class Looking:
    """Looks of one connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: aiormq.Channel | None = None
        self._unseen: set[str] = set()

    async def missing(self, queues: Collection[str], expected: Collection[str]) -> frozenset[str]:
        """Give those that are not there; the connection does not make `expected` ones. Raises one of BROKER_AWAY."""
        self._link.expected.update(expected)
        return frozenset([queue for queue in sorted(queues) if not await self._is_there(queue)])

    async def _is_there(self, queue: str) -> bool:
        if queue in self._unseen:
            return True
        channel = await self._opened()
        try:
            await guarded(channel.queue_declare(queue, passive=True))
        except ChannelNotFoundEntity:
            return False
        except ChannelAccessRefused as refused:
            _log.warning("queue_unseen", queue=queue, refused=str(refused))
            if channel.connection.server_properties.get("version") not in _BLIND:
                return False
            self._unseen.add(queue)
        return True

    async def _opened(self) -> aiormq.Channel:
        if self._channel is None or self._channel.is_closed:
            self._channel = await guarded(open_plain(await self._link.connection()))
        return self._channel
