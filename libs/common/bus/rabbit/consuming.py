"""The consumers of one service on RabbitMQ: always there, whatever happens to the connection.

Lanes outlive connections: a message in hand when the connection is lost is finished, and its second delivery, on the
next connection, waits behind it in the same lane and finds it in the inbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aio_pika.abc import AbstractConnection

from libs.common.bus import metrics
from libs.common.bus.delivery import Failure, QueueDelivery, queues_of
from libs.common.bus.inbox import Taken
from libs.common.bus.lanes import Lanes
from libs.common.bus.rabbit.frames import Delivered, DeliveryChannel, open_deliveries
from libs.common.bus.rabbit.link import BROKER_AWAY, Link, guarded
from libs.common.bus.sweeper import sweeping
from libs.common.bus.topology import Topology

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["Consuming"]

_GRACE = 60.0  # seconds after which a retry that the broker did not bring back is taken from SQL
_PREFETCH_PER_LANE = 4
_PREFETCH = 300  # at most; more is of no use
_READY_SECONDS = 10.0  # to wait for the broker at the start; then the rest of the process starts without it
WATCH_SECONDS = 30.0  # between two looks at the queues: a broker may forget a consumer without a word
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between two attempts to connect

Retry = Callable[[str, str, bytes, int], Awaitable[None]]
_Item = tuple[Taken, DeliveryChannel | None, int]
"""What came, the channel that waits for its answer if any, and its tag there."""
_log = structlog.get_logger(__name__)


class _Queue:
    """One queue: its lanes, and what of it is in hand."""

    def __init__(self, delivery: QueueDelivery, service: str, retry: Retry) -> None:
        self.name = delivery.queue
        self.delivery = delivery
        self.prefetch = max(delivery.lanes * _PREFETCH_PER_LANE, min(_PREFETCH, delivery.lanes * delivery.batch))
        self.last_delivery = time.monotonic()
        self._service = service
        self._retry = retry
        self._lanes: Lanes[_Item] = Lanes(delivery.lanes, self._work, delivery.batch)
        self.in_hand = 0
        self._closing = False

    def on_delivery(self, message: Delivered) -> None:
        self.last_delivery = time.monotonic()
        if self._closing:
            return
        self._submit(self.delivery.take(message.body, redelivered=message.redelivered), message.channel, message.tag)

    def again(self, body: bytes) -> None:
        self._submit(self.delivery.take(body), None, 0)

    async def close(self) -> None:
        """Finish what is in hand. The rest goes back when the channel closes, all at once and in its order.

        Neither cancelled nor handed back one by one: on a single-active queue either would let the next consumer begin
        with later messages of a key before the earlier ones are back.
        """
        self._closing = True
        self.delivery.stop()
        await self._lanes.close()

    def _submit(self, taken: Taken, channel: DeliveryChannel | None, tag: int) -> None:
        self.in_hand += 1
        self._lanes.submit(taken.key, (taken, channel, tag))

    async def _work(self, items: list[_Item]) -> None:
        try:
            # what was lost comes again on the next connection, in its place
            live = [item for item in items if item[1] is None or not item[1].is_closed]
            unsafe = {id(taken) for taken in await self.delivery.receive_all([item[0] for item in live], self._timer)}
            if unsafe and not self._closing:
                await asyncio.sleep(1)
            for channel in {item[1] for item in live if item[1] is not None}:
                mine = [item for item in live if item[1] is channel]
                await _answer(channel, [channel.ack(tag) for taken, _, tag in mine if id(taken) not in unsafe])
                if not self._closing:
                    await _answer(channel, [channel.reject(tag) for taken, _, tag in mine if id(taken) in unsafe])
        finally:
            self.in_hand -= len(items)

    async def _timer(self, body: bytes, attempt: int) -> None:
        await self._retry(self._service, self.name, body, attempt)


async def _answer(channel: DeliveryChannel, answers: Sequence[bytes]) -> None:
    try:
        if answers:
            await guarded(channel.write(b"".join(answers)))
    except BROKER_AWAY as error:
        _log.info("answer_lost", error=type(error).__name__)


async def _never(_: object) -> None:
    """Stand for a callback: the channel hands deliveries on by itself."""


class Consuming:
    """All the consumers of a service."""

    def __init__(self, runtime: Runtime, link: Link, topology: Topology, delays: Sequence[float], retry: Retry) -> None:
        self._runtime = runtime
        self._service = runtime.service.name
        self._link = link
        self._single = {queue.name for queue in topology.queues if queue.single_active}
        self._queues = {
            name: _Queue(QueueDelivery(runtime, name, consumers, delays=delays), self._service, retry)
            for name, consumers in queues_of(runtime.service.consumers).items()
        }
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self.watch_seconds = WATCH_SECONDS
        self._channels: list[DeliveryChannel] = []
        self._parking: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consume until the block ends, then finish what is in hand."""
        if not self._queues:
            yield
            return
        task = asyncio.create_task(self._supervise())
        try:
            async with sweeping(self._runtime, self._bring_back, grace=_GRACE):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READY_SECONDS):
                        await self._ready.wait()
                yield
        finally:
            await self._stop(task)

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))
        await asyncio.gather(*self._parking, return_exceptions=True)
        await self._link.close()
        metrics.CONSUMER_UP.labels(self._service).set(0)

    def _bring_back(self, queue: str, body: bytes) -> None:
        self._queues[queue].again(body)

    async def _supervise(self) -> None:
        """Connect, consume until the connection is lost or silent, again."""
        failures = 0
        while True:
            try:
                await guarded(self._begin(await self._link.connection()))
                failures = 0
                await guarded(self._watch())
                _log.warning("consumers_lost", service=self._service)
            except BROKER_AWAY as error:
                if failures == 0:
                    _log.warning("broker_away", service=self._service, error=str(error) or type(error).__name__)
            metrics.CONSUMER_UP.labels(self._service).set(0)
            metrics.RECONNECTIONS.labels(self._service).inc()
            await self._link.close()
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
            failures += 1

    async def _begin(self, connection: AbstractConnection) -> None:
        """Consume every queue, each on its own channel. Strong references are kept: a collected channel is silent."""
        self._lost.clear()
        self._channels = []
        connection.close_callbacks.add(self._on_lost)
        for queue in self._queues.values():
            await self._consume(connection, queue.name, queue.prefetch, queue.on_delivery)
        await self._consume(connection, f"{self._service}.dead", 1, self._on_dead)
        metrics.CONSUMER_UP.labels(self._service).set(1)
        self._ready.set()

    async def _consume(
        self, connection: AbstractConnection, name: str, prefetch: int, on_delivery: Callable[[Delivered], None]
    ) -> None:
        channel = await open_deliveries(connection, prefetch, on_delivery)
        channel.closing.add_done_callback(self._on_lost)
        channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        await channel.basic_consume(name, _never)
        self._channels.append(channel)

    def _on_dead(self, message: Delivered) -> None:
        self._parking.add(task := asyncio.create_task(self._park_dead(message)))
        task.add_done_callback(self._parking.discard)

    async def _park_dead(self, message: Delivered) -> None:
        """Park what the broker gave up: its consumers died of it, again and again."""
        name = message.routing_key
        queue = self._queues.get(name) or next(iter(self._queues.values()))
        await queue.delivery.park(message.body, Failure("delivery-limit", f"given up by the broker on {name}"))
        await _answer(message.channel, [message.channel.ack(message.tag)])

    def _on_lost(self, *_: object) -> None:
        self._lost.set()

    async def _on_cancel(self, *_: object) -> None:
        self._lost.set()

    async def _watch(self) -> None:
        """Return when the connection is lost, or when the broker no more brings what is there."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(self.watch_seconds):
                    await self._lost.wait()
            except TimeoutError:
                if await self._silent():
                    return

    async def _silent(self) -> bool:
        """Tell if a queue has no consumer, or has messages that are not brought to us."""
        connection = await self._link.connection()
        async with connection.channel() as channel:
            for queue in self._queues.values():
                state = (await channel.declare_queue(queue.name, passive=True)).declaration_result
                idle = queue.in_hand == 0 and time.monotonic() - queue.last_delivery > self.watch_seconds
                starved = idle and bool(state.message_count) and queue.name not in self._single
                if starved or not state.consumer_count:
                    _log.error("queue_silent", queue=queue.name, ready=state.message_count)
                    return True
        return False
