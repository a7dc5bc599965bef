"""The notices of files: an XML or JSON file holds one, a `.jsonl` file one a line. Nothing larger than a notice is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Final

from services.notices.eforms import xml

__all__ = ["Unit", "chunks", "units"]

_LINES: Final = {".jsonl", ".ndjson"}
_LIMIT: Final = xml.MAX_BYTES + 1
"""Bytes read of one notice at most: one more than is taken, so that what is larger is refused without being read whole."""
_AT_ONCE: Final = 32
_BYTES_AT_ONCE: Final = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Unit:
    """One notice of a file, not yet read."""

    file: str
    """As it was given."""
    data: bytes = b""
    line: int | None = None
    """In a file of several."""
    fault: str | None = None
    """Why the file cannot be read."""


def units(files: Iterable[str]) -> Iterator[Unit]:
    """Give the notices of files, one after the other; a file that cannot be read is one with a fault."""
    for file in files:
        try:
            with open(file, "rb") as stream:  # noqa: PTH123  # a Path would write the argument in another way
                yield from _lines(file, stream) if PurePath(file).suffix.lower() in _LINES else _whole(file, stream)
        except OSError as error:
            yield Unit(file, fault=error.strerror or str(error))


def _whole(file: str, stream: BinaryIO) -> Iterator[Unit]:
    yield Unit(file, stream.read(_LIMIT))


def _lines(file: str, stream: BinaryIO) -> Iterator[Unit]:
    number, found = 0, False
    while data := stream.readline(_LIMIT):
        number += 1
        rest = data
        while len(rest) == _LIMIT and not rest.endswith(b"\n"):  # too long a line: pass over the rest of it
            rest = stream.readline(_LIMIT)
        if data.strip():
            found = True
            yield Unit(file, data.rstrip(b"\r\n"), line=number)
    if not found:  # each file has its line in the answer
        yield Unit(file)


def chunks(found: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Give the notices some at a time: few of them, and few bytes, so that memory stays flat."""
    chunk: list[Unit] = []
    size = 0
    for unit in found:
        chunk.append(unit)
        size += len(unit.data)
        if len(chunk) == _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
