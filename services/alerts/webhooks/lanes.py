"""How much each endpoint may get at this moment, from one process: calls in hand, and its rate with a burst of one second."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.alerts.store.deliveries import Busy
from services.alerts.webhooks.endpoints import Endpoint

__all__ = ["Lanes"]


@dataclass
class _Lane:
    per_second: int
    left: float
    at: float
    in_hand: int = 0

    def allowed(self, now: float) -> int:
        """Give how many calls the rate lets begin now."""
        self.left = min(self.per_second, self.left + (now - self.at) * self.per_second)
        self.at = now
        return int(self.left)

    @property
    def idle(self) -> bool:
        """Nothing is known of it that would not be known of a new one."""
        return not self.in_hand and self.left >= self.per_second


@dataclass
class Lanes:
    """The lanes of one process."""

    _lanes: dict[UUID, _Lane] = field(default_factory=dict)

    def busy(self, now: float) -> list[Busy]:
        """Give the endpoints that something is in hand of, or that used up some of their rate; the others are forgotten.

        `now` in seconds of a monotonic clock.
        """
        found = [Busy(name, lane.in_hand, lane.allowed(now)) for name, lane in self._lanes.items()]
        self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.idle}
        return [each for each in found if each.webhook_id in self._lanes]

    def enter(self, endpoint: Endpoint, now: float) -> None:
        """Begin a call."""
        lane = self._lanes.get(endpoint.webhook_id)
        if lane is None:
            lane = _Lane(endpoint.per_second, endpoint.per_second, now)
            self._lanes[endpoint.webhook_id] = lane
        lane.per_second = endpoint.per_second
        lane.in_hand += 1
        lane.left -= 1

    def leave(self, endpoint: Endpoint) -> None:
        """End a call."""
        self._lanes[endpoint.webhook_id].in_hand -= 1
