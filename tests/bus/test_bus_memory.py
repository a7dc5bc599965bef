"""The in-process bus keeps the promises of every bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from libs.common.bus.memory import MemoryBus
from libs.common.bus.topology import Topology
from libs.common.service import Service
from tests.bus.contract import DELAYS, BusContract, BusMaker, world
from tests.bus.world import World, event_of, exempted, keys

__all__ = ["world"]


@dataclass
class _Memory:
    bus: MemoryBus

    async def inject(self, queue: str, body: bytes) -> None:
        await self.bus.inject(queue, body)

    async def remove_queue(self, queue: str) -> None:
        """Nothing consumes it: it is not there."""


@pytest.fixture
def make_bus() -> BusMaker:
    @asynccontextmanager
    async def make(service: Service) -> AsyncIterator[_Memory]:
        yield _Memory(MemoryBus(Topology.of([service]), delays=DELAYS))

    return make


class TestMemoryBus(BusContract):
    """All of the contract, in process."""

    async def test_it_confirms_only_what_is_committed_or_parked(self, make_bus: BusMaker, world: World) -> None:
        (key,) = keys(1)
        async with make_bus(world.service) as under:
            async with under.bus.consume(world.runtime):
                await under.bus.publish([exempted(key, 1)])
                assert await world.effects() == [(key, 1)]
            with pytest.raises(Exception, match="refused"):
                await under.bus.publish([exempted(key, 2)])

    async def test_a_bus_without_topology_serves_who_is_there(self, world: World) -> None:
        bus = MemoryBus()
        await bus.publish([exempted(keys(1)[0], 1)])
        async with bus.consume(world.runtime):
            (key,) = keys(1)
            await world.commit(event_of(key, 1))
            await world.relay(bus)
            assert await world.effects() == [(key, 1)]
