"""Uploads that are interrupted all the time, by either side, at any byte; each must end as what was sent.

Two real processes of the api receive; clients send files of random sizes in requests of random sizes, and are cut; the
processes are killed, find no room at a random byte, or lose the database while a part is being acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, stream
from services.bids.sealing.manifest import SealedSegment
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.sharing import sharing
from services.bids.uploads import store
from tests.api.bids.bids_world import World
from tests.api.bids.uploads.api_process import ApiProcess
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Mode, Uploads, draft

T = TypeVar("T")
Harm = Literal["client cut", "client reset", "server killed", "no room", "database away", "checksum cut"]
_HARMS: tuple[tuple[Harm, int], ...] = (
    ("client cut", 36), ("client reset", 36), ("checksum cut", 8), ("no room", 8), ("database away", 6), ("server killed", 6),
)  # fmt: skip
_AWAY = (
    aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError,
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
_SIZES = (1, 65_536, 300_000, 2_000_000, 6_000_000)


@dataclass
class Tally:
    """What the storm did, and what it found."""

    interruptions: int
    done: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    differing: int = 0
    """Files that are not what was sent, at their end."""
    false_receipts: int = 0
    """Receipts of a bid of which a file was not whole."""

    @property
    def left(self) -> bool:
        """Whether there is more to do."""
        return sum(self.done.values()) < self.interruptions


@dataclass
class Storm:
    """The clients, the processes, and who harms them."""

    w: World
    processes: list[ApiProcess]
    chance: random.Random
    tally: Tally
    _harming: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, clients: int = 4) -> Tally:
        """Storm until there were so many interruptions."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client("platform" if number % 2 else "bidder"))
        return self.tally

    async def _client(self, mode: Mode) -> None:
        while self.tally.left:
            size = self.chance.randrange(1, 2 + self.chance.choice(_SIZES))
            await self._file(mode, self.chance.randbytes(size))

    async def _file(self, mode: Mode, data: bytes) -> None:
        u = Uploads(self.w, await self._announce(mode, len(data)), [len(data)])
        address = await self._create(u)
        offset = 0
        while offset < len(data):
            if self.tally.left:
                await self._interrupted(u, address, data, offset)
                await self._false_receipt(u, len(data))
            else:
                await self._send(u, address, data, offset, len(data))
            offset = await self._offset(u, address)
        self.tally.files += 1
        self.tally.bytes += len(data)
        self.tally.differing += await _patiently(lambda: self._opened(u, mode)) != data

    async def _announce(self, mode: Mode, size: int) -> Any:  # noqa: ANN401  # a UUID
        return await _patiently(lambda: draft(self.w, [size], mode))

    async def _create(self, u: Uploads) -> str:
        while True:
            with suppress(*_AWAY):
                sent = self._headers({"Upload-Length": str(u.sizes[0])})
                async with aiohttp.ClientSession() as client, client.post(self._url(u.endpoint()), headers=sent) as got:
                    if got.status == 201:
                        return urlsplit(got.headers["Location"]).path
            await asyncio.sleep(0.1)

    async def _offset(self, u: Uploads, address: str) -> int:
        del u
        while True:
            with suppress(*_AWAY):
                path, sent = self._url(address), self._headers()
                async with aiohttp.ClientSession() as client, client.head(path, headers=sent) as got:
                    if got.status == 200:
                        return int(got.headers["Upload-Offset"])
            await asyncio.sleep(0.1)

    async def _interrupted(self, u: Uploads, address: str, data: bytes, offset: int) -> None:
        harms, weights = zip(*_HARMS, strict=True)
        harm: Harm = self.chance.choices(harms, weights)[0]
        end = self.chance.randrange(offset, len(data)) + 1
        stop = self.chance.randrange(offset, end + 1)
        if harm in {"client cut", "client reset"}:
            await self._raw(address, data, (offset, stop, len(data)), reset=harm == "client reset")
        elif harm == "checksum cut":
            wrong = {"Upload-Checksum": "sha1 " + "A" * 27 + "="}
            await self._send(u, address, data, offset, end, wrong)
        else:
            async with self._harming:  # one harm of the machine at a time
                await self._harmed(harm, u, address, data, (offset, end))
        self.tally.done[harm] += 1

    async def _harmed(self, harm: Harm, u: Uploads, address: str, data: bytes, place: tuple[int, int]) -> None:
        sending = asyncio.create_task(self._send(u, address, data, *place))
        if harm == "no room":
            for each in self.processes:
                _limit_files(each, self.chance.randrange(1, len(data) + 2))
            await sending
            for each in self.processes:
                _limit_files(each, resource.RLIM_INFINITY)
            return
        await asyncio.sleep(self.chance.random() * 0.2)
        if harm == "server killed":
            process = self.chance.choice(self.processes)
            process.kill()
            await process.start()
        else:
            await _database_away(self.w, self.chance.random() * 0.5)
        await sending

    async def _send(
        self, u: Uploads, address: str, data: bytes, offset: int, end: int, more: dict[str, str] | None = None
    ) -> None:
        del u
        sent = self._headers(MEDIA | {"Upload-Offset": str(offset)} | (more or {}))
        with suppress(*_AWAY):
            body = _chunks(data[offset:end])
            async with (
                aiohttp.ClientSession() as client,
                client.patch(self._url(address), headers=sent, data=body) as got,
            ):
                await got.read()

    async def _raw(self, address: str, data: bytes, place: tuple[int, int, int], *, reset: bool) -> None:
        """Announce all the rest, send some of it, and hang up: with a word (FIN) or without (RST)."""
        offset, stop, length = place
        url = urlsplit(self._url(address))
        told = self._headers(
            MEDIA | {"Upload-Offset": str(offset), "Content-Length": str(length - offset), "Host": "x"}
        )
        head = (
            f"PATCH {url.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items()) + "\r\n"
        )
        with suppress(*_AWAY):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            del reader
            writer.write(head.encode() + data[offset:stop])
            await writer.drain()
            await asyncio.sleep(self.chance.random() * 0.05)
            if reset:
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()

    async def _false_receipt(self, u: Uploads, size: int) -> None:
        """Ask for a receipt now and then: there is none before the file is whole."""
        if self.chance.random() > 0.05:
            return
        with suppress(*_AWAY):
            async with aiohttp.ClientSession() as client:
                path = self._url(f"/bids/v1/bids/{u.bid}/deposit")
                async with client.post(path, headers=self._headers(), json={}) as got:
                    async with self.w.h.runtime.read() as conn:
                        whole = await conn.fetchval("SELECT max(received) FROM upload WHERE bid = $1", u.bid)
                    self.tally.false_receipts += got.status == 201 and whole != size

    async def _opened(self, u: Uploads, mode: Mode) -> bytes:
        stored = await u.stored()
        if mode == "bidder":
            return stored
        async with self.w.h.runtime.read() as conn:
            parts = await store.parts_of_file(conn, u.bid, 1)
        keys = self.w.notice.opening
        assert keys is not None
        plain, start = [], 0
        for part in parts:
            plain.append(_open(self.w, keys, u, part, stored[start : start + part.stored]))
            start += part.stored
        return b"".join(plain)

    def _url(self, path: str) -> str:
        return self.chance.choice(self.processes).url + path

    def _headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Tus-Resumable": "1.0.0"} | self.w.h.headers(ALPHA, "company") | (more or {})


def _open(w: World, keys: OpeningKeySet, u: Uploads, part: store.Part, sealed: bytes) -> bytes:
    """Open a segment as k officers together do."""
    name = EnvelopeName(w.procedure, u.bid, 1, keys.fingerprint).segment(part.part, part.segment)
    segment = SealedSegment.model_validate(
        {"part": part.part, "number": part.segment, "size": part.stored, "sha256": part.sha256, **(part.sealed or {})}
    )
    needed = sharing(keys).needed
    shares = {
        key.officer: dealing.open_share(share.sealed, name, (key.officer, key.private))
        for key, share in list(zip(w.officers, segment.shares, strict=True))[:needed]
    }
    opener = stream.Opener(dealing.chunk_key(dealing.recover(shares, name, segment, keys), name), name.context("chunk"))
    return opener.update(sealed) + opener.finish()


async def _patiently(act: Callable[[], Awaitable[T]]) -> T:
    """Do it again until the database is there."""
    while True:
        with suppress(*_AWAY):
            return await act()
        await asyncio.sleep(0.2)


def _limit_files(process: ApiProcess, size: int) -> None:
    for each in process.family():
        with suppress(ProcessLookupError):
            resource.prlimit(each, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _database_away(w: World, seconds: float) -> None:
    """Have the server end all connections to the service's database, and take none for a while."""
    settings = w.h.runtime.settings
    name = urlsplit(settings.database_urls["bids"]).path.lstrip("/")
    conn = await asyncpg.connect(settings.database_url)
    try:
        await conn.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'halles bids'",
            name,
        )
        await asyncio.sleep(seconds)
    finally:
        await conn.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        await conn.close()


async def _chunks(data: bytes) -> Any:  # noqa: ANN401  # an asynchronous iterator
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def machine() -> str:
    """Say how busy the machine is."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())
