"""Partners' endpoints and deliveries as the service knows them: what they want, when they are tried, how they fare. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

__all__ = [
    "HEALTHY",
    "MAX_ENDPOINTS",
    "MAX_RETRY_AFTER",
    "Delivery",
    "Endpoint",
    "Facts",
    "Filters",
    "Health",
    "Notice",
    "delay_before",
    "wants",
]

MAX_ENDPOINTS: Final = 20
"""Webhooks of one partner."""
MAX_RETRY_AFTER: Final = 86_400.0
"""Seconds an endpoint may ask us to wait."""
WARNED_AFTER: Final = timedelta(hours=24)
DISABLED_AFTER: Final = timedelta(hours=120)
FORGIVEN_AFTER: Final = timedelta(hours=36)
"""Without an attempt, the time that an endpoint has failed for begins anew: longer than the longest delay of the schedule."""
PATIENCE: Final = 5
"""Failures in a row before an endpoint is only tried now and then."""
_HOLD, _LONGEST_HOLD = 5.0, 300.0  # seconds
_JITTER = 0.2

Signature = Literal["v1", "v1a"]
Notice = Literal["failing", "disabled"]
"""What the owner of an endpoint is told by mail."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What an endpoint wants. Empty ones let everything pass."""

    types: Sequence[str] = ()
    cpv: Sequence[str] = ()
    departments: Sequence[str] = ()
    buyers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What filters look at in an event."""

    type: str
    cpv: Sequence[str] = ()
    departments: Sequence[str] = ()
    buyer: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint fares."""

    failures: int = 0
    """Attempts that failed since the last one that did not."""
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    warned: bool = False
    held_until: datetime | None = None

    def after_failure(self, now: datetime, hold: float | None) -> tuple[Health, Notice | None]:
        """Give what a failure makes of it, and what its owner is told. `hold`: seconds that the endpoint asks to be left alone.

        It is disabled after 120 hours in which every attempt failed, with a word after 24. Time in which nothing was tried
        does not count.
        """
        fresh = self.failed_at is None or now - self.failed_at > FORGIVEN_AFTER
        since = now if fresh or self.failing_since is None else self.failing_since
        failures = self.failures + 1
        wait = max(hold or 0.0, _hold(failures))
        until = now + timedelta(seconds=wait) if wait else self.held_until
        told: Notice | None = None
        if now - since >= DISABLED_AFTER:
            told = "disabled"
        elif now - since >= WARNED_AFTER and not self.warned:
            told = "failing"
        warned = (self.warned and not fresh) or told is not None
        return Health(failures, since, now, warned, until), told


HEALTHY: Final = Health()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A partner's webhook."""

    webhook_id: UUID
    organisation: str
    url: str
    filters: Filters
    created_at: datetime
    per_second: int = 50
    signature: Signature = "v1"
    generation: int = 1
    """Which secret is good."""
    previous_until: datetime | None = None
    """Until then the secret before signs too."""
    state: str = "enabled"
    disabled_reason: str | None = None
    health: Health = HEALTHY

    def rotated(self, until: datetime) -> Endpoint:
        """Give it with another secret; the one of now signs beside it until then."""
        return replace(self, generation=self.generation + 1, previous_until=until)

    def generations(self, now: datetime) -> tuple[int, ...]:
        """Give which secrets sign now, the newest first."""
        both = self.previous_until is not None and now < self.previous_until
        return (self.generation, self.generation - 1) if both else (self.generation,)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event in our hands, on its way to an endpoint."""

    delivery_id: UUID
    event_id: UUID
    endpoint: Endpoint
    attempts: int
    begun: int
    """Attempts before its schedule began anew."""
    body: bytes = field(repr=False)

    @property
    def tries(self) -> int:
        """Attempts made on the schedule of now."""
        return self.attempts - self.begun


def wants(filters: Filters, facts: Facts) -> bool:
    """Tell whether filters let an event pass; each one given must hold."""
    right_type = not filters.types or facts.type in filters.types
    right_code = not filters.cpv or any(code.startswith(tuple(filters.cpv)) for code in facts.cpv)
    right_place = not filters.departments or any(code in filters.departments for code in facts.departments)
    return right_type and right_code and right_place and (not filters.buyers or facts.buyer in filters.buyers)


def delay_before(
    attempt: int, schedule: Sequence[float], *, delivery: UUID, retry_after: float | None = None
) -> float | None:
    """Give the seconds before an attempt (the second one is number 2); None when there is none left.

    The endpoint's `Retry-After` lengthens it, within a day. Jitter, from the delivery's own identity, keeps deliveries
    that failed together from coming back together.
    """
    if attempt - 2 >= len(schedule):
        return None
    spread = 1 + _JITTER * (delivery.int % 1_000) / 1_000
    return max(schedule[attempt - 2] * spread, min(retry_after or 0.0, MAX_RETRY_AFTER))


def _hold(failures: int) -> float:
    """Give the seconds for which an endpoint that fails again and again is left alone."""
    return min(_HOLD * 2 ** (failures - PATIENCE), _LONGEST_HOLD) if failures >= PATIENCE else 0.0
