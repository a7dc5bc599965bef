"""After an upload that the platform sealed, nothing the platform has opens it: memory, database, files."""

from __future__ import annotations

import asyncio
import os
import sys

import aiohttp
import pytest

from services.bids.sealing import dealing, stream
from services.bids.sealing.manifest import SealedSegment
from services.bids.sealing.names import EnvelopeName, to_text
from services.bids.uploads import store
from tests.api.bids.bids_world import World
from tests.api.bids.uploads.api_process import ApiProcess, api_processes, memory
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Uploads, uploads

MARKER = b"HALLES-MARKER-" + os.urandom(24).hex().encode()
DATA = MARKER * 30_000
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root reads another process's memory"),
]


async def test_no_dump_of_memory_database_and_files_opens_what_was_sealed(lasting: World) -> None:
    u = await uploads(lasting, [len(DATA)], "platform")
    address = await u.create()
    async with api_processes(lasting, 1) as (api,):
        half = len(DATA) // 2
        headers = {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company") | MEDIA
        async with aiohttp.ClientSession() as client:
            for start, end in ((0, half), (half, half + 100), (half + 100, len(DATA))):
                sent = headers | {"Upload-Offset": str(start)}
                async with client.patch(api.url + address, headers=sent, data=_pieces(DATA[start:end])) as got:
                    assert got.status == 204
            await asyncio.sleep(0.5)
            memory = await asyncio.to_thread(_memory, api)
    everything = memory + await _database(u) + _files(u)
    assert len(memory) > 10 * 2**20
    assert str(u.bid).encode() in everything  # it is a dump, of the right things
    assert everything.count(MARKER) == 0
    for secret, key in await _opened(u):
        for each in (secret, key):
            assert each not in everything
            assert each.hex().encode() not in everything
            assert to_text(each).encode() not in everything


async def _pieces(data: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202  # an asynchronous iterator
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def _memory(api: ApiProcess) -> bytes:
    """Give all memory that the processes of the api may read."""
    return b"".join(memory(each) for each in api.family())


async def _database(u: Uploads) -> bytes:
    rows: list[bytes] = []
    async with u.w.h.runtime.read() as conn:
        for table in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            found = await conn.fetch(f'SELECT t::text AS row FROM "{table["tablename"]}" AS t')  # noqa: S608  # a dump
            rows += [row["row"].encode() for row in found]
    return b"\n".join(rows)


def _files(u: Uploads) -> bytes:
    folder = u.w.h.runtime.settings.data_dir
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


async def _opened(u: Uploads) -> list[tuple[bytes, bytes]]:
    """Have the officers recover the secret and the key of each segment; what they open is what was sent."""
    keys = u.w.notice.opening
    assert keys is not None
    async with u.w.h.runtime.read() as conn:
        parts = await store.parts_of_file(conn, u.bid, 1)
    stored, plain, found = await u.stored(), b"", []
    for part in parts:
        name = EnvelopeName(u.w.procedure, u.bid, 1, keys.fingerprint).segment(part.part, part.segment)
        told = {"part": part.part, "number": part.segment, "size": part.stored, "sha256": part.sha256}
        segment = SealedSegment.model_validate(told | (part.sealed or {}))
        shares = {
            officer.officer: dealing.open_share(share.sealed, name, (officer.officer, officer.private))
            for officer, share in list(zip(u.w.officers, segment.shares, strict=True))[:2]
        }
        secret = dealing.recover(shares, name, segment, keys)
        found.append((secret, dealing.chunk_key(secret, name)))
        opener = stream.Opener(found[-1][1], name.context("chunk"))
        plain += opener.update(stored[: part.stored]) + opener.finish()
        stored = stored[part.stored :]
    assert plain == DATA
    return found
