"""The process of one segment, from the side of whoever receives the plaintext: fed, ended, heard.

Processes come from a fork server that has loaded everything: a few milliseconds each, and nothing of ours in them.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pydantic_core

from services.bids.sealing.manifest import Envelope
from services.bids.sealing.onfly import ManifestOrder, Order, run, run_manifest

__all__ = ["SealingProcess", "SealingStoppedError", "seal_manifest_apart"]

_PIPE = 1 << 20  # bytes in flight; what an unprivileged user may ask for
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["services.bids.sealing.onfly"])


class SealingStoppedError(OSError):
    """The process of a segment ended before its time; its errno tells what its sink said."""


@dataclass
class SealingProcess:
    """The process of one segment."""

    _process: Any
    _source: int
    _result: Connection

    @classmethod
    async def start(cls, order: Order, sink: int) -> SealingProcess:
        """Start one that writes its ciphertext to the descriptor `sink`, which stays the caller's too."""
        return await asyncio.to_thread(cls._start, order, sink)

    @classmethod
    def _start(cls, order: Order, sink: int) -> SealingProcess:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(writing, False)
        heard, told = _CONTEXT.Pipe(duplex=False)
        # Connections, because they are what a fork server passes on; each closes its descriptor with itself.
        source = Connection(reading, writable=False)
        target = Connection(os.dup(sink), readable=False)
        process = _CONTEXT.Process(target=run, args=(order, source, target, told), daemon=True)
        process.start()
        for each in (source, target, told):
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
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        loop.add_writer(self._source, _done, ready)
        try:
            await ready
        finally:
            loop.remove_writer(self._source)

    async def _hear(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._hear_now)

    def _hear_now(self) -> dict[str, Any]:
        try:
            paper: dict[str, Any] = pydantic_core.from_json(self._result.recv_bytes())
        except (EOFError, OSError):
            paper = {"error": None}
        self._process.join()
        self._result.close()
        return paper

    @staticmethod
    def _stopped(paper: dict[str, Any]) -> SealingStoppedError:
        number = paper.get("error") or 0
        return SealingStoppedError(number, os.strerror(number) if number else "the process of the segment ended")


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
