"""Measures and prints: one JSON object a line; the load of the machine goes to stderr."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import click
import structlog

from tests.bench.backbone import latency, rates, volume
from tests.bench.backbone.place import Place, servers

FREE = 12 * 2**30
"""Bytes the long form may need below /var/tmp: the archive, the backlog and their write-ahead logs."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    pairs: int
    events: int
    latency: float
    """Seconds."""
    idle: float
    """Seconds."""
    archive: int
    backlog: int


LONG = Sizes(pairs=5, events=20_000, latency=30, idle=20, archive=10_000_000, backlog=1_000_000)
SHORT = Sizes(pairs=1, events=2_000, latency=3, idle=4, archive=50_000, backlog=5_000)


@click.command(epilog="Example: python -m tests.bench.backbone --short")
@click.option("--short", is_flag=True, help="Small sizes, to see that it works; its figures mean little.")
@click.option("--only", type=click.Choice(["1", "2", "3", "4", "5"]), help="One number alone.")
def main(*, short: bool, only: str | None) -> None:
    """Measure the message backbone."""
    if shutil.disk_usage("/var/tmp").free < (2**30 if short else FREE):  # noqa: S108  # where the servers write
        raise click.ClickException("less than 12 GiB free below /var/tmp: free some disk first")
    structlog.configure(  # the figures alone on stdout
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    asyncio.run(_measure(SHORT if short else LONG, only))


async def _measure(sizes: Sizes, only: str | None) -> None:
    parts = {"1": _relay, "2": _consumer, "3": _latency, "4": _archive, "5": _backlog}
    async with servers() as private:
        for number, part in parts.items():
            if only in {None, number}:
                began = time.monotonic()
                async with private.place() as place:
                    await part(place, sizes)
                load = " ".join(f"{value:.1f}" for value in os.getloadavg())
                click.echo(f"# {number}: {time.monotonic() - began:.0f} s, load {load}", file=sys.stderr)


async def _relay(place: Place, sizes: Sizes) -> None:
    await rates.relay(place, sizes.events // 4)
    tried = [(await bare(place, sizes.events // 4), bare) for bare in rates.bare_publishers()]
    fastest = max(tried, key=lambda pair: pair[0])[1]
    await _pairs(
        "1 relay: outbox to broker, 1 KiB, numbered, confirmed, marked",
        sizes,
        0.8,
        lambda: rates.relay(place, sizes.events),
        lambda: fastest(place, sizes.events),
    )


async def _consumer(place: Place, sizes: Sizes) -> None:
    await rates.relay(place, sizes.events)
    bodies = await place.bodies(sizes.events)
    await rates.consumer(place, bodies[: sizes.events // 4])
    await _pairs(
        "2 consumer: inbox and one row, exactly once",
        sizes,
        0.9,
        lambda: rates.consumer(place, bodies),
        lambda: rates.bare_consumer(place, bodies),
    )


async def _latency(place: Place, sizes: Sizes) -> None:
    median, high, _ = await latency.milliseconds(place, sizes.latency)
    _line("3 commit to effect at 200 events/s, p50", "ms", median, target=15.0)
    _line("3 commit to effect at 200 events/s, p99", "ms", high, target=60.0)
    _line(
        "3 idle cost of a service (api, worker, relay)",
        "% of a core",
        await latency.idle_percent(place, sizes.idle),
        target=2.0,
    )


async def _archive(place: Place, sizes: Sizes) -> None:
    async with place.servers.place() as small:
        await volume.grow(place, sizes.archive)
        for one in (small, place):
            await rates.relay(one, sizes.events)
        known = {id(one): await one.bodies(sizes.events) for one in (small, place)}
        await _pairs(
            f"4 relay with {sizes.archive:,} rows in the log, against an empty one",
            sizes,
            0.9,
            lambda: rates.relay(place, sizes.events),
            lambda: rates.relay(small, sizes.events),
        )
        await _pairs(
            f"4 consumer with {sizes.archive:,} rows in the log, against an empty one",
            sizes,
            0.9,
            lambda: rates.consumer(place, known[id(place)]),
            lambda: rates.consumer(small, known[id(small)]),
        )


async def _backlog(place: Place, sizes: Sizes) -> None:
    short, _ = await volume.drain(place, max(sizes.backlog // 20, 1000))
    rate, peaks = await volume.drain(place, sizes.backlog)
    _line(f"5 backlog of {sizes.backlog:,}: outbox to effect", "events/s", rate, baseline=short, target=0.9)
    for role, peak in peaks.items():
        _line(f"5 backlog of {sizes.backlog:,}: memory of the {role}", "MiB", peak, target=150.0)


async def _pairs(
    name: str, sizes: Sizes, target: float, ours: Callable[[], Awaitable[float]], bare: Callable[[], Awaitable[float]]
) -> None:
    """Measure both, one after the other, and print the medians; the ratio is the median of the pairs' ratios."""
    pairs = []
    for number in range(sizes.pairs):
        if number % 2:
            second = await bare()
            pairs.append((await ours(), second))
        else:
            pairs.append((await ours(), await bare()))
    ratio = statistics.median(one / other for one, other in pairs)
    first, second = (statistics.median(values) for values in zip(*pairs, strict=True))
    _line(name, "events/s", first, baseline=second, ratio=ratio, target=target)


def _line(
    name: str, unit: str, ours: float, *, target: float, baseline: float | None = None, ratio: float | None = None
) -> None:
    """Print a number: held to its ratio where there is a baseline, else to itself (less is better)."""
    if baseline is not None and ratio is None:
        ratio = ours / baseline
    met = ours <= target if ratio is None else ratio >= target
    line = {
        "name": name,
        "unit": unit,
        "ours": round(ours, 2),
        "baseline": None if baseline is None else round(baseline, 2),
        "ratio": None if ratio is None else round(ratio, 3),
        "target": target,
        "met": met,
    }
    click.echo(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
