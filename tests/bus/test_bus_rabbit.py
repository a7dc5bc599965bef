"""The bus on RabbitMQ keeps the promises of every bus, and survives what happens to connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import pytest

from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import Topology
from libs.common.service import Service
from tests.bus.contract import DELAYS, BusContract, BusMaker, world

__all__ = ["world"]


@dataclass
class _Rabbit:
    bus: RabbitBus
    url: str

    async def inject(self, queue: str, body: bytes) -> None:
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            await channel.default_exchange.publish(aio_pika.Message(body), queue)

    async def remove_queue(self, queue: str) -> None:
        await self.bus.connect()
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            await channel.queue_delete(queue)


@pytest.fixture
async def make_bus(amqp_url: str) -> AsyncIterator[BusMaker]:
    made: set[str] = set()

    @asynccontextmanager
    async def make(service: Service) -> AsyncIterator[_Rabbit]:
        made.update(queue.name for queue in Topology.of([service]).queues)
        bus = RabbitBus(amqp_url, topology=Topology.of([service]), delays=DELAYS, name="test")
        try:
            yield _Rabbit(bus, amqp_url)
        finally:
            await bus.close()

    yield make
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        for queue in made:
            await channel.queue_delete(queue)


class TestRabbitBus(BusContract):
    """All of the contract, through a real broker."""
