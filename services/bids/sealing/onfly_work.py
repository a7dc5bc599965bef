"""The work of the process of one segment, in three threads: one reads and seals, one hashes, one writes.

Each of the three costs about as much as the others, and all leave the interpreter's lock; buffers go round between them.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.bids.sealing.onfly_sources import Source
from services.bids.sealing.stream import CHUNK_SIZE, TAG_SIZE

__all__ = ["Sink", "Work"]

_BATCH = 32  # chunks sealed before they are hashed and written: 2 MiB
_RING = 4  # batches under way
_SEALED = CHUNK_SIZE + TAG_SIZE
_WRITE = 1 << 20
"""Bytes written at once: for 2 MiB the system takes huge pages, which a virtual machine may first have to get from its host."""
_AHEAD = 8 << 20  # bytes written before the disk is asked to take them


class Sink:
    """Where ciphertext goes: a file, or a pipe to an object store."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._written = 0
        self._asked = 0

    def write(self, ready: memoryview) -> None:
        """Write all of it. Raises OSError when no more is taken."""
        self._written += len(ready)
        while ready:
            ready = ready[os.write(self._descriptor, ready[:_WRITE]) :]
        if self._file and self._written - self._asked >= _AHEAD:
            self._ask()

    def _ask(self) -> None:
        """Have Linux begin to write to the disk what it holds, for it to be short work to sync it at the end."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, self._asked, self._written - self._asked, os.POSIX_FADV_DONTNEED)
        self._asked = self._written


class Work:
    """The chunks of docs/sealing.md, section 4.6, sealed into buffers that are used again."""

    def __init__(self, cipher: AESGCM, context: bytes, sink: int) -> None:
        self.digest = sha256()
        """Of the ciphertext."""
        self.size = 0
        """Bytes of ciphertext."""
        self._cipher = cipher
        self._context = sha256(context).digest()
        self._sink = Sink(sink)
        self._index = 0
        self._plain = _buffer(_BATCH * CHUNK_SIZE)
        self._used = 0
        self._ring = [_buffer(_BATCH * _SEALED) for _ in range(_RING)]
        self._busy: deque[tuple[Future[None], Future[None]]] = deque()

    def run(self, source: Source) -> int:
        """Seal until the source ends; give the bytes read. Raises OSError when the sink takes no more."""
        total, final = 0, False
        with ThreadPoolExecutor(1) as hasher, ThreadPoolExecutor(1) as writer:
            while not final:
                filled = self._fill(source)
                total, final = total + filled, filled < len(self._plain)
                self._settle(_RING - 1)
                self._pass_on(self._seal(filled, final=final), hasher, writer)
            self._settle(0)
        self._plain[: self._used] = bytes(self._used)
        return total

    def _fill(self, source: Source) -> int:
        filled = 0
        while filled < len(self._plain) and (got := source.read_into(self._plain[filled:])):
            filled += got
        self._used = max(self._used, filled)
        return filled

    def _settle(self, most: int) -> None:
        """Wait until so many batches are under way at most. Raises OSError as soon as one is known not to be written."""
        while self._busy and (len(self._busy) > most or all(each.done() for each in self._busy[0])):
            for each in self._busy.popleft():
                each.result()

    def _seal(self, filled: int, *, final: bool) -> memoryview:
        """Seal what is there: whole chunks, and at the end a last one that is shorter, maybe empty."""
        self._ring.append(self._ring.pop(0))
        place, whole = 0, filled - filled % CHUNK_SIZE
        for start in range(0, whole, CHUNK_SIZE):
            place += self._chunk(start, start + CHUNK_SIZE, place, final=False)
        if final:
            place += self._chunk(whole, filled, place, final=True)
        self.size += place
        return self._ring[-1][:place]

    def _chunk(self, start: int, end: int, place: int, *, final: bool) -> int:
        nonce = self._index.to_bytes(12, "big")
        told = self._context + self._index.to_bytes(8, "big") + bytes([final])
        self._index += 1
        size = end - start + TAG_SIZE
        self._cipher.encrypt_into(nonce, self._plain[start:end], told, self._ring[-1][place : place + size])
        return size

    def _pass_on(self, ready: memoryview, hasher: Executor, writer: Executor) -> None:
        self._busy.append((hasher.submit(self.digest.update, ready), writer.submit(self._sink.write, ready)))


def _buffer(size: int) -> memoryview:
    """Give memory that costs nothing before it is used, which a short segment does not."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
