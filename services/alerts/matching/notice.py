"""A notice as matching sees it: its words, codes, place and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from services.alerts.matching.words import Text, read

__all__ = ["EVERY", "Subject"]

EVERY = "*"
"""The key under which searches without a selective term stand: they are looked at for each notice."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a search is held against. Codes as text, value in euros excluding tax, place in degrees."""

    text: Text
    cpv: tuple[str, ...] = ()
    """8 digits each, without check digit."""
    departments: tuple[str, ...] = ()
    place: tuple[float, float] | None = None
    value: Decimal | None = None
    phase: str = "contract"

    @classmethod
    def of(
        cls,
        title: str,
        description: str,
        *,
        cpv: tuple[str, ...] = (),
        departments: tuple[str, ...] = (),
        place: tuple[float, float] | None = None,
        value: Decimal | None = None,
        phase: str = "contract",
    ) -> Subject:
        """Read a notice; CPV codes may carry their check digit."""
        codes = tuple(code.strip()[:8] for code in cpv)
        return cls(read(title, description), codes, departments, place, value, phase)

    def terms(self) -> Iterator[str]:
        """Give every key under which a search that matches this notice may stand (see `anchors.anchors`)."""
        yield EVERY
        yield from (f"w:{stem}" for stem in self.text.stems)
        yield from (f"e:{word}" for word in self.text.places)
        yield from {f"c:{code[:length]}" for code in self.cpv for length in range(1, len(code) + 1)}
        yield from (f"d:{department}" for department in self.departments)
