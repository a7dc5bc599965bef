"""Chaos: processes killed, servers restarted, connections cut and slowed, the broker alarmed or made to refuse."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.fault.ground import Ground
from tests.fault.network import Network


@dataclass(frozen=True)
class Rage:
    """How hard."""

    kills: int
    troubles: tuple[str, ...]
    """In turn, each at least once; then by chance."""
    trouble_every: tuple[float, float]
    kill_every: tuple[float, float] = (1.0, 3.0)
    kill_later: tuple[float, float] = (3.0, 9.0)
    """Seconds between two kills, until there were more than enough, and after: the work must also get done."""


class Chaos:
    """What is done to a ground while it rages."""

    def __init__(self, ground: Ground, rage: Rage) -> None:
        self._ground = ground
        self._rage = rage
        self._waiting = list(rage.troubles)
        self._over = asyncio.Event()
        self.done: Counter[str] = Counter()

    @property
    def is_enough(self) -> bool:
        """True when there were all the kills, and each trouble."""
        return self._ground.fleet.kills >= self._rage.kills and not self._waiting

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        """Kill and trouble for as long as the block lasts; what is begun is ended. A trouble that fails ends the block."""
        async with asyncio.TaskGroup() as group:
            for step in (self._kill, self._trouble):
                group.create_task(step())
            try:
                yield
            finally:
                self._over.set()

    async def _kill(self) -> None:
        rage, fleet = self._rage, self._ground.fleet
        while not await self._pause(rage.kill_every if fleet.kills < rage.kills * 1.25 else rage.kill_later):
            fleet.kill_one()

    async def _trouble(self) -> None:
        while not await self._pause(self._rage.trouble_every):
            name = self._waiting[0] if self._waiting else self._ground.chance.choice(self._rage.troubles)
            await TROUBLES[name](self._ground)
            self.done[name] += 1
            self._waiting = self._waiting[1:]

    async def _pause(self, between: tuple[float, float]) -> bool:
        """Wait a while; True when it is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._ground.chance.uniform(*between)):
                await self._over.wait()
        return self._over.is_set()


async def _restart_broker(ground: Ground) -> None:
    await ground.broker.restart(signal.SIGTERM)


async def _kill_broker(ground: Ground) -> None:
    await ground.broker.restart(signal.SIGKILL)


async def _restart_database(ground: Ground) -> None:
    ground.fleet.note("database restart")
    await ground.database.restart(signal.SIGINT)
    ground.fleet.note("database restart")


async def _crash_database(ground: Ground) -> None:
    """Like pg_ctl stop -m immediate: no checkpoint, recovery at the start."""
    ground.fleet.note("database crash")
    await ground.database.restart(signal.SIGQUIT)
    ground.fleet.note("database crash")


async def _cut_database(ground: Ground) -> None:
    ground.fleet.note("database cut")
    ground.database_network.cut()


async def _cut_broker(ground: Ground) -> None:
    ground.broker_network.cut()


async def _slow_database(ground: Ground) -> None:
    ground.fleet.note("database slow")
    await _slow(ground.database_network, 0.05)


async def _slow_broker(ground: Ground) -> None:
    await _slow(ground.broker_network, 0.2)


async def _slow(network: Network, seconds: float) -> None:
    network.delay = seconds
    await asyncio.sleep(3)
    network.delay = 0.0


@asynccontextmanager
async def memory_alarm(ground: Ground) -> AsyncIterator[None]:
    """Have the broker say that it lacks memory: publishers are blocked."""
    await ground.broker.control("set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        await ground.broker.control("set_vm_memory_high_watermark", "0.6")


@asynccontextmanager
async def disk_alarm(ground: Ground) -> AsyncIterator[None]:
    """Have the broker say that its disk is full: publishers are blocked."""
    await ground.broker.control("set_disk_free_limit", "1000000GB")
    try:
        yield
    finally:
        await ground.broker.control("set_disk_free_limit", "50MB")


@asynccontextmanager
async def full(ground: Ground, queue: str) -> AsyncIterator[None]:
    """Let a queue take next to nothing more than it has, and refuse the rest."""
    limit = {"max-length": 1, "overflow": "reject-publish"}
    policy = {"pattern": f"^{re.escape(queue)}$", "definition": limit, "apply-to": "queues", "priority": 99}
    await ground.broker.ask("PUT", "policies/%2F/full", policy)
    try:
        yield
    finally:
        await ground.broker.ask("DELETE", "policies/%2F/full")


@asynccontextmanager
async def refusal(ground: Ground) -> AsyncIterator[None]:
    """Forbid our user to publish."""
    await permit(ground, write="^$")
    try:
        yield
    finally:
        await permit(ground, write=".*")


async def permit(ground: Ground, *, write: str) -> None:
    """Say where our user may publish."""
    await ground.broker.ask("PUT", "permissions/%2F/guest", {"configure": ".*", "write": write, "read": ".*"})


async def _memory(ground: Ground) -> None:
    async with memory_alarm(ground):
        await asyncio.sleep(3)


async def _disk(ground: Ground) -> None:
    async with disk_alarm(ground):
        await asyncio.sleep(3)


async def _refuse(ground: Ground) -> None:
    async with refusal(ground):
        await asyncio.sleep(3)


TROUBLES: dict[str, Callable[[Ground], Awaitable[None]]] = {
    "broker restarted": _restart_broker,
    "broker killed": _kill_broker,
    "database restarted": _restart_database,
    "database crashed": _crash_database,
    "broker cut": _cut_broker,
    "database cut": _cut_database,
    "broker slow": _slow_broker,
    "database slow": _slow_database,
    "memory alarm": _memory,
    "disk alarm": _disk,
    "permission refused": _refuse,
}
