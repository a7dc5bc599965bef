"""Rate limits by principal: a token bucket in the process. No shared state: n processes let pass n times as much."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from libs.common.http.problems import RateLimited

__all__ = ["Limiter"]

_MOST = 50_000  # principals remembered; the one seen longest ago is forgotten first


class Limiter:
    """Lets each principal make `per_minute` requests a minute, in bursts of at most as many."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, principal: str) -> None:
        """Count one request. Raises RateLimited with the seconds to wait."""
        now = time.monotonic()
        tokens, at = self._buckets.get(principal, (self._most, now))
        tokens = min(self._most, tokens + (now - at) * self._rate)
        if tokens < 1:
            raise RateLimited(math.ceil((1 - tokens) / self._rate))
        self._buckets[principal] = (tokens - 1, now)
        self._buckets.move_to_end(principal)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
