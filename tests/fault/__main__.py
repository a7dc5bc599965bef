"""`python -m tests.fault`: the long form. Progress in lines; the last line is one JSON object with the counts."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import click
import pytest

from tests.fault.storm import TROUBLES, Outcome, Plan, weather
from tests.fault.world import clean_environment, world


@click.command()
@click.option("--events", default=100_000, show_default=True)
@click.option("--kills", default=200, show_default=True)
@click.option("--minutes", default=20.0, show_default=True, help="Bound of the storm; 10 more to settle.")
@click.option("--rate", default=45.0, show_default=True, help="Transactions a second of each of two writers.")
@click.option("--seed", default=None, type=int, help="Another storm; the seed of each is told.")
def main(events: int, kills: int, minutes: float, rate: float, seed: int | None) -> None:
    """Storm over two small services on private servers, and judge what came of it; exit 1 when a promise was broken."""
    seed = time.time_ns() % 2**32 if seed is None else seed
    folder = Path(mkdtemp(prefix="halles-fault-"))
    click.echo(f"seed {seed}, logs in {folder}")
    plan = Plan(
        events, kills, minutes * 60, 600, tuple(TROUBLES), trouble_every=(8.0, 25.0), rate=rate, keys=500
    )  # fmt: skip
    clean_environment(pytest.MonkeyPatch())
    for name in ("aiormq", "aio_pika"):  # a broker that is away is what we do here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    outcome = asyncio.run(_run(folder, seed, plan))
    for line in [
        *outcome.broken[:50],
        *map(str, outcome.troubles),
        *([f"missing: {outcome.missing}"] * bool(outcome.missing)),
    ]:
        click.echo(line)
    reached = outcome.counts["committed"] >= events and outcome.counts["kills"] >= kills
    kept = outcome.kept
    click.echo(json.dumps({"fault": "storm", "seed": seed, "kept": kept, "reached": reached} | outcome.counts))
    sys.exit(0 if kept and reached else 1)


async def _run(folder: Path, seed: int, plan: Plan) -> Outcome:
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.0f} s  {line}")

    async with world(folder, seed) as found:
        tell("servers are up")
        return await weather(found, plan, tell)


if __name__ == "__main__":
    main()
