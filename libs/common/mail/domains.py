"""How fast mails go to each domain of addressees: few at once, few a second, one at a time where nobody answers.

Each domain has its own lane, with a short queue: what does not fit goes back, so that a slow domain holds up no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["WAITING", "Domains"]

WAITING = 50
"""Mails that wait for their turn in one lane."""
_SLOW_FOR = 120.0  # seconds that a domain has one mail at a time after one that it did not answer
_LANES = 5_000  # beyond so many, those without a mail are forgotten


@dataclass
class _Lane:
    slots: asyncio.Semaphore
    one: asyncio.Lock = field(default_factory=asyncio.Lock)
    in_hand: int = 0
    free_at: float = 0.0
    """When the next mail may leave, by the rate."""
    slow_until: float = 0.0


class Domains:
    """The lanes of one process."""

    def __init__(self, *, at_once: int, per_second: float) -> None:
        self._at_once = at_once
        self._between = 1 / per_second
        self._lanes: dict[str, _Lane] = {}

    def full(self, domain: str) -> bool:
        """Tell whether a lane has no place left, even to wait in; of a domain that does not answer, a few do."""
        lane = self._lane(domain)
        most = self._at_once if lane.slow_until > time.monotonic() else self._at_once + WAITING
        return lane.in_hand >= most

    def enter(self, domain: str) -> None:
        """Take a place in a lane, before `turn`."""
        self._lane(domain).in_hand += 1

    @asynccontextmanager
    async def turn(self, domain: str) -> AsyncIterator[None]:
        """Wait for the turn of a mail that has its place; leave the lane at the end."""
        lane = self._lane(domain)
        try:
            async with lane.one if lane.slow_until > time.monotonic() else lane.slots:
                now = time.monotonic()
                lane.free_at = max(now, lane.free_at) + self._between
                await asyncio.sleep(lane.free_at - self._between - now)
                yield
        except TimeoutError:
            lane.slow_until = time.monotonic() + _SLOW_FOR
            raise
        finally:
            lane.in_hand -= 1

    def _lane(self, domain: str) -> _Lane:
        if len(self._lanes) > _LANES:
            self._lanes = {name: lane for name, lane in self._lanes.items() if lane.in_hand}
        if domain not in self._lanes:
            self._lanes[domain] = _Lane(asyncio.Semaphore(self._at_once))
        return self._lanes[domain]
