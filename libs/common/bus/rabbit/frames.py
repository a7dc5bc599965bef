"""Channels of aiormq without its price for each message.

aio-pika spends 170-230 microseconds of processor time on a confirmed publication and on a delivery: a task, several
futures and a flush for each. These channels keep aiormq's connection, reader and life, and hand on plain values:
15-45 microseconds were measured. See docs/adr/0017.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import aiormq
from aio_pika.abc import AbstractConnection
from aiormq.abc import ChannelFrame, DeliveredMessage
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

if TYPE_CHECKING:
    from aiormq.abc import ConfirmationFrameType

__all__ = [
    "QUEUES",
    "ConfirmChannel",
    "Delivered",
    "DeliveryChannel",
    "open_confirms",
    "open_deliveries",
    "open_plain",
    "payload",
]

QUEUES = "halles-queues"
"""Header: the names of the queues a copy is for, a comma between; none: for all that take it."""
_WRITE_SECONDS = 30.0  # a writer that takes nothing for so long is dead

C = TypeVar("C", bound=aiormq.Channel)

Answered = Callable[[int, bool, str | None], None]
"""Delivery tag, whether all before it are meant too, and why it was refused."""
Returned = Callable[[str], None]
"""The message id of a message that no queue took; its confirm follows."""


class ConfirmChannel(aiormq.Channel):
    """Publishes; tells of confirms as they come."""

    answered: Answered
    returned: Returned
    mandatory = True
    """Whether a message that no queue takes comes back."""

    def encode(self, exchange: str, routing_key: str, properties: commands.Basic.Properties, body: bytes) -> bytes:
        """Give the frames of one publication; the caller counts delivery tags, from 1."""
        method = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=self.mandatory)
        size = self.max_content_size
        parts = [marshal(method, self.number), marshal(ContentHeader(0, len(body), properties), self.number)]
        parts += [marshal(ContentBody(body[start : start + size]), self.number) for start in range(0, len(body), size)]
        return b"".join(parts)

    async def _on_confirm_frame(self, frame: ConfirmationFrameType) -> None:
        refused = None if isinstance(frame, commands.Basic.Ack) else "refused"
        self.answered(cast("int", frame.delivery_tag), bool(getattr(frame, "multiple", False)), refused)

    async def _on_return_frame(self, frame: commands.Basic.Return) -> None:
        message = await _content(self, frame)
        self.returned(str(message.header.properties.message_id))


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as it came."""

    body: bytes
    tag: int
    redelivered: bool
    routing_key: str
    channel: DeliveryChannel
    queues: str | None
    """The queues it is for, where it is not for all that took it."""


class DeliveryChannel(aiormq.Channel):
    """Consumes; hands each delivery on at once, in order, to a function that must not wait."""

    on_delivery: Callable[[Delivered], None]
    left = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be written to it: what is unanswered is brought to the next consumer."""
        return self.left or self.is_closed

    async def leave(self) -> None:
        """Close it; an answer written while it closes would be a fault of the whole connection."""
        self.left = True
        await self.close()

    async def _on_deliver_frame(self, frame: commands.Basic.Deliver) -> None:
        message = await _content(self, frame)
        self.on_delivery(
            Delivered(
                message.body,
                cast("int", frame.delivery_tag),
                bool(frame.redelivered),
                str(frame.routing_key or ""),
                self,
                cast("str | None", (message.header.properties.headers or {}).get(QUEUES)),
            )
        )

    def ack(self, tag: int) -> bytes:
        """Give the frame that forgets a message."""
        return marshal(commands.Basic.Ack(tag), self.number)

    def reject(self, tag: int) -> bytes:
        """Give the frame that has it brought again; it counts towards the delivery limit on every RabbitMQ."""
        return marshal(commands.Basic.Reject(tag, requeue=True), self.number)

    async def write(self, frames: bytes) -> None:
        """Write frames in one piece. Raises one of BROKER_AWAY."""
        if self.is_over:
            raise ConnectionResetError("the channel is closed")
        async with asyncio.timeout(_WRITE_SECONDS):
            await self.write_queue.put(payload(frames))


async def _content(channel: aiormq.Channel, frame: commands.Basic.Deliver | commands.Basic.Return) -> DeliveredMessage:
    header = cast("ContentHeader", await channel._get_frame())  # noqa: SLF001  # as aiormq's own reader does
    return await channel._read_content(frame, header)  # noqa: SLF001


async def open_confirms(
    connection: AbstractConnection, answered: Answered, returned: Returned, *, mandatory: bool = True
) -> ConfirmChannel:
    """Open a channel with confirms. Raises one of BROKER_AWAY."""
    channel = await _open(connection, ConfirmChannel, publisher_confirms=True)
    channel.answered, channel.returned, channel.mandatory = answered, returned, mandatory
    return channel


async def open_deliveries(
    connection: AbstractConnection, prefetch: int, on_delivery: Callable[[Delivered], None]
) -> DeliveryChannel:
    """Open a channel to consume on. Raises one of BROKER_AWAY."""
    channel = await _open(connection, DeliveryChannel, publisher_confirms=False)
    channel.on_delivery = on_delivery
    await channel.basic_qos(prefetch_count=prefetch)
    return channel


async def open_plain(connection: AbstractConnection) -> aiormq.Channel:
    """Open a channel to ask things on. Raises one of BROKER_AWAY."""
    return await _open(connection, aiormq.Channel, publisher_confirms=False)


async def _open(connection: AbstractConnection, kind: type[C], **options: Any) -> C:  # noqa: ANN401
    transport = connection.transport
    if transport is None:
        raise ConnectionResetError("the connection is closed")
    inner = transport.connection
    number = max(inner.channels, default=0) + 1  # as aiormq draws it, and without a pause: nobody else has it
    channel = kind(cast("aiormq.Connection", inner), number, frame_buffer=None, **options)
    inner.channels[number] = channel
    await channel.open()
    return channel


def payload(data: bytes) -> ChannelFrame:
    """Give bytes to write as they are."""
    return ChannelFrame(payload=data, should_close=False)
