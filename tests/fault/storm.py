"""The storm over the two small services: work goes on while there is chaos; then all settles and is judged."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fault.chaos import Chaos, Rage
from tests.fault.model import again_after, violations
from tests.fault.outside import COPIES
from tests.fault.world import World

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long and how hard."""

    rage: Rage
    events: int
    seconds: float
    """Bound of the storm itself; what is not reached then is said."""
    settle_seconds: float
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
    chaos = Chaos(world, plan.rage)
    async with world.copier.copying(), chaos.raging():
        await _watch(world, plan, chaos, tell)
    await world.fleet.stop("writer")
    stormed = time.monotonic() - began
    tell(f"storm over after {stormed:.0f} s, settling")
    await world.broker.ask("DELETE", f"queues/%2F/{COPIES}")  # bound to everything: nothing would be unroutable
    missing = await world.settled(plan.settle_seconds)
    await asyncio.sleep(2)  # a second effect would come now
    return await _judge(world, chaos, missing, {"storm_seconds": round(stormed), "began": began})


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
    world.read()


async def _watch(world: World, plan: Plan, chaos: Chaos, tell: Tell) -> None:
    """Return when there was enough of everything, or too late."""
    fleet, told, deadline = world.fleet, 0.0, time.monotonic() + plan.seconds
    while time.monotonic() < deadline:
        committed = await world.count("opendata", "SELECT count(*) FROM committed")
        effects = await world.count("alerts", "SELECT count(*) FROM effect")
        fleet.hold("writer", held=committed - effects > plan.backlog)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            tell(f"{committed} committed, {effects} effects, {fleet.kills} kills, {dict(chaos.done)}")
        if committed >= plan.events and any(slot.wanted for slot in fleet.slots if slot.name[:6] == "writer"):
            await fleet.stop("writer")
        if committed >= plan.events and chaos.is_enough:
            return
        await asyncio.sleep(1)


async def _judge(world: World, chaos: Chaos, missing: dict[str, int], times: dict[str, float]) -> Outcome:
    (every, public), seen, fleet = await world.truth(), await world.seen(), world.fleet
    broken = violations(every, public, seen)
    counts = {
        "committed": len(every),
        "public": len(public),
        "undone": len(seen.undone),
        "effects": len(seen.effects),
        "feed_readers": dict(Counter(reader.kind for reader in world.readers)),
        "read": sum(map(len, seen.feeds)),
        "sent": len({sent.identity for sent in seen.sent}),
        "sent_again": again_after(seen.sent, seen.faults),
        "kills": fleet.kills,
        "troubles": dict(chaos.done),
        "copies_delivered": world.copier.copied,
        "deliveries_shuffled": world.copier.shuffled,
        "ended_by_themselves": dict(fleet.ends),
        "feed_requests_dropped": sum(reader.dropped for reader in world.readers),
        "feed_requests_failed": sum(reader.failures + len(reader.refusals) for reader in world.readers),
        "violations": len(broken),
        "storm_seconds": times["storm_seconds"],
        "seconds": round(time.monotonic() - times["began"]),
    }
    return Outcome(counts, broken, missing, await world.troubles())
