"""One archive of many stored files, laid out before its first byte is sent (APPNOTE.TXT 6.3.10, ZIP64).

Files are stored as they are, and their CRC-32 was taken when they came in: the place of each byte is known beforehand.
So the archive has a length, is the same at each request, can be sent from any byte on, and is never in memory nor on disk.
Libraries that stream archives know neither ranges nor asynchronous sources.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["Archive", "Entry"]

_MOST_32: Final = 0xFFFF_FFFF
_MOST_16: Final = 0xFFFF
_UTF8: Final = 0x800  # bit 11: the name is UTF-8
_VERSION: Final = 45  # ZIP64
_UNIX: Final = 3 << 8
_MODE: Final = 0o100644 << 16
_PARIS: Final = ZoneInfo("Europe/Paris")
_FIRST_YEAR: Final = 1980

Open = Callable[[str, int, int], AsyncIterator[bytes]]
"""Gives the bytes of a stored file, by its key, from one place up to another (not included)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive."""

    name: str
    key: str
    size: int
    crc32: int
    sha256: str
    modified: datetime


class Archive:
    """An archive, laid out."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._parts: list[bytes | Entry] = []
        self._starts: list[int] = []
        self.size = 0
        directory = []
        for entry in entries:
            directory.append(_central(entry, self.size))
            self._add(_local(entry))
            self._add(entry)
        start = self.size
        self._add(b"".join(directory))
        self._add(_end(len(entries), start, self.size - start))
        self.tag = _tag(entries)

    def _add(self, part: bytes | Entry) -> None:
        size = len(part) if isinstance(part, bytes) else part.size
        if size:
            self._parts.append(part)
            self._starts.append(self.size)
            self.size += size

    async def stream(self, read: Open, start: int, end: int) -> AsyncIterator[bytes]:
        """Give its bytes from `start` up to `end` (not included)."""
        place = max(0, bisect_right(self._starts, start) - 1)
        for part, first in zip(self._parts[place:], self._starts[place:], strict=True):
            if first >= end:
                return
            begin, stop = max(0, start - first), end - first
            if isinstance(part, bytes):
                yield part[begin:stop]
            else:
                async for chunk in read(part.key, begin, min(stop, part.size)):
                    yield chunk


def _tag(entries: Sequence[Entry]) -> str:
    told = "\n".join(f"{each.sha256} {each.modified.isoformat()} {each.name}" for each in entries)
    return sha256(told.encode()).hexdigest()


def _stamp(at: datetime) -> tuple[int, int]:
    """Give an instant as archives do: time and date of the wall in Paris, to two seconds."""
    local = at.astimezone(_PARIS)
    year = max(0, local.year - _FIRST_YEAR)
    return local.hour << 11 | local.minute << 5 | local.second // 2, year << 9 | local.month << 5 | local.day


def _local(entry: Entry) -> bytes:
    name, large = entry.name.encode(), entry.size >= _MOST_32
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if large else b""
    size = _MOST_32 if large else entry.size
    head = struct.pack(
        "<IHHHHHIIIHH", 0x04034B50, _VERSION, _UTF8, 0, *_stamp(entry.modified), entry.crc32, size, size, len(name), len(extra)
    )  # fmt: skip
    return head + name + extra


def _central(entry: Entry, offset: int) -> bytes:
    name, large, far = entry.name.encode(), entry.size >= _MOST_32, offset >= _MOST_32
    numbers = [*([entry.size, entry.size] if large else []), *([offset] if far else [])]
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    size = _MOST_32 if large else entry.size
    head = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, _UNIX | _VERSION, _VERSION, _UTF8, 0, *_stamp(entry.modified), entry.crc32, size, size,
        len(name), len(extra), 0, 0, 0, _MODE, _MOST_32 if far else offset,
    )  # fmt: skip
    return head + name + extra


def _end(count: int, start: int, size: int) -> bytes:
    """Give the end of the directory, in its long form too where a number is too big for the short one."""
    short = struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, min(count, _MOST_16), min(count, _MOST_16), min(size, _MOST_32), min(start, _MOST_32), 0
    )  # fmt: skip
    if count < _MOST_16 and start < _MOST_32 and size < _MOST_32:
        return short
    long = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, start)
    return long + struct.pack("<IIQI", 0x07064B50, 0, start + size, 1) + short
