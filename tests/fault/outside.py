"""What is outside the small services: the receiver of their effects, and one who delivers copies."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aiohttp import web

from libs.common.bus.rabbit.link import BROKER_AWAY
from libs.common.bus.topology import EVENTS, Topology
from tests.fault.model import Sent

COPIES = "chaos.copies"
_COPIED = 0.1  # share of the events that are delivered again
_HELD_BACK = 40  # messages that are shuffled together


@dataclass
class Sink:
    """A receiver that keeps the identity of all it was told."""

    received: list[Sent] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Sink]:
        app = web.Application()
        app.router.add_post("/", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.received.append(Sent(told["mark"], told["identity"], told["pid"], time.monotonic()))
        return web.Response()


@dataclass
class Copier:
    """Delivers events again, much later and in any order; shuffles first deliveries where order is no promise."""

    url: str
    chance: random.Random
    topology: Topology
    free: str | None = None
    """The queue whose first deliveries are shuffled: order is no promise of it."""
    copied: int = 0
    shuffled: int = 0
    over: bool = False

    @asynccontextmanager
    async def copying(self) -> AsyncIterator[None]:
        """Copy and shuffle for as long as the block lasts."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self.over = True  # a cancellation alone may end as a lost connection in aio-pika
            if not (await asyncio.wait([task], timeout=15))[0]:
                task.cancel()
                await asyncio.wait([task], timeout=10)

    async def run(self) -> None:
        """Copy and shuffle until it is over, on a new connection when the broker went away."""
        while not self.over:
            try:
                async with await aio_pika.connect(self.url, timeout=5) as connection:
                    await self._work(connection)
            except BROKER_AWAY:
                await asyncio.sleep(1)

    async def _work(self, connection: aio_pika.abc.AbstractConnection) -> None:
        channel = await connection.channel()
        copies = await channel.declare_queue(COPIES, durable=True, arguments={"x-queue-type": "quorum"})
        await copies.bind(EVENTS, "#")
        free = await channel.get_queue(self.free, ensure=True) if self.free else None
        while not self.over:
            await self._deliver_again(channel, copies)
            if free:
                await self._shuffle(channel, free)
            await asyncio.sleep(1)

    async def _deliver_again(self, channel: aio_pika.abc.AbstractChannel, copies: AbstractQueue) -> None:
        taken = [message for message in await _take(copies, 500) if self.chance.random() < _COPIED]
        self.chance.shuffle(taken)
        for message in taken:
            queue = self.chance.choice(self.topology.queues_for(message.routing_key or "")).name
            for _ in range(self.chance.randint(1, 3)):
                await _put(channel, queue, message)
                self.copied += 1

    async def _shuffle(self, channel: aio_pika.abc.AbstractChannel, free: AbstractQueue) -> None:
        held = await _take(free, _HELD_BACK, ack=False)
        self.chance.shuffle(held)
        for message in held:
            await _put(channel, free.name, message)
            await message.ack()
            self.shuffled += 1


async def _take(queue: AbstractQueue, most: int, *, ack: bool = True) -> list[AbstractIncomingMessage]:
    found: list[AbstractIncomingMessage] = []
    while len(found) < most and (message := await queue.get(no_ack=ack, fail=False)):
        found.append(message)
    return found


async def _put(channel: aio_pika.abc.AbstractChannel, queue: str, message: AbstractIncomingMessage) -> None:
    again = aio_pika.Message(message.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(again, queue, timeout=10)
