"""Uploads over two real processes: handed over when a client resumes elsewhere, nothing lost when one is killed."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from tests.api.bids.bids_world import World
from tests.api.bids.uploads.api_process import ApiProcess, api_processes
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Mode, Uploads, taken, uploads

DATA = os.urandom(2_000_000)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


def headers(u: Uploads, more: dict[str, str] | None = None) -> dict[str, str]:
    return {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company") | (more or {})


@asynccontextmanager
async def stalled(u: Uploads, process: ApiProcess, address: str, data: bytes) -> AsyncIterator[asyncio.Task[int]]:
    """Send `data` of an upload to a process, then nothing more; inside, the process has read it.

    The task gives the status of its answer (0: cut).
    """
    there = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield data
        await taken(u, address, process.port)
        there.set()
        await asyncio.Event().wait()

    async def sending() -> int:
        sent = headers(u, MEDIA | {"Upload-Offset": "0", "Content-Length": str(u.sizes[0])})
        with suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as client,
                client.patch(process.url + address, headers=sent, data=stalling()) as got,
            ):
                return got.status
        return 0

    task = asyncio.create_task(sending())
    try:
        await asyncio.wait_for(there.wait(), 60)
        yield task
    finally:
        task.cancel()


async def head(u: Uploads, process: ApiProcess, address: str) -> int:
    async with asyncio.timeout(60), aiohttp.ClientSession() as client:
        while True:
            async with client.head(process.url + address, headers=headers(u)) as got:
                if got.status == 200:
                    return int(got.headers["Upload-Offset"])
                assert got.status == 423  # the holder had no turn yet: a client tries again


async def patch(u: Uploads, process: ApiProcess, address: str, offset: int) -> tuple[int, int]:
    sent = headers(u, MEDIA | {"Upload-Offset": str(offset)})
    async with (
        aiohttp.ClientSession() as client,
        client.patch(process.url + address, headers=sent, data=io.BytesIO(DATA[offset:])) as got,
    ):
        return got.status, int(got.headers.get("Upload-Offset", -1))


async def test_a_client_that_resumes_elsewhere_gets_the_upload(lasting: World) -> None:
    async with api_processes(lasting, 2) as (one, other):
        for mode in ("bidder", "platform"):
            await _handed_over(lasting, mode, (one, other))
            await _left_behind(lasting, mode, (one, other))


async def _handed_over(w: World, mode: Mode, processes: tuple[ApiProcess, ApiProcess]) -> None:
    """The stalled holder, which would never end by itself, keeps what it has, lets go, and answers 423."""
    one, other = processes
    u = await uploads(w, [len(DATA)], mode)
    address = await u.create()
    async with stalled(u, one, address, DATA[:500_000]) as sending:
        assert await head(u, other, address) == 500_000
        assert await patch(u, other, address, 500_000) == (204, len(DATA))
        assert await sending in {0, 423}
    if mode == "bidder":
        assert await u.stored() == DATA


async def _left_behind(w: World, mode: Mode, processes: tuple[ApiProcess, ApiProcess]) -> None:
    """A killed holder's lease runs out; what it had acknowledged stays, and its successor goes on."""
    one, other = processes
    u = await uploads(w, [len(DATA)], mode)
    address = await u.create()
    async with u.w.h.client.patch(
        address, headers=headers(u, MEDIA | {"Upload-Offset": "0"}), data=DATA[:100_000]
    ) as got:
        assert got.status == 204
    sent = headers(u, MEDIA | {"Upload-Offset": "100000", "Content-Length": str(len(DATA) - 100_000)})

    async def stalling() -> AsyncIterator[bytes]:
        yield DATA[100_000:600_000]
        await taken(u, address, one.port)
        one.kill()
        yield b"x"

    with suppress(aiohttp.ClientError, ConnectionError):
        async with aiohttp.ClientSession() as client, client.patch(one.url + address, headers=sent, data=stalling()):
            pass
    offset = await head(u, other, address)
    assert offset == 100_000
    assert await patch(u, other, address, offset) == (204, len(DATA))
    if mode == "bidder":
        assert await u.stored() == DATA
    await one.start()


async def test_a_holder_that_lost_its_lease_can_write_nothing_more(lasting: World) -> None:
    u = await uploads(lasting, [len(DATA)])
    address = await u.create()
    async with api_processes(lasting, 1) as (one,), stalled(u, one, address, DATA[:500_000]) as sending:
        async with u.w.h.runtime.read() as conn:  # as if the lease had run out and somebody else had gone on
            await conn.execute(
                "UPDATE upload SET epoch = epoch + 1, received = 7 WHERE id = $1::text::uuid", address[-36:]
            )
        assert await sending in {0, 423}
    async with u.w.h.runtime.read() as conn:
        row = await conn.fetchrow(
            "SELECT received, (SELECT count(*) FROM upload_part WHERE upload = u.id) AS parts FROM upload AS u"
            " WHERE id = $1::text::uuid", address[-36:],
        )  # fmt: skip
    assert tuple(row) == (7, 0)
    assert u.objects() == 0


async def test_a_process_told_to_stop_keeps_what_came(lasting: World) -> None:
    u = await uploads(lasting, [len(DATA)], "platform")
    address = await u.create()
    async with api_processes(lasting, 1) as (one,), stalled(u, one, address, DATA[:500_000]) as sending:
        assert await asyncio.to_thread(one.stop) == 0
        await sending
    assert await u.offset(address) == 500_000
