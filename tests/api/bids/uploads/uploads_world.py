"""Uploads as clients of tus make them: a company with a draft whose files are announced, and the requests of the protocol."""

# ruff: noqa: ANN401  # options are those of aiohttp

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from libs.common.service import Service
from libs.common.testing.harness import Harness, harness
from services.bids.uploads.content import sealed_content
from services.bids.uploads.store import QUERIES
from tests.api.bids.bids_world import World, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
MEDIA = {"Content-Type": "application/offset+octet-stream"}
Mode = Literal["bidder", "platform"]
MODES: tuple[Mode, ...] = ("bidder", "platform")
_ESTABLISHED = "01"  # <net/tcp_states.h>


@dataclass
class Answer:
    """What a request was answered."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def offset(self) -> int:
        """The offset it tells."""
        return int(self.headers["Upload-Offset"])


@dataclass
class Uploads:
    """A draft of a company, and tus."""

    w: World
    bid: UUID
    sizes: list[int]

    def endpoint(self, file: int = 1) -> str:
        """Where uploads of a file are created."""
        return f"/bids/v1/bids/{self.bid}/files/{file}/uploads"

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, *, who: str = ALPHA, **options: Any
    ) -> Answer:
        """Make a request of tus; `Tus-Resumable` is sent unless the headers say otherwise."""
        sent = {"Tus-Resumable": "1.0.0"} | self.w.h.headers(who, "company") | (headers or {})
        sent = {name: value for name, value in sent.items() if value}
        async with self.w.h.client.request(method, path, headers=sent, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def create(self, length: int | None = None, *, file: int = 1, headers: dict[str, str] | None = None) -> str:
        """Announce an upload; give its address."""
        sent = {"Upload-Length": str(self.sizes[file - 1] if length is None else length)} | (headers or {})
        answer = await self.ask("POST", self.endpoint(file), sent)
        assert answer.status == 201, answer.body
        return URL(answer.headers["Location"]).path

    async def patch(self, address: str, offset: int, data: Any, headers: dict[str, str] | None = None) -> Answer:
        """Send bytes."""
        return await self.ask("PATCH", address, MEDIA | {"Upload-Offset": str(offset)} | (headers or {}), data=data)

    async def offset(self, address: str) -> int:
        """Ask how much is durable."""
        return (await self.ask("HEAD", address)).offset

    async def stored(self, file: int = 1) -> bytes:
        """Give what the storage holds of a file."""
        return b"".join([chunk async for chunk in sealed_content(self.w.h.runtime, self.bid, file)])

    def objects(self) -> int:
        """Count the objects that the storage holds of the bid."""
        stored = self.w.h.runtime.settings.data_dir / "storage" / "bids" / "sealed" / str(self.bid)
        return len([each for each in stored.rglob("*") if each.is_file()])


def told(algorithm: str, data: bytes) -> dict[str, str]:
    """Give the header that says what bytes are."""
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"}


def named(name: bytes) -> dict[str, str]:
    """Give the metadata of a file name."""
    return {"Upload-Metadata": f"filename {base64.b64encode(name).decode()}"}


async def cut(data: bytes) -> AsyncIterator[bytes]:
    """Give bytes in pieces."""
    for start in range(0, len(data), 7_000):
        yield data[start : start + 7_000]


@asynccontextmanager
async def open_world(database_url: str, **settings: Any) -> AsyncIterator[World]:
    """Run the service with one open consultation."""
    async with AsyncExitStack() as stack:

        async def run(service: Service, **options: Any) -> Harness:
            return await stack.enter_async_context(harness(service, database_url, **options))

        yield await world(run, settings=settings)


async def uploads(w: World, sizes: list[int], mode: Mode = "bidder") -> Uploads:
    """Announce a bid of ALPHA with files of these sizes."""
    return Uploads(w, await draft(w, sizes, mode), sizes)


async def draft(w: World, sizes: list[int], mode: Mode = "bidder", company: str = ALPHA) -> UUID:
    """Announce a bid with files of these sizes."""
    bid = uuid4()
    keys = w.notice.opening
    assert keys is not None
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute(
            "INSERT INTO bid (id, procedure, depositor, depositor_name, lots, state, created_at, key_fingerprint, sealed_by)"
            " VALUES ($1, $2, $3, 'Entreprise', '{LOT-0001}', 'draft', now(), $4, $5)",
            bid, w.procedure, company, keys.fingerprint, mode,
        )  # fmt: skip
        await uow.conn.execute(
            "INSERT INTO envelope (bid, number, kind, lots) VALUES ($1, 1, 'offer', '{LOT-0001}')", bid
        )
        for number, size in enumerate(sizes, 1):
            await uow.conn.execute(
                "INSERT INTO bid_file (bid, number, name, size, envelope) VALUES ($1, $2, $3, $4, 1)",
                bid, number, f"pli-{number}.bin", size,
            )  # fmt: skip
    return bid


async def broken(u: Uploads, address: str, offset: int, data: bytes, headers: dict[str, str] | None = None) -> None:
    """Announce all that is left, send `data`, and cut the connection once the server receives."""
    length = u.sizes[0] - offset

    async def breaking() -> AsyncIterator[bytes]:
        async for piece in cut(data):
            yield piece
        await taken(u, address)
        raise ConnectionError("cut")

    sent = MEDIA | {"Upload-Offset": str(offset), "Content-Length": str(length)} | (headers or {})
    try:
        await u.ask("PATCH", address, sent, data=breaking())
    except (aiohttp.ClientError, ConnectionError):
        return
    raise AssertionError("the server answered a request that was cut")


async def received(u: Uploads, address: str) -> None:
    """Wait until somebody receives an upload."""
    async with asyncio.timeout(60), u.w.h.runtime.read() as conn:
        while not await conn.fetchval(QUERIES["is_held"], UUID(address.rpartition("/")[2])):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def taken(u: Uploads, address: str, port: int | None = None) -> None:
    """Wait until the server of an upload (at a port; else the one of the test) has read all that was sent to it."""
    await received(u, address)
    where = port or URL(str(u.w.h.client._base_url)).port
    empty = 0
    async with asyncio.timeout(60):
        while empty < 2:  # between two looks a client that has more to send fills the queue again
            empty = 0 if _under_way(where) else empty + 1
            await asyncio.sleep(0.01)


def _under_way(port: int | None) -> int:
    """Count what the kernel holds of a port's connections on this machine, unread or unsent (proc(5), net/tcp)."""
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, state, queues = line.split()[1:5]
        if state == _ESTABLISHED and port in {int(each.rpartition(":")[2], 16) for each in (local, remote)}:
            found += sum(int(each, 16) for each in queues.split(":"))
    return found
