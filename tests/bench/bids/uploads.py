"""Uploads sealed on the fly, against the same upload to @tus/server with its file store and no encryption."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import aiohttp
import click
from yarl import URL

from tests.bench.bids.uploading import Place, file_of, oracle, place, send, spent

_ROUNDS = 3
_AT_ONCE = 200


async def run(*, short: bool) -> None:
    """Measure one long upload, then two hundred at once."""
    size = (64 if short else 512) << 20
    async with place() as where, oracle() as other, file_of(size) as path:
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        for _ in range(_ROUNDS):
            ours.append(await _sent(where.api.family, path, size, *await where.upload(size)))
            if other is not None:
                family = partial(list[int], [other.pid])
                theirs.append(await _sent(family, path, size, *await _announced(other.endpoint, size)))
        what = "upload, sealed by the platform, against @tus/server"
        _tell(what, "MiB/s", *_best(ours, theirs, 0))
        _tell(f"{what}: by the server's processor time", "MiB/s", *_best(ours, theirs, 1))
        slowest = await _at_once(where, 1 << 20)
        _tell("200 uploads of 1 MiB at once: slowest / median (goal: at most 3)", "ratio", slowest, None)


async def _sent(
    family: Callable[[], list[int]], path: Path, size: int, address: str, headers: dict[str, str]
) -> tuple[float, float]:
    """Send a file; give its MiB a second, and a second of processor time of the server."""
    before = spent(family())
    seconds = await asyncio.to_thread(send, address, headers, path, size)
    return size / seconds / 2**20, size / (spent(family()) - before) / 2**20


def _best(ours: list[tuple[float, float]], theirs: list[tuple[float, float]], place: int) -> tuple[float, float | None]:
    return max(each[place] for each in ours), max((each[place] for each in theirs), default=None)


async def _announced(endpoint: str, size: int) -> tuple[str, dict[str, str]]:
    tus = {"Tus-Resumable": "1.0.0"}
    sent = tus | {"Upload-Length": str(size)}
    async with aiohttp.ClientSession() as client, client.post(endpoint, headers=sent) as got:
        address = str(got.url.join(URL(got.headers["Location"])))
    return address, tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}


async def _at_once(where: Place, size: int) -> float:
    data = os.urandom(size)
    places = [await where.upload(size) for _ in range(_AT_ONCE)]
    taken: list[float] = []
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def one(address: str, headers: dict[str, str]) -> None:
            began = time.perf_counter()
            async with client.patch(address, headers=headers, data=_chunks(data)) as got:
                assert got.status == 204, await got.text()
            taken.append(time.perf_counter() - began)

        await asyncio.gather(*(one(*each) for each in places))
    return max(taken) / statistics.median(taken)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 16):
        yield data[start : start + (1 << 16)]


def _tell(what: str, unit: str, ours: float, baseline: float | None) -> None:
    ratio = None if not baseline else round(ours / baseline, 2)
    load = [round(each, 1) for each in os.getloadavg()]
    click.echo(json.dumps({"what": what, "unit": unit, "ours": round(ours, 2), "baseline": baseline and round(baseline, 2),
                           "ratio": ratio, "load": load}))  # fmt: skip
