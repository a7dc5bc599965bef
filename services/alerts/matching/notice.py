"""A notice as matching sees it: its words, codes, places, value and the rest that a search may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from libs.common.search.notice import Text
from libs.common.search.words import plain, stems
from services.alerts.matching.features import hashes

__all__ = ["NATIONAL", "Subject", "Words", "remaining"]

NATIONAL: Final = "national:yes"
"""The feature of notices that tell no place."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text, word by word."""

    stems: Mapping[str, str]
    """Each stem and the first word, as written, that has it."""
    exact: Sequence[str]
    """Each word, folded, in order."""
    places: Mapping[str, Sequence[int]]
    """Each of those and its places."""

    features: frozenset[str]
    """Stems, words and pairs of neighbours, as searches require them."""

    @classmethod
    def of(cls, text: Text) -> Words:
        """Read a text."""
        found: dict[str, str] = {}
        for word in dict.fromkeys(f"{text.title} {text.body}".split()):
            for stem in stems(word):
                found.setdefault(stem, word)
        exact, places = text.exact(), dict[str, list[int]]()
        for place, word in enumerate(exact):
            places.setdefault(word, []).append(place)
        pairs = {f"e:{one} {other}" for one, other in pairwise(exact)}
        features = frozenset({f"w:{stem}" for stem in found} | {f"e:{word}" for word in places} | pairs)
        return cls(found, exact, places, features)

    def holds(self, words: Sequence[str]) -> bool:
        """Tell whether these folded words stand side by side, in this order."""
        wanted, length = list(words), len(words)
        return any(self.exact[start : start + length] == wanted for start in self.places.get(wanted[0], ()))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a search is held against. Codes as text, value in euros excluding tax, points in degrees."""

    words: Words
    cpv: tuple[str, ...] = ()
    """8 digits each, without check digit."""
    points: tuple[tuple[float, float], ...] = ()
    """Where it stands: latitude and longitude."""
    national: bool = False
    value: Decimal | None = None
    phase: str = "contract"
    remaining: timedelta | None = None
    """From its publication to its deadline; None where it has none."""
    terms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Other codes, by the name of the list of a search that asks for them: departments, buyers, natures..."""
    hashes: NDArray[np.int64] = field(init=False, compare=False, repr=False)
    """Of its features: an index knows them by these."""

    def __post_init__(self) -> None:
        """Read its features once, for all the indexes that it is held against."""
        object.__setattr__(self, "hashes", hashes([*self.words.features, *self.codes()]))

    @classmethod
    def told(
        cls,
        title: str,
        description: str,
        *,
        cpv: Iterable[str] = (),
        departments: Iterable[str] = (),
        place: tuple[float, float] | None = None,
        value: Decimal | None = None,
        phase: str = "contract",
    ) -> Subject:
        """Read a notice of which little is told; CPV codes may carry their check digit."""
        words = Words.of(Text(plain(title), plain(description)))
        codes = tuple(code.strip()[:8] for code in cpv)
        points = (place,) if place else ()
        return cls(words, codes, points, value=value, phase=phase, terms={"departments": frozenset(departments)})

    def has(self, name: str) -> frozenset[str]:
        """Give its codes of a kind."""
        return self.terms.get(name, frozenset())

    def features(self) -> frozenset[str]:
        """Give every feature that a search may require; a search that holds has at least one of each of its groups here."""
        return self.words.features | self.codes()

    def codes(self) -> set[str]:
        """Give its features that are no words."""
        codes = {f"c:{code[:length]}" for code in self.cpv for length in range(1, len(code) + 1)}
        others = {f"{name}:{code}" for name, values in self.terms.items() for code in values}
        return codes | others | ({NATIONAL} if self.national else set())


def remaining(deadline: datetime | None, at: datetime) -> timedelta | None:
    """Give the time from an instant to a deadline."""
    return None if deadline is None else deadline - at
