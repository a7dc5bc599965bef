"""The long storm over uploads: `make fault-uploads`. One JSON object at its end; exit code 1 when anything differs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import time

import click
import structlog

from tests.api.bids.uploads.api_process import api_processes
from tests.api.bids.uploads.uploads_world import open_world
from tests.fault.uploads.storm import Storm, Tally, machine

_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"


async def _run(interruptions: int, seed: int) -> Tally:
    from datetime import timedelta

    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    async with open_world(address, upload_expiry=timedelta(days=3650)) as w, api_processes(w, 2) as processes:
        storm = Storm(w, processes, random.Random(seed), Tally(interruptions))
        telling = asyncio.create_task(_tell(storm.tally))
        try:
            return await storm.run()
        finally:
            telling.cancel()


async def _tell(tally: Tally) -> None:
    while True:
        await asyncio.sleep(20)
        click.echo(f"# {sum(tally.done.values())} interruptions, {tally.files} files", file=sys.stderr)


@click.command(epilog="Example: python -m tests.fault.uploads --interruptions 1000 --seed 7")
@click.option("--interruptions", default=1000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(interruptions: int, seed: int) -> None:
    """Interrupt uploads at random, and compare what they end as with what was sent."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    began = time.monotonic()
    tally = asyncio.run(_run(interruptions, seed))
    told = vars(tally) | {"seconds": round(time.monotonic() - began), "load": machine(), "seed": seed}
    click.echo(json.dumps(told))
    sys.exit(1 if tally.differing or tally.false_receipts else 0)


if __name__ == "__main__":
    main()
