"""The storm: processes killed, servers restarted, connections cut and slowed, deliveries copied, while work goes on."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fault.model import repeats, violations
from tests.fault.network import Network
from tests.fault.outside import COPIES
from tests.fault.world import World

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long and how hard."""

    events: int
    kills: int
    seconds: float
    """Bound of the storm itself; what is not reached then is said."""
    settle_seconds: float
    troubles: tuple[str, ...]
    """In turn, each at least once."""
    trouble_every: tuple[float, float]
    kill_every: tuple[float, float] = (1.0, 3.0)
    kill_later: tuple[float, float] = (3.0, 9.0)
    """Seconds between two kills, until there were more than enough, and after: the work must also get done."""
    keys: int = 200
    backlog: int = 10_000
    """Effects that may lag behind before the writers are held back: the storm must end with little left to do."""
    rate: float = 40
    """Transactions a second of each of the two writers."""


@dataclass
class Outcome:
    """What came of it."""

    counts: dict[str, Any]
    broken: list[str]
    missing: dict[str, int] = field(default_factory=dict)
    troubles: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """True when every promise was kept."""
        return not (self.broken or self.missing or self.troubles)


async def weather(world: World, plan: Plan, tell: Tell) -> Outcome:
    """Run the storm, let everything settle, and judge."""
    began = time.monotonic()
    await launch(world, plan)
    copying = asyncio.create_task(world.copier.run())
    storm = _Storm(world, plan, tell)
    try:
        await storm.run()
    finally:
        world.copier.over = True  # a cancellation alone may end as a lost connection in aio-pika
        if not (await asyncio.wait([copying], timeout=15))[0]:
            copying.cancel()
            await asyncio.wait([copying], timeout=10)
    await world.fleet.stop("writer")
    stormed = time.monotonic() - began
    tell(f"storm over after {stormed:.0f} s, settling")
    await world.broker.ask("DELETE", f"queues/%2F/{COPIES}")  # bound to everything: nothing would be unroutable
    missing = await world.settled(plan.settle_seconds)
    await asyncio.sleep(2)  # a second effect would come now
    return await _judge(world, storm, missing, {"storm_seconds": round(stormed), "began": began})


async def launch(world: World, plan: Plan) -> None:
    """Start the fleet and the readers."""
    start = world.fleet.start
    await start("api", "opendata", "api")
    for number in range(2):
        await start(f"relay{number}", "opendata", "relay", *world.health(f"relay{number}"))
        await start(f"worker{number}", "alerts", "worker", *world.health(f"worker{number}"))
    notes = ["--notes", str(world.notes), "--keys", str(plan.keys), "--rate", str(plan.rate)]
    for number in range(2):
        await start(f"writer{number}", "opendata", "write", *notes, "--seed", str(world.chance.randrange(2**32)))
    await world.read(3)


class _Storm:
    def __init__(self, world: World, plan: Plan, tell: Tell) -> None:
        self._world = world
        self._plan = plan
        self._tell = tell
        self._waiting = list(plan.troubles)
        self._deadline = time.monotonic() + plan.seconds
        self._over = asyncio.Event()
        self.done: Counter[str] = Counter()
        self.committed = 0

    async def run(self) -> None:
        """Storm until there was enough of everything, or for too long."""
        tasks = [asyncio.create_task(step()) for step in (self._kill, self._trouble)]
        try:
            await self._watch()
        finally:
            self._over.set()
            await asyncio.gather(*tasks)

    async def _watch(self) -> None:
        plan, fleet = self._plan, self._world.fleet
        told = 0.0
        while time.monotonic() < self._deadline:
            self.committed = await self._world.count("opendata", "SELECT count(*) FROM committed")
            effects = await self._world.count("alerts", "SELECT count(*) FROM effect")
            fleet.hold("writer", held=self.committed - effects > plan.backlog)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self._tell(f"{self.committed} committed, {effects} effects, {fleet.kills} kills, {dict(self.done)}")
            if self.committed >= plan.events and any(slot.wanted for slot in fleet.slots if slot.name[:6] == "writer"):
                await fleet.stop("writer")
            if self.committed >= plan.events and fleet.kills >= plan.kills and not self._waiting:
                return
            await asyncio.sleep(1)

    async def _kill(self) -> None:
        plan, fleet = self._plan, self._world.fleet
        while not await self._pause(plan.kill_every if fleet.kills < plan.kills * 1.25 else plan.kill_later):
            fleet.kill_one()

    async def _trouble(self) -> None:
        while not await self._pause(self._plan.trouble_every):
            name = self._waiting.pop(0) if self._waiting else self._world.chance.choice(self._plan.troubles)
            await TROUBLES[name](self._world)
            self.done[name] += 1

    async def _pause(self, between: tuple[float, float]) -> bool:
        """Wait a while; True when the storm is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._world.chance.uniform(*between)):
                await self._over.wait()
        return self._over.is_set()


async def _restart_broker(world: World) -> None:
    await world.broker.restart(signal.SIGTERM)


async def _kill_broker(world: World) -> None:
    await world.broker.restart(signal.SIGKILL)


async def _restart_database(world: World) -> None:
    world.fleet.note("database restart")
    await world.database.restart(signal.SIGINT)
    world.fleet.note("database restart")


async def _crash_database(world: World) -> None:
    """Like pg_ctl stop -m immediate: no checkpoint, recovery at the start."""
    world.fleet.note("database crash")
    await world.database.restart(signal.SIGQUIT)
    world.fleet.note("database crash")


async def _cut_database(world: World) -> None:
    world.fleet.note("database cut")
    world.database_network.cut()


async def _cut_broker(world: World) -> None:
    world.broker_network.cut()


async def _slow_database(world: World) -> None:
    world.fleet.note("database slow")
    await _slow(world.database_network, 0.05)


async def _slow_broker(world: World) -> None:
    await _slow(world.broker_network, 0.2)


async def _slow(network: Network, seconds: float) -> None:
    network.delay = seconds
    await asyncio.sleep(3)
    network.delay = 0.0


async def alarm(world: World, seconds: float = 3.0) -> None:
    """Raise the broker's memory alarm for a while: publishers are blocked."""
    await world.broker.control("set_vm_memory_high_watermark", "0")
    await asyncio.sleep(seconds)
    await world.broker.control("set_vm_memory_high_watermark", "0.6")


async def refuse(world: World, seconds: float = 3.0) -> None:
    """Forbid our user to publish for a while."""
    await permit(world, write="^$")
    await asyncio.sleep(seconds)
    await permit(world, write=".*")


async def permit(world: World, *, write: str) -> None:
    """Say where our user may publish."""
    await world.broker.ask("PUT", "permissions/%2F/guest", {"configure": ".*", "write": write, "read": ".*"})


TROUBLES: dict[str, Callable[[World], Awaitable[None]]] = {
    "broker restarted": _restart_broker,
    "broker killed": _kill_broker,
    "database restarted": _restart_database,
    "database crashed": _crash_database,
    "broker cut": _cut_broker,
    "database cut": _cut_database,
    "broker slow": _slow_broker,
    "database slow": _slow_database,
    "memory alarm": alarm,
    "permission refused": refuse,
}


async def _judge(world: World, storm: _Storm, missing: dict[str, int], times: dict[str, float]) -> Outcome:
    (every, public), seen, fleet = await world.truth(), await world.seen(), world.fleet
    broken = violations(every, public, seen)
    counts = {
        "committed": len(every),
        "public": len(public),
        "undone": len(seen.undone),
        "effects": len(seen.effects),
        "feed_readers": len(seen.feeds),
        "read": sum(map(len, seen.feeds)),
        "sent": len({sent.identity for sent in seen.sent}),
        "sent_again": len(repeats(seen.sent)),
        "kills": fleet.kills,
        "troubles": dict(storm.done),
        "copies_delivered": world.copier.copied,
        "deliveries_shuffled": world.copier.shuffled,
        "ended_by_themselves": dict(fleet.ends),
        "feed_requests_failed": sum(reader.failures + len(reader.refusals) for reader in world.readers),
        "violations": len(broken),
        "storm_seconds": times["storm_seconds"],
        "seconds": round(time.monotonic() - times["began"]),
    }
    return Outcome(counts, broken, missing, await world.troubles())
