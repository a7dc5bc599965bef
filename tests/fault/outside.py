"""What is outside the platform: the receiver of effects, the readers of the feed, and one who delivers copies."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aiohttp import web

from libs.common.bus.rabbit.link import BROKER_AWAY
from libs.common.bus.topology import EVENTS
from libs.common.messages.opendata import ContractDataPublishedV1
from tests.fault.model import Change, Sent

COPIES = "chaos.copies"
_COPIED = 0.1  # share of the events that are delivered again
_HELD_BACK = 40  # messages of the projection that are shuffled together


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
class Reader:
    """A partner that follows the public feed from the beginning, whatever happens to the API."""

    url: str
    chance: random.Random
    seen: list[Change] = field(default_factory=list)
    failures: int = 0
    """Requests without an answer."""
    refusals: list[str] = field(default_factory=list)
    """Answers that were errors."""

    async def follow(self) -> None:
        """Read for ever."""
        cursor: str | None = None
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client:
            while True:
                try:
                    page = await self._page(client, cursor)
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    self.failures += 1
                    await asyncio.sleep(0.3)
                    continue
                if page is None:
                    await asyncio.sleep(0.3)
                    continue
                self.seen += [_change(event) for event in page["events"]]
                cursor = page["next"]
                if not page["events"]:
                    await asyncio.sleep(0.5)

    async def _page(self, client: aiohttp.ClientSession, cursor: str | None) -> dict[str, Any] | None:
        query = {"limit": str(self.chance.randint(1, 500))} | ({"after": cursor} if cursor else {})
        async with client.get(self.url, params=query) as answer:
            if answer.status >= 500:  # the database may be away
                self.refusals.append(f"{answer.status} {await answer.text()}"[:300])
                return None
            answer.raise_for_status()
            page: dict[str, Any] = await answer.json()
            return page


def _change(event: dict[str, Any]) -> Change:
    """Give the change an event tells of; an event that is not public was never committed for a reader."""
    public = event["type"] == ContractDataPublishedV1.type
    mark = event["data"]["uid"] if public else f"{event['type']} {event['id']}"
    return Change(mark, UUID(event["subject"]), event["aggregateversion"])


@dataclass
class Copier:
    """Delivers events again, much later and in any order; shuffles first deliveries where order is no promise."""

    url: str
    chance: random.Random
    copied: int = 0
    shuffled: int = 0
    over: bool = False

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
        view = await channel.get_queue("alerts.view", ensure=True)
        while not self.over:
            await self._deliver_again(channel, copies)
            await self._shuffle(channel, view)
            await asyncio.sleep(1)

    async def _deliver_again(self, channel: aio_pika.abc.AbstractChannel, copies: AbstractQueue) -> None:
        taken = [message for message in await _take(copies, 500) if self.chance.random() < _COPIED]
        self.chance.shuffle(taken)
        for message in taken:
            public = message.routing_key == ContractDataPublishedV1.type
            queue = self.chance.choice(["alerts.effects", "alerts.view", *(["alerts.sends"] if public else [])])
            for _ in range(self.chance.randint(1, 3)):
                await _put(channel, queue, message)
                self.copied += 1

    async def _shuffle(self, channel: aio_pika.abc.AbstractChannel, view: AbstractQueue) -> None:
        held = await _take(view, _HELD_BACK, ack=False)
        self.chance.shuffle(held)
        for message in held:
            await _put(channel, "alerts.view", message)
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
