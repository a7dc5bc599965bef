"""A publication in progress on RabbitMQ: written in bursts, confirmed in bursts, on a channel of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from aiormq import Channel
from pamqp import commands

from libs.common.bus.port import BusUnavailableError, Fate, Outgoing
from libs.common.bus.rabbit.frames import QUEUES, ConfirmChannel, payload
from libs.common.bus.topology import EVENTS, Topology

__all__ = ["RabbitStream"]

_FULL = 0.002  # seconds until a full queue of the connection's writer is tried again
_PERSISTENT = 2


class RabbitStream:
    """See Stream. Used by one task; the channel calls it back on the same loop."""

    def __init__(self, topology: Topology, wake: Callable[[], None], patience: float) -> None:
        self._topology = topology
        self._wake = wake
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._channel: ConfirmChannel
        self._tag = 0
        self._waiting: dict[int, UUID] = {}
        self._returned: set[str] = set()
        self._settled: list[Fate] = []
        self._burst: list[bytes] = []
        self._routed: dict[str, bool] = {}
        self._heard = time.monotonic()

    def attach(self, channel: ConfirmChannel) -> None:
        """Publish on this channel, just opened."""
        self._channel = channel
        channel.closing.add_done_callback(lambda _: self._wake())

    def send(self, message: Outgoing) -> None:
        """Publish, without waiting; see Stream."""
        if message.queues == () or not self._is_routed(message.type):
            self._settled.append((message.id, None))
            self._wake()
            return
        if not self._waiting:
            self._heard = time.monotonic()
        self._tag += 1
        self._waiting[self._tag] = message.id
        properties = commands.Basic.Properties(
            content_type="application/cloudevents+json",
            delivery_mode=_PERSISTENT,
            message_id=str(message.id),
            message_type=message.type,
            headers={QUEUES: ",".join(message.queues)} if message.queues else None,
        )
        if not self._burst:
            self._loop.call_soon(self._flush)
        self._burst.append(self._channel.encode(EVENTS, message.type, properties, message.body))

    def settled(self) -> Sequence[Fate]:
        """Give the fates known since the last call; see Stream."""
        found, self._settled = self._settled, []
        if found:
            return found
        if self._channel.is_closed:
            raise BusUnavailableError(_why(self._channel))
        if self._waiting and time.monotonic() - self._heard > self._patience:
            raise BusUnavailableError(f"no confirm for {self._patience:g} s")
        return found

    def answered(self, tag: int, multiple: bool, refused: str | None) -> None:  # as the channel calls
        """Take a confirm, or a refusal, of one message or of all up to it."""
        self._heard = time.monotonic()
        for answered in [known for known in self._waiting if known <= tag] if multiple else [tag]:
            identity = self._waiting.pop(answered, None)
            if identity is not None:
                self._settled.append((identity, refused or self._unroutable(identity)))
        self._wake()

    def returned(self, message_id: str) -> None:
        """Take a message that no queue took: its confirm will say that it is nowhere."""
        self._returned.add(message_id)

    def _unroutable(self, identity: UUID) -> str | None:
        if self._returned and str(identity) in self._returned:
            self._returned.discard(str(identity))
            return "unroutable"
        return None

    def _is_routed(self, kind: str) -> bool:
        known = self._routed.get(kind)
        if known is None:
            known = self._routed[kind] = bool(self._topology.queues_for(kind))
        return known

    def _flush(self) -> None:
        """Write what was sent since, in one piece: a write for each message costs as much as its encoding."""
        if self._channel.is_closed:
            self._burst.clear()
            return
        try:
            self._channel.write_queue.put_nowait(payload(b"".join(self._burst)))
        except asyncio.QueueFull:
            self._loop.call_later(_FULL, self._flush)
        else:
            self._burst.clear()


def _why(channel: Channel) -> str:
    closing = channel.closing
    error = closing.exception() if closing.done() and not closing.cancelled() else None
    return str(error) or type(error).__name__ if error else "the channel was closed"
