"""Where the process of a segment takes its plaintext: from a pipe, or from the connection of the client itself."""

from __future__ import annotations

import hashlib
import hmac
import os
import select
import struct
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Protocol

import pydantic_core

__all__ = ["LAST", "TURN", "Connected", "Ending", "Piped", "Source"]

TURN = struct.Struct(">QQ")
"""What begins the reading of a connection: bytes of it that follow in the pipe, bytes to take in all."""
LAST = 1 << 20
"""Bytes taken at most after the word to stop: what had come is kept, a client that sends on is not waited for."""


class Ending(StrEnum):
    """What ended the reading of a connection."""

    WHOLE = "whole"
    GONE = "gone"
    STALLED = "stalled"
    STOPPED = "stopped"


class HasFileno(Protocol):
    """What stands for a descriptor: a file, a `Connection` (which a fork server passes on)."""

    def fileno(self) -> int:
        """Give the descriptor."""


class Source(Protocol):
    """Gives the plaintext of one segment."""

    def read_into(self, room: memoryview) -> int:
        """Fill some of `room`; give how much, 0 at the end."""

    def matches(self) -> bool | None:
        """Say whether what came is what its sender told; None when nothing was told."""


class Piped:
    """A pipe, or a file, to its end or up to a number of bytes."""

    def __init__(self, pipe: HasFileno, most: int | None = None) -> None:
        self._pipe = pipe
        self._left = most

    def read_into(self, room: memoryview) -> int:
        """Read what is there."""
        if self._left is not None:
            room = room[: self._left]
        got = os.readv(self._pipe.fileno(), [room]) if room else 0
        if self._left is not None:
            self._left -= got
        return got

    def matches(self) -> bool | None:
        """Nothing is told of what comes through a pipe: whoever fed it looked."""
        return None


@dataclass
class Connected:
    """The connection of a client. `orders` says when to begin and what had been read of it; its end says to stop.

    `told` hears how the reading ended as soon as it did: whoever reads the next segment may go on.
    """

    orders: Connection
    wire: Connection
    told: Connection
    idle: float
    """Seconds without a byte after which the sender has stalled."""
    checksum: tuple[str, bytes] | None = None
    """Algorithm and digest of all that is taken: a request with a checksum is one segment."""

    def __post_init__(self) -> None:
        self._before = 0
        self._left: int | None = None
        self._taken = 0
        self._last = LAST

    def read_into(self, room: memoryview) -> int:
        """Wait for the turn, then read what there is."""
        if self._left is None:
            self._begin()
        got = self._next(room[: self._left])
        if self.checksum is not None:
            self._digest.update(room[:got])
        return got

    def matches(self) -> bool | None:
        """Compare what was taken with what was told."""
        return None if self.checksum is None else hmac.compare_digest(self._digest.digest(), self.checksum[1])

    def _begin(self) -> None:
        turn = _exactly(self.orders.fileno(), TURN.size)
        self._before, self._left = TURN.unpack(turn) if turn else (0, 0)
        self._poll = select.poll()
        self._poll.register(self.wire.fileno(), select.POLLIN)
        self._poll.register(self.orders.fileno(), select.POLLIN)
        if self.checksum is not None:
            self._digest = hashlib.new(self.checksum[0])

    def _next(self, room: memoryview) -> int:
        if not room:
            return 0
        got = self._given(room) if self._before else self._arriving(room)
        self._taken += got
        self._left = (self._left or 0) - got
        if got and not self._left:
            self._tell(Ending.WHOLE)
        return got

    def _given(self, room: memoryview) -> int:
        got = os.readv(self.orders.fileno(), [room[: self._before]])
        self._before -= got
        return got or self._end(Ending.STOPPED)

    def _arriving(self, room: memoryview) -> int:
        """Read the connection, which does not block: others hold it too."""
        while ready := self._poll.poll(self.idle * 1000):
            if any(descriptor == self.orders.fileno() for descriptor, _ in ready):
                got = self._read(room[: self._last]) or 0
                self._last -= got
                return got or self._end(Ending.STOPPED)
            if (read := self._read(room)) is not None:
                return read or self._end(Ending.GONE)
        return self._end(Ending.STALLED)

    def _read(self, room: memoryview) -> int | None:
        """Read what is there: 0 when there is no room or nobody, None when nothing came yet."""
        try:
            return os.readv(self.wire.fileno(), [room]) if room else 0
        except BlockingIOError:
            return None
        except OSError:  # reset, or unreachable for too long
            return 0

    def _end(self, ending: Ending) -> int:
        self._left = 0
        self._tell(ending)
        return 0

    def _tell(self, ending: Ending) -> None:
        self.told.send_bytes(pydantic_core.to_json({"taken": self._taken, "ended": ending}))


def _exactly(descriptor: int, size: int) -> bytes:
    """Read so many bytes; none when the pipe ends before."""
    found = b""
    while len(found) < size and (more := os.read(descriptor, size - len(found))):
        found += more
    return found if len(found) == size else b""
