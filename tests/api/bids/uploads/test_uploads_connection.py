"""Requests whose connection the sealing processes read themselves: what ends them, and where their plaintext is."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from libs.common.storage import Storage
from services.bids.sealing import onfly_sources
from services.bids.sealing.onfly_process import _CONTEXT as PROCESSES
from services.bids.sealing.onfly_sources import TURN, Connected, Ending
from services.bids.uploads.receiving import ChunkReceiver, Incoming
from services.bids.uploads.store import Part
from tests.api.bids.bids_world import World
from tests.api.bids.uploads.api_process import ApiProcess, api_processes, memory
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Uploads, cut, taken, told, uploads

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]
_ROOT_ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root reads another process's memory"
)


class Wired:
    """A source on a real connection, with both ends of everything in hand."""

    def __init__(self, idle: float = 5.0, checksum: tuple[str, bytes] | None = None) -> None:
        pipe, self.orders = PROCESSES.Pipe(duplex=False)
        self.heard, ended = PROCESSES.Pipe(duplex=False)
        self.client, server = socket.socketpair()
        server.setblocking(False)
        self._server = server
        self.source = Connected(pipe, server, ended, idle, checksum)  # type: ignore[arg-type]  # it has a descriptor

    def turn(self, before: bytes, most: int) -> None:
        """Give the turn, and what had been read of the connection."""
        os.write(self.orders.fileno(), TURN.pack(len(before), most) + before)

    def read(self) -> bytes:
        """Read until it ends."""
        room, found = memoryview(bytearray(1000)), b""
        while got := self.source.read_into(room):
            found += bytes(room[:got])
        return found

    def ended(self) -> bytes:
        """Give what it told of its end."""
        return self.heard.recv_bytes()

    def close(self) -> None:
        """Close everything."""
        for each in (self.source.orders, self.orders, self.heard, self.source.told, self.client, self._server):
            each.close()


@contextmanager
def wired(idle: float = 5.0, checksum: tuple[str, bytes] | None = None) -> Iterator[Wired]:
    made = Wired(idle, checksum)
    try:
        yield made
    finally:
        made.close()


async def test_a_turn_ends_at_its_last_byte_and_what_comes_after_is_left_to_the_next() -> None:
    with wired() as w:
        w.turn(b"had come,", 20)
        w.client.sendall(b" and came later; the next part")
        assert w.read() == b"had come, and came l"
        assert w.ended() == b'{"taken":20,"ended":"whole"}'
        assert w._server.recv(100) == b"ater; the next part"


async def test_a_client_that_leaves_ends_the_reading_and_what_came_is_kept() -> None:
    with wired() as w:
        w.turn(b"abc", 100)
        w.client.sendall(b"defg")
        w.client.close()
        assert w.read() == b"abcdefg"
        assert w.ended() == b'{"taken":7,"ended":"gone"}'


async def test_a_client_that_stalls_ends_the_reading() -> None:
    with wired(idle=0.05) as w:
        w.turn(b"", 100)
        w.client.sendall(b"abc")
        assert w.read() == b"abc"
        assert w.ended() == b'{"taken":3,"ended":"stalled"}'


async def test_whoever_gave_the_turn_may_end_it_and_what_had_come_is_kept() -> None:
    with wired() as w:
        w.turn(b"", 100)
        w.client.sendall(b"abcdef")
        room = memoryview(bytearray(2))
        assert w.source.read_into(room) == 2
        w.orders.close()
        assert w.read() == b"cdef"
        assert w.ended() == b'{"taken":6,"ended":"stopped"}'


async def test_whoever_gave_the_turn_may_end_it_even_while_bytes_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onfly_sources, "LAST", 3)
    with wired() as w:
        w.turn(b"", 100)
        w.client.sendall(b"abcdef")
        w.orders.close()
        assert w.read() == b"abc"
        assert w.ended() == b'{"taken":3,"ended":"stopped"}'


async def test_a_process_that_never_gets_its_turn_seals_nothing() -> None:
    with wired() as w:
        w.orders.close()
        assert w.read() == b""
        assert not w.heard.poll(0)


@pytest.mark.parametrize("altered", [False, True])
async def test_what_came_is_held_against_the_checksum_of_the_request(*, altered: bool) -> None:
    with wired(checksum=("sha256", hashlib.sha256(b"abcdef").digest())) as w:
        w.turn(b"abc", 6)
        w.client.sendall(b"deX" if altered else b"def")
        w.read()
        assert w.source.matches() is not altered


async def test_endings_are_told_by_their_name() -> None:
    assert {each.value for each in Ending} == {"whole", "gone", "stalled", "stopped"}


class Recorded:
    """A part that is kept in memory."""

    def __init__(self, segment: int) -> None:
        self.size = 0
        self._segment = segment

    async def write(self, data: bytes) -> None:
        self.size += len(data)

    async def finish(self) -> Part:
        return Part(1, self._segment, self.size, self.size, "", "bids/x")

    async def abandon(self) -> None:
        self.size = -1


@pytest.mark.parametrize(("length", "parts"), [(40, [40]), (100, [100]), (101, [100, 1]), (200, [100, 100])])
@pytest.mark.parametrize("told_length", [True, False], ids=["length-told", "chunked"])
async def test_no_part_is_begun_that_nothing_will_fill(
    tmp_path: Path, length: int, parts: list[int], *, told_length: bool
) -> None:
    begun: list[int] = []
    committed: list[int] = []

    async def begin(segment: int) -> Recorded:
        begun.append(segment)
        return Recorded(segment)

    async def commit(done: object) -> None:
        committed.extend(each.size for each in done)  # type: ignore[attr-defined]

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, length, 7):
            yield bytes(min(7, length - start))

    receiver = ChunkReceiver(chunks(), begin, Storage(tmp_path.as_uri()), 1, commit)
    await receiver.receive(Incoming(length, length if told_length else None), cut=100)
    assert committed == parts
    assert begun == list(range(1, len(parts) + 1))


DATA = os.urandom(6_000_000)


async def test_a_long_body_is_read_by_the_sealing_process_and_its_connection_then_closed(lasting: World) -> None:
    u = await uploads(lasting, [len(DATA)], "platform")
    address = await u.create()
    async with api_processes(lasting, 1) as (api,):
        at, headers = 0, {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company") | MEDIA
        async with aiohttp.ClientSession() as client:
            for size, more in ((2_000_000, {}), (2_500_000, told("sha1", DATA[2_000_000:4_500_000]))):
                part = DATA[at : at + size]
                sent = headers | more | {"Upload-Offset": str(at), "Content-Length": str(size)}
                async with client.patch(
                    api.url + address, headers=sent, data=_slowly(part, u, address, api.port)
                ) as got:
                    assert (got.status, got.headers["Connection"]) == (204, "close"), await got.text()
                at += size
            wrong = told("sha1", b"something else")
            sent = headers | wrong | {"Upload-Offset": str(at), "Content-Length": str(len(DATA) - at)}
            async with client.patch(
                api.url + address, headers=sent, data=_slowly(DATA[at:], u, address, api.port)
            ) as got:
                assert (got.status, got.headers["Connection"]) == (460, "close")
            async with client.head(api.url + address, headers=headers) as got:
                assert int(got.headers["Upload-Offset"]) == at
            sent = headers | {"Upload-Offset": str(at)}
            async with client.patch(api.url + address, headers=sent, data=cut(DATA[at:])) as got:  # chunked: read here
                assert (got.status, "Connection" in got.headers) == (204, False)
    assert await u.offset(address) == len(DATA)


async def _slowly(data: bytes, u: Uploads, address: str, port: int) -> AsyncIterator[bytes]:
    """Give more than the HTTP library reads ahead (512 KiB and one read of 256), and the rest when that was taken too."""
    yield data[:1_000_000]
    await taken(u, address, port)
    yield data[1_000_000:]


@_ROOT_ON_LINUX
async def test_the_api_never_holds_what_a_connection_brings_once_it_let_go_of_it(lasting: World) -> None:
    marker = b"HALLES-LATER-" + os.urandom(24).hex().encode()
    first, later = os.urandom(100_000), marker * 5000
    u = await uploads(lasting, [len(first) + len(later) + 1000], "platform")
    address = await u.create()
    async with api_processes(lasting, 1) as (api,):
        writer = await _begun(u, api, address)
        writer.write(first)
        await _held_below(api, first[-1000:])
        writer.write(later)
        below = await _held_below(api, marker * 1000)
        own = await asyncio.to_thread(memory, api.pid)
        writer.close()
    assert len(own) > 10 * 2**20
    assert own.count(marker) == 0
    assert below.count(marker) > 1000  # it is there that it is sealed


async def _held_below(api: ApiProcess, content: bytes) -> bytes:
    """Wait until a process below the api holds a content; give the memory of all of them."""
    for _ in range(600):
        below = b"".join([await asyncio.to_thread(memory, each) for each in api.family()[1:]])
        if content in below:
            return below
        await asyncio.sleep(0.2)
    raise AssertionError("no process below the api reads it")


async def _begun(u: Uploads, api: ApiProcess, address: str) -> asyncio.StreamWriter:
    """Send the head of a request for all of an upload."""
    url = urlsplit(api.url)
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    sent = {"Tus-Resumable": "1.0.0", "Host": "x", "Upload-Offset": "0", "Content-Length": str(u.sizes[0])}
    sent |= u.w.h.headers(ALPHA, "company") | MEDIA
    lines = [f"PATCH {address} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    return writer
