"""Sealing alone, a file to a file, against age (pyrage, the Rust implementation) on the same file."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from uuid import uuid4

import click

from services.bids import sealing
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.onfly import Order, seal_segment
from services.bids.sealing.onfly_sources import Piped
from services.bids.uploads.receiving import CUT
from tests.bench.bids.uploading import file_of

_ROUNDS = 3


async def run(*, short: bool) -> None:
    """Measure CPU time, both in this process, and both with the whole file in the page cache."""
    import pyrage  # type: ignore[import-untyped]  # its absence must not hide the other measures

    size = (64 if short else 512) << 20
    async with file_of(size) as path:
        recipient = pyrage.x25519.Identity.generate().to_public()
        ours = max(_rate(size, lambda: _seal(path)) for _ in range(_ROUNDS))
        target = str(path.with_suffix(".age"))
        age = max(_rate(size, lambda: pyrage.encrypt_file(str(path), target, [recipient])) for _ in range(_ROUNDS))
    load = [round(each, 1) for each in os.getloadavg()]
    click.echo(json.dumps({"what": "sealing alone, against age", "unit": "MiB per CPU second", "ours": round(ours, 1),
                           "baseline": round(age, 1), "ratio": round(ours / age, 2), "load": load}))  # fmt: skip
    await asyncio.sleep(0)


def _rate(size: int, act: object) -> float:
    began = time.process_time()
    act()  # type: ignore[operator]
    return size / (time.process_time() - began) / 2**20


def _seal(path: Path) -> None:
    """Seal a file as uploads are: a segment each 64 MiB, to three officers of whom two are enough."""
    keys = sealing.key_set(2, [sealing.generate(f"officier-{number}").public for number in (1, 2, 3)])
    name = EnvelopeName(uuid4(), uuid4(), 1, keys.fingerprint)
    with path.open("rb", buffering=0) as source, path.with_suffix(".sealed").open("wb", buffering=0) as sink:
        for segment in range(1, 2 + (path.stat().st_size - 1) // CUT):
            seal_segment(Order(name.segment(1, segment), keys), Piped(source, CUT), sink.fileno())
