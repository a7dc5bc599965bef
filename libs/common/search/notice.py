"""What is read of a notice: its words, its codes, where the purchase is and in which phase. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, Lot, LotResult, Place
from libs.common.reference import cpv
from libs.common.search.words import capitals, exact_words, plain

__all__ = ["MAX_TEXT", "SaidNotice", "Text", "body_text", "clauses_told", "codes", "cpv_branches", "departments", "euros", "natures", "text_of"]  # fmt: skip

MAX_TEXT: Final = 40_000
"""Characters of a notice that are searched: the plain words of it keep their places (PostgreSQL counts 16,383 of them)."""
_APART: Final = "."
"""Between the title and the rest, so that no phrase runs from one into the other."""


class SaidNotice(Protocol):
    """What a notice says, as a draft's content and as its public state tell it alike."""

    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def internal_reference(self) -> str | None: ...  # noqa: D102
    @property
    def buyer(self) -> Buyer: ...  # noqa: D102
    @property
    def nature(self) -> str: ...  # noqa: D102
    @property
    def cpv(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def places(self) -> Sequence[Place]: ...  # noqa: D102
    @property
    def departments(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def value(self) -> Money | None: ...  # noqa: D102
    @property
    def lots(self) -> Sequence[Lot]: ...  # noqa: D102
    @property
    def results(self) -> Sequence[LotResult]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a notice."""

    title: str
    """Plain words."""
    body: str

    def exact(self) -> list[str]:
        """Give its words folded, in their order, those of the title apart; then what stands in capitals for itself."""
        found = [*exact_words(self.title), _APART, *exact_words(self.body), _APART]
        return found + [each for word in capitals(f"{self.title} {self.body}") for each in (word, _APART)]


def text_of(notice: SaidNotice) -> Text:
    """Give the text of a notice as it is searched."""
    return Text(plain(notice.title), body_text(notice))


def body_text(notice: SaidNotice) -> str:
    """Give what is searched beside the title: descriptions, lots, buyer, reference, labels of the CPV codes."""
    lots = (f"{lot.title}\n{lot.description}" for lot in notice.lots)
    labels = (cpv.label(code) for code in codes(notice) if cpv.exists(code))
    winners = (result.winner_name or "" for result in notice.results)
    parts = (
        notice.description,
        notice.buyer.name,
        notice.buyer.city or "",
        notice.internal_reference or "",
        *lots,
        *labels,
        *winners,
    )
    return plain("\n".join(parts)[:MAX_TEXT])


def cpv_branches(notice: SaidNotice) -> list[str]:
    """Give every prefix of 2 to 8 digits of every CPV code of a notice."""
    return sorted({code[:length] for code in codes(notice) for length in range(2, 9)})


def departments(notice: SaidNotice) -> list[str]:
    """Give the departments of performance, else the buyer's."""
    places = (*notice.places, *(place for lot in notice.lots for place in lot.places))
    told = (*notice.departments, *(place.department for place in places if place.department))
    return list(dict.fromkeys(told)) or ([notice.buyer.department] if notice.buyer.department else [])


def natures(notice: SaidNotice) -> list[str]:
    """Give works, supplies, services: of the notice and of its lots."""
    return list(dict.fromkeys((notice.nature, *(lot.nature for lot in notice.lots))))


def clauses_told(notice: SaidNotice) -> list[str]:
    """Give whether a lot has social or environmental terms, whatever the way they are told."""
    terms = [lot.terms for lot in notice.lots if lot.terms is not None]
    social = any(each.social or each.reserved_participation or "soc-obj" in each.strategic for each in terms)
    green = any(each.environmental or "env-imp" in each.strategic for each in terms)
    return [name for name, told in (("social", social), ("environmental", green)) if told]


def euros(notice: SaidNotice) -> int | None:
    """Give the value in euro cents, None where none is told, or in another currency."""
    value = notice.value
    return int(value.amount * 100) if value is not None and value.currency == "EUR" else None


def codes(notice: SaidNotice) -> list[str]:
    """Give its CPV codes and those of its lots."""
    return list(dict.fromkeys((*notice.cpv, *(code for lot in notice.lots for code in lot.cpv))))
