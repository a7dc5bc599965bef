"""The plaintext of a file while its signatures are verified: once in memory, on no disk, read by whoever gets the descriptor."""

from __future__ import annotations

import mmap
import os
import tempfile
from types import TracebackType
from typing import Self

__all__ = ["Held", "content"]


class Held:
    """Memory without a name (memfd_create(2)), which another process reads without a copy being sent to it."""

    def __init__(self) -> None:
        self._memory = _memory()

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Hold bytes that are at hand."""
        held = cls()
        held.write(data)
        return held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self._memory)

    def fileno(self) -> int:
        """Give the descriptor, which whoever wants to keep it duplicates."""
        return self._memory

    def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError when there is no more memory."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._memory, rest) :]

    def holds(self, mark: bytes) -> bool:
        """Say whether some bytes come in it."""
        if not os.fstat(self._memory).st_size:
            return not mark
        with mmap.mmap(self._memory, 0, prot=mmap.PROT_READ) as view:
            return view.find(mark) >= 0


def content(descriptor: int) -> bytes:
    """Read what is held, in the process that got the descriptor."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("held", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # a developer's machine that is not Linux
        return os.dup(file.fileno())
