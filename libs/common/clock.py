"""The clock of the domain: deadlines, standstill, stamps. Never token expiry, leases or retries: those use real time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "SandboxClock", "SystemClock"]


class Clock(Protocol):
    """Gives domain time."""

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        ...


class SystemClock:
    """The machine's clock: the only one in production."""

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        return datetime.now(UTC)


class SandboxClock:
    """A clock that can be moved forward, never back; its offset lives in a file that every local process shares."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._offset = timedelta()

    def now(self) -> datetime:
        """Give the present instant of the sandbox, in UTC."""
        return datetime.now(UTC) + self.offset

    @property
    def offset(self) -> timedelta:
        """How far ahead of real time the sandbox is."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return self._offset
        if stamp != self._stamp:
            self._offset = timedelta(seconds=float(self._path.read_text() or 0))
            self._stamp = stamp
        return self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move forward and give the new instant. Raises ValueError when asked to go back."""
        if by < timedelta():
            raise ValueError("a sandbox clock never goes back")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        offset = self.offset + by
        draft = self._path.with_suffix(".new")
        draft.write_text(str(offset.total_seconds()))
        draft.replace(self._path)
        return self.now()
