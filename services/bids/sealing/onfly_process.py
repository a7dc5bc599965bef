"""The process of one segment, from the side of whoever receives the plaintext: fed, ended, heard.

Processes come from a fork server that has loaded everything: a few milliseconds each, and nothing of ours in them.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, Self

import pydantic_core

from services.bids.sealing.manifest import Envelope
from services.bids.sealing.onfly import ManifestOrder, Order, run, run_manifest
from services.bids.sealing.onfly_sources import TURN, Connected, Ending, Piped, Source

__all__ = ["ConnectedProcess", "SealingProcess", "SealingStoppedError", "Wire", "seal_manifest_apart", "start_ahead"]

_PIPE = 1 << 20  # bytes in flight; what an unprivileged user may ask for
_CONTEXT = multiprocessing.get_context("forkserver")
# asyncpg, because identifiers read from the database are of its own class: each process would load it to know them.
_CONTEXT.set_forkserver_preload(["services.bids.sealing.onfly", "asyncpg", "multiprocessing.popen_forkserver"])


def start_ahead() -> None:
    """Start what processes are forked from, so that the first upload does not wait for it."""
    forkserver.ensure_running()


class SealingStoppedError(OSError):
    """The process of a segment ended before its time; its errno tells what its sink said."""


@dataclass
class Wire:
    """The connection of a client, to be read by the processes of the segments of one request, one after the other."""

    descriptor: int
    before: bytes
    """What had been read of it."""
    length: int
    """Bytes of the request."""
    idle: float
    """Seconds without a byte after which the sender has stalled."""
    checksum: tuple[str, bytes] | None = None
    """Algorithm and digest of the request."""
    taken: int = 0
    stopped: bool = False
    _reader: Callable[[], None] | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the request was taken."""
        return self.taken == self.length

    def stop(self) -> None:
        """Have whoever reads it keep what came, and read no more."""
        self.stopped = True
        if self._reader is not None:
            self._reader()

    @contextmanager
    def read_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` when the reader of the block must stop; at once if it must already."""
        self._reader = stop
        if self.stopped:
            stop()
        try:
            yield
        finally:
            self._reader = None


@dataclass
class SealingProcess:
    """The process of one segment, fed through a pipe."""

    _process: Any
    _source: int
    _result: Connection

    @classmethod
    async def start(cls, order: Order, sink: int) -> Self:
        """Start one that writes its ciphertext to the descriptor `sink`, which stays the caller's too."""
        return await asyncio.to_thread(cls._start, order, sink, lambda pipe, told: Piped(pipe))

    @classmethod
    def _start(cls, order: Order, sink: int, source: Callable[[Connection, Connection], Source]) -> Self:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(writing, False)
        heard, told = _CONTEXT.Pipe(duplex=False)
        # Connections, because they are what a fork server passes on; each closes its descriptor with itself.
        pipe = Connection(reading, writable=False)
        target = Connection(os.dup(sink), readable=False)
        process = _CONTEXT.Process(target=run, args=(order, source(pipe, told), target, told), daemon=True)
        process.start()
        for each in (pipe, target, told):
            each.close()
        return cls(process, writing, heard)

    async def write(self, data: bytes) -> None:
        """Feed plaintext. Raises SealingStoppedError when the process is gone."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._source, rest) :]
            except BlockingIOError:
                await self._room()
            except BrokenPipeError:
                raise self._stopped(await self._hear()) from None

    async def finish(self) -> dict[str, Any]:
        """Say that the segment ends; give its paper, when its ciphertext is written. Raises SealingStoppedError."""
        self._close_source()
        paper = await self._hear()
        if "error" in paper:
            raise self._stopped(paper)
        return paper

    async def abandon(self) -> None:
        """End the process; its paper is nobody's."""
        self._close_source()
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        self._result.close()

    def _close_source(self) -> None:
        if self._source >= 0:
            os.close(self._source)
            self._source = -1

    async def _room(self) -> None:
        loop, source = asyncio.get_running_loop(), self._source
        ready = loop.create_future()
        loop.add_writer(source, _done, ready)
        try:
            await ready
        finally:
            loop.remove_writer(source)

    async def _hear(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._hear_last)

    def _hear_last(self) -> dict[str, Any]:
        paper = self._message()
        self._process.join()
        self._result.close()
        return paper

    def _message(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = pydantic_core.from_json(self._result.recv_bytes())
        except (EOFError, OSError):
            return {"error": None}
        return told

    @staticmethod
    def _stopped(paper: dict[str, Any]) -> SealingStoppedError:
        number = paper.get("error") or 0
        return SealingStoppedError(number, os.strerror(number) if number else "the process of the segment ended")


class ConnectedProcess(SealingProcess):
    """The process of one segment that reads the connection of the client itself, when its turn comes."""

    @classmethod
    async def connect(cls, order: Order, sink: int, wire: Wire) -> Self:
        """Start one that will read `wire`, and write its ciphertext to `sink`. Raises OSError."""
        return await asyncio.to_thread(cls._connect, order, sink, wire)

    @classmethod
    def _connect(cls, order: Order, sink: int, wire: Wire) -> Self:
        connection = Connection(os.dup(wire.descriptor))
        try:
            return cls._start(
                order, sink, lambda pipe, told: Connected(pipe, connection, told, wire.idle, wire.checksum)
            )
        finally:
            connection.close()

    async def take(self, wire: Wire, most: int) -> tuple[int, Ending]:
        """Have it read so many bytes; give how many it took, and what ended it. Raises SealingStoppedError."""
        first, wire.before = wire.before[:most], wire.before[most:]
        await self.write(TURN.pack(len(first), most) + first)
        with wire.read_by(self._close_source):
            told = await self._hear_ended()
        if "error" in told:
            raise self._stopped(told)
        wire.taken += told["taken"]
        return told["taken"], Ending(told["ended"])

    async def _hear_ended(self) -> dict[str, Any]:
        """Wait for as long as the client sends: on no thread."""
        loop, result = asyncio.get_running_loop(), self._result.fileno()
        ready = loop.create_future()
        loop.add_reader(result, _done, ready)
        try:
            await ready
        finally:
            loop.remove_reader(result)
        return self._message()


async def seal_manifest_apart(order: ManifestOrder) -> Envelope:
    """Seal a manifest in a process of its own; give the envelope. Raises SealingStoppedError."""
    return await asyncio.to_thread(_seal_manifest, order)


def _seal_manifest(order: ManifestOrder) -> Envelope:
    heard, told = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=run_manifest, args=(order, told), daemon=True)
    process.start()
    told.close()
    try:
        return Envelope.model_validate_json(heard.recv_bytes())
    except EOFError:
        raise SealingStoppedError(0, "the process of the manifest ended") from None
    finally:
        process.join()
        heard.close()


def _done(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
