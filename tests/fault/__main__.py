"""`python -m tests.fault`: the long form. Progress in lines; each storm ends in one JSON object with the counts."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click
import pytest

from tests.fault import outside_world, storm
from tests.fault.chaos import TROUBLES, Rage
from tests.fault.ground import clean_environment
from tests.fault.storm import Outcome, Tell
from tests.fault.world import world

SETTLE = 600.0  # seconds, at most


@dataclass(frozen=True)
class Told:
    """What came of a storm, and whether it was long enough."""

    outcome: Outcome
    reached: bool


@click.command()
@click.option("--events", default=100_000, show_default=True)
@click.option("--kills", default=200, show_default=True)
@click.option("--minutes", default=20.0, show_default=True, help="Bound of the storm; 10 more to settle.")
@click.option("--rate", default=45.0, show_default=True, help="Transactions a second of each of two writers.")
@click.option("--effects", default=4_000, show_default=True, help="Mails, calls and transmissions of the second storm.")
@click.option("--effects-minutes", default=6.0, show_default=True, help="Bound of the second storm; 10 more to settle.")
@click.option("--only", type=click.Choice(["storm", "outside"]), help="One of the two storms.")
@click.option("--seed", default=None, type=int, help="Another storm; the seed of each is told.")
def main(**options: Any) -> None:  # noqa: ANN401  # of several types
    """Storm over small services, then over real effects, on private servers; exit 1 when a promise was broken."""
    seed = options["seed"] if options["seed"] is not None else time.time_ns() % 2**32
    clean_environment(pytest.MonkeyPatch())
    for name in ("aiormq", "aio_pika", "mail.log"):  # what is away or cut is so because of us
        logging.getLogger(name).setLevel(logging.CRITICAL)
    storms: dict[str, Callable[[Path, Tell], Coroutine[Any, Any, Told]]] = {
        "storm": lambda folder, tell: _storm(folder, seed, tell, options),
        "outside": lambda folder, tell: _outside(folder, seed, tell, options),
    }
    kept = [_run(name, seed, each) for name, each in storms.items() if options["only"] in {None, name}]
    sys.exit(0 if all(kept) else 1)


def _run(name: str, seed: int, run: Callable[[Path, Tell], Coroutine[Any, Any, Told]]) -> bool:
    """Run a storm, tell what came of it, and say whether all was kept and reached."""
    folder, began = Path(mkdtemp(prefix=f"halles-fault-{name}-")), time.monotonic()
    click.echo(f"{name}: seed {seed}, logs in {folder}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    told = asyncio.run(run(folder, lambda line: click.echo(f"{time.monotonic() - began:6.0f} s  {line}")))
    outcome = told.outcome
    for line in [*outcome.broken[:50], *map(str, outcome.troubles)]:
        click.echo(line)
    if outcome.missing:
        click.echo(f"missing: {outcome.missing}")
    click.echo(
        json.dumps({"fault": name, "seed": seed, "kept": outcome.kept, "reached": told.reached} | outcome.counts)
    )
    return outcome.kept and told.reached


async def _storm(folder: Path, seed: int, tell: Tell, options: dict[str, Any]) -> Told:
    events, kills = options["events"], options["kills"]
    rage = Rage(kills, tuple(TROUBLES), trouble_every=(8.0, 25.0))
    plan = storm.Plan(rage, events, options["minutes"] * 60, settle_seconds=SETTLE, rate=options["rate"], keys=500)
    async with world(folder, seed) as found:
        tell("servers are up")
        outcome = await storm.weather(found, plan, tell)
    return Told(outcome, outcome.counts["committed"] >= events and outcome.counts["kills"] >= kills)


async def _outside(folder: Path, seed: int, tell: Tell, options: dict[str, Any]) -> Told:
    kills = options["kills"] // 2
    rage = Rage(kills, tuple(TROUBLES), trouble_every=(5.0, 15.0))
    plan = outside_world.Plan(
        rage, options["effects"], shots=kills // 2, seconds=options["effects_minutes"] * 60,
        settle_seconds=SETTLE, rate=10,
    )  # fmt: skip
    async with outside_world.outside_world(folder, seed) as found:
        tell("servers are up")
        outcome = await outside_world.weather_outside(found, plan, tell)
    counts = outcome.counts
    reached = sum(counts["asked"].values()) >= plan.effects and counts["kills"] >= kills
    return Told(outcome, reached and not counts["shots_not_fired"])


if __name__ == "__main__":
    main()
