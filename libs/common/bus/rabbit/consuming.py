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
from aiormq.exceptions import ChannelNotFoundEntity

from libs.common.bus import metrics
from libs.common.bus.delivery import Failure, QueueDelivery, queues_of
from libs.common.bus.inbox import Taken
from libs.common.bus.lanes import Lanes
from libs.common.bus.queues import handled_before
from libs.common.bus.rabbit.frames import Delivered, DeliveryChannel, open_deliveries
from libs.common.bus.rabbit.link import BROKER_AWAY, Link, guarded
from libs.common.bus.sweeper import sweeping
from libs.common.bus.topology import Topology
from libs.common.db import DATABASE_AWAY
from libs.common.stop import cancel

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["LOST_SECONDS", "WATCH_SECONDS", "Consuming"]

_GRACE = 60.0  # seconds after which a retry that the broker did not bring back is taken from SQL
_PREFETCH_PER_LANE = 4
_PREFETCH = 300  # at most; more is of no use
_READY_SECONDS = 10.0  # to wait for the broker at the start; then the rest of the process starts without it
WATCH_SECONDS = 30.0  # between two looks at the queues: a broker may forget a consumer without a word
LOST_SECONDS = 7.0
"""Before a queue that was consumed is made again, where we may: every relay must see that it is gone, also one whose
connection was lost too (5 s between two attempts, 1 s between two looks). Then they publish again what it lost."""
_REST_SECONDS = 120.0
"""In a pause: then what is in hand goes back to the broker, which else takes it back itself after its consumer timeout
(5 to 30 min), again and again, and counts each time as a delivery that failed."""
_ABSENT_SECONDS = 1.0  # between two looks for queues that are absent
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
        self.active = False
        """Whether anything was brought here since we stand in line."""
        self._passing: list[Delivered] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def on_delivery(self, message: Delivered) -> None:
        self.last_delivery = time.monotonic()
        if self._closing or message.channel.is_over:
            return
        self.active = True
        if message.queues and self.name not in message.queues.split(","):
            self._pass_by(message)
            return
        # by the queue's own name come retries of ours; all else by the type under which its sender was let in
        sent_as = None if message.routing_key == self.name else message.routing_key
        taken = self.delivery.take(message.body, redelivered=message.redelivered, sent_as=sent_as)
        self._submit(taken, message.channel, message.tag)

    @property
    def waiting(self) -> int:
        """How many messages were not begun."""
        return self._lanes.waiting

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
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _submit(self, taken: Taken, channel: DeliveryChannel | None, tag: int) -> None:
        self.in_hand += 1
        self._lanes.submit(taken.key, (taken, channel, tag))

    def _pass_by(self, message: Delivered) -> None:
        """Forget a copy that is for other queues: they lost it, we did not. Those of one turn of the loop together."""
        if not self._passing:
            self._tasks.add(task := asyncio.create_task(self._forget()))
            task.add_done_callback(self._tasks.discard)
        self._passing.append(message)

    async def _forget(self) -> None:
        passing, self._passing = self._passing, []
        metrics.DELIVERIES.labels(self._service, self.name, "for-others").inc(len(passing))
        for channel in {message.channel for message in passing}:
            await _answer(channel, [channel.ack(message.tag) for message in passing if message.channel is channel])

    async def _work(self, items: list[_Item]) -> None:
        try:
            # what was lost comes again on the next connection, in its place
            live = [item for item in items if item[1] is None or not item[1].is_over]
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
        if answers and not channel.is_over:
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
        self.watch_seconds, self.lost_seconds = WATCH_SECONDS, LOST_SECONDS
        self._resting: set[str] = set()
        self._absent: dict[str, float] = {}
        self._consumed: set[str] = set()
        self._channels: dict[str, DeliveryChannel] = {}
        self._parking: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consume until the block ends, then finish what is in hand."""
        if not self._queues:
            yield
            return
        task = asyncio.create_task(self._supervise())
        try:
            async with sweeping(self._runtime, self._bring_back, self._waiting, grace=_GRACE):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READY_SECONDS):
                        await self._ready.wait()
                yield
        finally:
            await self._stop(task)

    async def _stop(self, task: asyncio.Task[None]) -> None:
        await cancel(task)
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))
        await asyncio.gather(*self._parking, return_exceptions=True)
        await self._link.close()
        metrics.CONSUMER_UP.labels(self._service).set(0)

    def _bring_back(self, queue: str, body: bytes) -> None:
        self._queues[queue].again(body)

    def _waiting(self, queue: str) -> int:
        return self._queues[queue].waiting

    async def _supervise(self) -> None:
        """Connect, consume until the connection is lost or silent, again."""
        await self._remember()
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

    async def _remember(self) -> None:
        """Know the queues that an earlier process consumed: should one be gone now, that is a loss too."""
        try:
            async with self._runtime.read() as conn:
                known = await handled_before(conn, self._queues)
        except DATABASE_AWAY as error:
            _log.warning("queues_not_remembered", service=self._service, error=type(error).__name__)
            return
        self._link.expected |= known
        self._consumed |= known

    async def _begin(self, connection: AbstractConnection) -> None:
        """Consume every queue that is there, each on its own channel; what is absent is looked for again."""
        self._lost.clear()
        self._channels = {}
        connection.close_callbacks.add(self._on_lost)
        for name in (*self._queues, f"{self._service}.dead"):
            if name not in self._resting:
                await self._consume(connection, name)
        self._tell_up()
        self._ready.set()

    async def _consume(self, connection: AbstractConnection, name: str) -> None:
        """Consume a queue, or note that it is absent. Strong references are kept: a collected channel is silent."""
        queue = self._queues.get(name)
        prefetch, on_delivery = (queue.prefetch, queue.on_delivery) if queue else (1, self._on_dead)
        channel = await open_deliveries(connection, prefetch, on_delivery)
        channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        try:
            await channel.basic_consume(name, _never)
        except ChannelNotFoundEntity:
            self._miss(name)
            return
        channel.closing.add_done_callback(lambda _: self._on_closed(channel))
        self._channels[name] = channel
        self._consumed.add(name)
        self._absent.pop(name, None)

    def _miss(self, name: str) -> None:
        """Tell that a queue is gone; it is made again later, where we may, once publishers have seen it."""
        if name in self._absent:
            return
        was_there = name in self._consumed
        self._absent[name] = time.monotonic() + (self.lost_seconds if was_there else 0)
        if was_there:
            metrics.QUEUE_LOST.labels(self._service, name).inc()
            self._consumed.discard(name)
        _log.error("queue_lost" if was_there else "queue_missing", service=self._service, queue=name)

    async def _look_for_absent(self) -> None:
        """Consume those that are there by now; make those whose time has come."""
        connection = await self._link.connection()
        due = [name for name, moment in self._absent.items() if moment <= time.monotonic()]
        if due:
            await self._link.make(due)
            self._absent.update(dict.fromkeys(due, time.monotonic() + self.lost_seconds))
        for name in list(self._absent):
            await self._consume(connection, name)
        self._tell_up()

    def _tell_up(self) -> None:
        metrics.CONSUMER_UP.labels(self._service).set(0 if self._absent else 1)

    def _on_dead(self, message: Delivered) -> None:
        self._parking.add(task := asyncio.create_task(self._park_dead(message)))
        task.add_done_callback(self._parking.discard)

    async def _park_dead(self, message: Delivered) -> None:
        """Park what the broker gave up: its consumers died of it, again and again."""
        name = message.routing_key
        queue = self._queues.get(name) or next(iter(self._queues.values()))
        await queue.delivery.park(message.body, Failure("delivery-limit", f"given up by the broker on {name}"))
        await _answer(message.channel, [message.channel.ack(message.tag)])

    def _on_closed(self, channel: DeliveryChannel) -> None:
        if not channel.left:
            self._lost.set()

    def _on_lost(self, *_: object) -> None:
        self._lost.set()

    async def _on_cancel(self, *_: object) -> None:
        self._lost.set()

    async def _watch(self) -> None:
        """Return when the connection is lost, or when the broker no more brings what is there."""
        looked = time.monotonic()
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(_ABSENT_SECONDS if self._absent else self.watch_seconds):
                    await self._lost.wait()
            except TimeoutError:
                if self._absent:
                    await self._look_for_absent()
                if time.monotonic() - looked >= self.watch_seconds:
                    looked = time.monotonic()
                    await self._rest()
                    if await self._silent():
                        return
                    await self._share()

    async def _rest(self) -> None:
        """Consume nothing of a queue whose dependency is down for long; one message in hand goes on asking for it."""
        connection = await self._link.connection()
        for name, queue in self._queues.items():
            if name in self._resting and not queue.delivery.paused_for:
                self._resting.discard(name)
                await self._consume(connection, name)
            elif queue.delivery.paused_for > _REST_SECONDS and (channel := self._channels.pop(name, None)):
                self._resting.add(name)
                queue.active = False
                _log.warning("queue_rests", service=self._service, queue=name)
                await channel.leave()

    async def _share(self) -> None:
        """Leave to others what is more than our part of the queues that one process consumes at a time.

        The broker keeps the first consumer of each for as long as it lives: the process that started first would have
        them all. Behind the others in line, we stand by; what was in hand is brought to the next, as after a cut.
        """
        connection = await self._link.connection()
        async with connection.channel() as looking:
            # of the other queues the broker tells the consumer that is active only
            state = (await looking.declare_queue(f"{self._service}.dead", passive=True)).declaration_result
        processes = max(1, state.consumer_count or 0)
        mine = [name for name, queue in self._queues.items() if name in self._single and queue.active]
        part = -(-len(self._single & self._queues.keys()) // processes)
        for name in mine[part:]:
            if channel := self._channels.pop(name, None):
                _log.info("queue_left", service=self._service, queue=name, processes=processes)
                self._queues[name].active = False
                await channel.leave()
                await self._consume(connection, name)

    async def _silent(self) -> bool:
        """Tell if a queue has no consumer, or has messages that are not brought to us."""
        connection = await self._link.connection()
        async with connection.channel() as channel:
            for queue in self._queues.values():
                if queue.name in self._absent or queue.name in self._resting:
                    continue
                state = (await channel.declare_queue(queue.name, passive=True)).declaration_result
                idle = queue.in_hand == 0 and time.monotonic() - queue.last_delivery > self.watch_seconds
                starved = idle and bool(state.message_count) and queue.name not in self._single
                if starved or not state.consumer_count:
                    _log.error("queue_silent", queue=queue.name, ready=state.message_count)
                    return True
        return False
