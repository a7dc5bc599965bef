"""Relay and consumer, and the bare aio-pika publisher and consumer they are held against."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from libs.common.bus import numberer, publisher
from libs.common.bus.port import Outgoing
from libs.common.bus.topology import EVENTS
from tests.bench.backbone.place import Place
from tests.bench.backbone.shop import QUEUE

__all__ = ["bare_consumer", "bare_publishers", "consumer", "relay"]

_TYPE = "legality.act.exempted.v1"
_WINDOW = 256
_PREFETCH = 300


async def relay(place: Place, count: int) -> float:
    """Give events a second from the outbox to the broker: numbered, confirmed, marked."""
    await place.fill(count)
    stop = asyncio.Event()
    began = time.perf_counter()
    tasks = [
        asyncio.create_task(numberer.run(place.runtime, stop)),
        asyncio.create_task(publisher.run(place.runtime, place.bus, stop)),
    ]
    await place.until(place.published, True)
    rate = count / (time.perf_counter() - began)
    stop.set()
    await asyncio.gather(*tasks)
    await place.purge()
    return rate


async def consumer(place: Place, bodies: list[bytes]) -> float:
    """Give messages a second through the inbox, one row written for each, exactly once."""
    await place.empty("inbox")
    await place.empty("effect")
    await _publish(place, bodies)
    began = time.perf_counter()
    async with place.bus.consume(place.runtime):
        await place.until(lambda: place.value("SELECT count(*) FROM effect"), len(bodies))
        rate = len(bodies) / (time.perf_counter() - began)
    if await place.value("SELECT count(*) FROM inbox") != len(bodies):
        raise AssertionError("the inbox does not say what was done")
    return rate


async def bare_consumer(place: Place, bodies: list[bytes]) -> float:
    """Give messages a second to an aio-pika consumer that only acknowledges."""
    await _publish(place, bodies)
    got, done = 0, asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        nonlocal got
        await message.ack()
        got += 1
        if got == len(bodies):
            done.set()

    began = time.perf_counter()
    async with await aio_pika.connect(place.servers.amqp) as connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=_PREFETCH)
        await (await channel.get_queue(QUEUE, ensure=False)).consume(take)
        await done.wait()
        return len(bodies) / (time.perf_counter() - began)


async def _publish(place: Place, bodies: list[bytes]) -> None:
    """Have the messages wait in the queue, and nothing else."""
    await place.purge()
    wake, waiting = asyncio.Event(), 0
    rest = iter(bodies)
    async with place.bus.stream(wake.set) as stream:
        while True:
            for body in islice(rest, 1000 - waiting):
                stream.send(Outgoing(uuid4(), _TYPE, body))
                waiting += 1
            if not waiting:
                return
            await wake.wait()
            wake.clear()
            waiting -= len(stream.settled())


async def _in_windows(exchange: AbstractExchange, count: int) -> None:
    for start in range(0, count, _WINDOW):
        await asyncio.gather(*(_send(exchange) for _ in range(min(_WINDOW, count - start))))


async def _sliding(exchange: AbstractExchange, count: int) -> None:
    room = asyncio.Semaphore(_WINDOW)

    async def send() -> None:
        try:
            await _send(exchange)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            await room.acquire()
            group.create_task(send())


async def _send(exchange: AbstractExchange) -> None:
    message = aio_pika.Message(b"x" * 1024, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=uuid4().hex)
    await exchange.publish(message, _TYPE, mandatory=True)


BarePublisher = Callable[[Place, int], Awaitable[float]]


def bare_publishers() -> list[BarePublisher]:
    """Give the bare aio-pika publishers: nothing else to do, a window of 256 confirms, in two forms."""

    def timed(publish: Callable[[AbstractExchange, int], Awaitable[None]]) -> BarePublisher:
        async def run(place: Place, count: int) -> float:
            async with await aio_pika.connect(place.servers.amqp) as connection:
                channel = await connection.channel(on_return_raises=True)
                exchange = await channel.get_exchange(EVENTS, ensure=False)
                began = time.perf_counter()
                await publish(exchange, count)
                rate = count / (time.perf_counter() - began)
            await place.purge()
            return rate

        return run

    return [timed(_in_windows), timed(_sliding)]
