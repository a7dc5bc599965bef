"""Who holds how many points of the polynomial, and which officers are enough together.

Without a recovery officer, and from k = 2 on with one, everybody holds one point and k points are needed: the recovery
officer stands in for one officer who is missing, and opens nothing alone. Where one officer is enough (k = 1), a
recovery officer with one point of one would open alone; so two points are needed there, each officer holds two of
them, and the recovery is cut in two: two recovery officers hold one point each and open together only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing.errors import EnvelopeError

__all__ = ["MAX_POINTS", "Sharing", "enough", "sharing"]

MAX_POINTS = 255
"""Points of a polynomial over GF(2^8), the secret apart."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a secret is shared out under a key set."""

    needed: int
    """Points that give the secret."""
    points: Mapping[str, tuple[int, ...]]
    """Each officer's points, in the order of the key set."""

    @property
    def total(self) -> int:
        """All points together."""
        return sum(len(each) for each in self.points.values())


def sharing(keys: OpeningKeySet) -> Sharing:
    """Give the sharing of a key set. Raises EnvelopeError when it cannot work."""
    recovery = sum(each.recovery for each in keys.officers)
    officers = len(keys.officers) - recovery
    if not 1 <= keys.threshold <= officers:
        raise EnvelopeError("the threshold must be between 1 and the number of officers")
    if recovery and recovery != (2 if keys.threshold == 1 else 1):
        raise EnvelopeError("one recovery officer; where one officer is enough, two who open together only")
    split = recovery > 0 and keys.threshold == 1
    points: dict[str, tuple[int, ...]] = {}
    following = 1
    for each in keys.officers:
        count = 2 if split and not each.recovery else 1
        points[each.officer] = tuple(range(following, following + count))
        following += count
    if following - 1 > MAX_POINTS:
        raise EnvelopeError("too many officers")
    return Sharing(2 if split else keys.threshold, points)


def enough(keys: OpeningKeySet, officers: Collection[str]) -> bool:
    """Say whether these officers together can open."""
    shared = sharing(keys)
    return sum(len(shared.points.get(each, ())) for each in set(officers)) >= shared.needed
