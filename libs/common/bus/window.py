"""The window of a publisher: what it read of the log and is not settled yet. Pure: no database, no bus.

At most `WINDOW` events are in flight, and one of each key: a refused or unroutable event must hold back the later ones
of its key, and the broker's answer comes only after these would have left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

__all__ = ["BYTES", "WINDOW", "Row", "Window"]

WINDOW = 256
"""Events in flight; more gains nothing."""
BYTES = 16 * 2**20
"""Read ahead, those in flight included, but for the last one: events of some MiB must not fill the memory."""
_READ = 2 * WINDOW  # events read ahead, those in flight included
_ILL = 1000  # keys remembered until nothing is left that was read before they were set aside


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the log."""

    position: int
    id: UUID
    type: str
    key: str
    body: str
    behind: bool = False
    """Whether events of its key were set aside when it was read."""
    shard: int = 0


class Window:
    """Events between the log and the bus, from a position on."""

    def __init__(self, position: int) -> None:
        self.read = position
        """How far the log was read."""
        self.aside: list[tuple[Row, str]] = []
        """To be set aside with the next mark, and why."""
        self._open: dict[int, int] = {}
        self._bytes = 0
        self._ready: deque[Row] = deque()
        self._next: deque[Row] = deque()
        self._behind: dict[str, deque[Row]] = {}
        self._flight: dict[UUID, Row] = {}
        self._ill: set[str] = set()

    @property
    def settled(self) -> int:
        """Everything up to this position is confirmed, in `aside`, or for nobody."""
        return next(iter(self._open)) - 1 if self._open else self.read

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return len(self._open) < _READ and self._bytes < BYTES and len(self._ill) < _ILL

    @property
    def room(self) -> int:
        """How many bytes more may be read."""
        return max(0, BYTES - self._bytes)

    @property
    def in_flight(self) -> int:
        """Events sent whose fate is unknown."""
        return len(self._flight)

    @property
    def is_empty(self) -> bool:
        """Whether all that was read is settled."""
        return not self._open

    def add(self, rows: Sequence[Row], upto: int) -> None:
        """Take what was read, in the order of the log."""
        self._ready.extend(rows)
        self._open.update((row.position, len(row.body)) for row in rows)
        self._bytes += sum(len(row.body) for row in rows)
        self.read = max(self.read, upto)

    def sendable(self) -> Iterator[Row]:
        """Give what may leave now; what is given is in flight."""
        while len(self._flight) < WINDOW and (row := self._draw()):
            if row.behind or row.key in self._ill:
                self._put_aside(row, "behind")
                for follower in self._behind.pop(row.key, ()):
                    self._put_aside(follower, "behind")
            else:
                self._behind.setdefault(row.key, deque())
                self._flight[row.id] = row
                yield row

    def settle(self, identity: UUID, reason: str | None) -> bool:
        """Take the fate of an event in flight; False when it is none of this window."""
        row = self._flight.pop(identity, None)
        if row is None:
            return False
        if reason:
            self._put_aside(row, reason)
        else:
            self._close(row)
        self._free(row.key)
        return True

    def marked(self) -> None:
        """Take that all up to `settled` is written down, what is in `aside` included."""
        self.aside = []
        if self.is_empty:
            self._ill.clear()

    def _draw(self) -> Row | None:
        """Give the next event that waits for none of its key; those that do wait behind it."""
        if self._next:
            return self._next.popleft()
        while self._ready:
            row = self._ready.popleft()
            followers = self._behind.get(row.key)
            if followers is None:
                return row
            followers.append(row)
        return None

    def _free(self, key: str) -> None:
        """Let the next event of a key go."""
        followers = self._behind.pop(key)
        if key in self._ill:
            for follower in followers:
                self._put_aside(follower, "behind")
        elif followers:
            self._next.append(followers.popleft())
            self._behind[key] = followers

    def _put_aside(self, row: Row, reason: str) -> None:
        self._ill.add(row.key)
        self.aside.append((row, reason))
        self._close(row)

    def _close(self, row: Row) -> None:
        self._bytes -= self._open.pop(row.position)
