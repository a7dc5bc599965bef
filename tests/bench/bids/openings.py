"""Opening bids: all the work of the worker, against `cp` with fsync of the same stored files, in the same run.

Ours reads, authenticates and hashes every byte, and notes what was found; it writes no plaintext (docs/openings.md). Both
read from the page cache where it holds the files. The copy is made before and after; the mean of both is the baseline.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click

from libs.common.service import Service
from libs.common.testing.harness import Harness, harness
from services.bids import sealing
from services.bids.domain.states import BidState
from services.bids.sealing.manifest import SealedFile
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.seal import SealingPlan, seal_files
from services.bids.uploads import service, store
from services.bids.uploads.store import Upload
from tests.api.bids.bids_world import World, offer, world

_AT_ONCE = 3  # bids: two threads seal, one is being noted
TARGET = 0.7
"""Of the rate of the copy (issue 5)."""


async def run(*, short: bool) -> None:
    """Measure bytes a second by the clock, and our processor's time."""
    bids, size = (10, 8 << 20) if short else (100, 100 << 20)
    address = os.environ.get("HALLES_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    async with AsyncExitStack() as stack:

        def start(service: Service, **options: Any) -> Any:  # noqa: ANN401  # what gives a harness
            return stack.enter_async_context(harness(service, address, **options))

        w = await world(start, settings={"max_bid_bytes": 2**40})
        await _deposit_all(w, bids, size)
        _say(bids * size, await _measure(w), bids)


async def _deposit_all(w: World, bids: int, size: int) -> None:
    """Deposit so many bids of the same content, a few at once: no part of what is measured."""
    room, content = asyncio.Semaphore(_AT_ONCE), os.urandom(size)

    async def one(number: int) -> None:
        async with room:
            await _deposit(w, f"SIRET:55210025{number:06}", content)

    async with asyncio.TaskGroup() as group:
        for number in range(bids):
            group.create_task(one(number))


async def _deposit(w: World, company: str, content: bytes) -> None:
    """Deposit a bid whose file is sealed straight into the storage, and noted there as an upload does."""
    draft = await w.draft_all(company, [offer([content])])
    bid = UUID(draft["bid_id"])
    storage, key = w.h.runtime.settings.data_dir / "storage", f"bids/sealed/{bid}/1/{bid}"
    envelope = await asyncio.to_thread(_seal, w, bid, content, storage / key)
    await _received(w, (company, bid), envelope.files[0], key)
    await w.finish(company, str(bid), sealing.SealedBid((envelope,), ()))


def _seal(w: World, bid: UUID, content: bytes, path: Path) -> sealing.Envelope:
    keys = w.notice.opening
    assert keys is not None
    path.parent.mkdir(parents=True)
    plan = SealingPlan(EnvelopeName(w.procedure, bid, 1, keys.fingerprint), keys, "offer", ("LOT-0001",))
    with path.open("wb") as sink:
        return seal_files(plan, [("offre.pdf", "application/pdf", BytesIO(content))], [sink])


async def _received(w: World, whose: tuple[str, UUID], file: SealedFile, key: str) -> None:
    company, bid = whose
    async with w.h.runtime.uow() as uow:
        now = uow.now()
        upload = Upload(
            uuid4(), bid, file.number, "whole", file.size, file.size, 1, "", None, now, now, now, company, w.procedure,
            BidState.DRAFT, "bidder",
        )  # fmt: skip
        await store.add(uow.conn, upload)
        await uow.conn.execute("UPDATE upload SET received = length, completed_at = $2 WHERE id = $1", upload.id, now)
        await store.add_parts(uow.conn, upload.id, [store.Part(1, 1, file.size, file.size, file.sha256, key)])
        await service.file_received(uow, upload)


async def _measure(w: World) -> tuple[float, float, float]:
    """Give the seconds of ours, our seconds of processor, and the seconds of the copy."""
    await w.h.settle()  # hashes of what was received, receipts: no work of the opening
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    for officer in w.officers[:2]:
        await w.present(opening, officer)
    before = await asyncio.to_thread(_copy, w.h)
    began, spent = time.monotonic(), time.process_time()
    completed = await w.complete(opening)
    ours, processor = time.monotonic() - began, time.process_time() - spent
    if len(completed["report"]["opened"]) != len(completed["report"]["opened"] + completed["report"]["unreadable"]):
        raise click.ClickException("not all bids were opened")
    return ours, processor, (before + await asyncio.to_thread(_copy, w.h)) / 2


def _copy(h: Harness) -> float:
    """Copy all that is sealed, as `cp` does, and have it durable; give the seconds."""
    source, target = h.runtime.settings.data_dir / "storage" / "bids" / "sealed", h.runtime.settings.data_dir / "copy"
    began = time.monotonic()
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)
    for each in target.rglob("*"):
        _sync(each)
    seconds = time.monotonic() - began
    shutil.rmtree(target)
    return seconds


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _say(total: int, seconds: tuple[float, float, float], bids: int) -> None:
    ours, processor, copy = seconds
    rate, baseline = total / ours / 2**20, total / copy / 2**20
    click.echo(json.dumps({
        "what": f"opening {bids} bids, against cp with fsync of the same files", "unit": "MiB/s", "ours": round(rate, 1),
        "baseline": round(baseline, 1), "ratio": round(rate / baseline, 2), "target": TARGET, "met": rate / baseline >= TARGET,
        "mib_per_cpu_second": round(total / processor / 2**20, 1), "load": [round(each, 1) for each in os.getloadavg()],
    }))  # fmt: skip
