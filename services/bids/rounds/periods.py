"""The least periods between an invitation and the deadline of its round, as dated data, deposits being electronic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from libs.common.messages.notices import Notice
from services.bids.rounds.states import RoundKind

__all__ = ["PERIODS", "RoundPeriod", "period_of"]

Purchaser = Literal["authority", "entity", "defence"]
_FIRST: Final = date(2019, 4, 1)
"""The day the code de la commande publique entered into force."""
_ENTITIES: Final = ("pub-undert", "spec-rights")
_UTILITIES: Final = frozenset({"17", "21"})
_DEFENCE: Final = "18"
"""Subtypes of contract notices (OPP-070) of contracting entities, and for defence."""


@dataclass(frozen=True, slots=True)
class RoundPeriod:
    """A least period of the law; `shortened`: where the buyer says why it is short."""

    kind: RoundKind
    days: int
    source: str
    procedures: frozenset[str] = frozenset()
    """BT-105; empty: all."""
    purchasers: frozenset[Purchaser] = frozenset({"authority", "entity"})
    concession: bool = False
    shortened: bool = False
    first: date = _FIRST
    last: date | None = None

    def concerns(self, kind: RoundKind, notice: Notice, on: date) -> bool:
        """Say whether it applies to a round opened that day."""
        return (
            self.kind == kind
            and self.first <= on
            and (self.last is None or on <= self.last)
            and self.concession == (notice.contract_kind == "concession")
            and _purchaser(notice) in self.purchasers
            and (not self.procedures or notice.procedure_type in self.procedures)
        )


_AUTHORITY: Final[frozenset[Purchaser]] = frozenset({"authority"})
_ENTITY: Final[frozenset[Purchaser]] = frozenset({"entity"})
_MILITARY: Final[frozenset[Purchaser]] = frozenset({"defence"})
_RESTRICTED: Final = frozenset({"restricted"})
_NEGOTIATED: Final = frozenset({"neg-w-call"})
_CONCESSIONS: Final = frozenset({"restricted", "neg-w-call", "oth-mult"})

PERIODS: Final = (
    RoundPeriod("tender", 25, "art. R2161-7 et R2161-8 CCP", _RESTRICTED, _AUTHORITY),
    RoundPeriod("tender", 10, "art. R2161-8 CCP", _RESTRICTED, _AUTHORITY, shortened=True),
    RoundPeriod("tender", 25, "art. R2161-14 et R2161-15 CCP", _NEGOTIATED, _AUTHORITY),
    RoundPeriod("tender", 10, "art. R2161-15 CCP", _NEGOTIATED, _AUTHORITY, shortened=True),
    RoundPeriod("tender", 10, "directive 2014/25/UE art. 46 et 47", _RESTRICTED | _NEGOTIATED, _ENTITY),
    RoundPeriod("tender", 0, "directive 2014/25/UE art. 46 et 47 : délai fixé d'un commun accord",
                _RESTRICTED | _NEGOTIATED, _ENTITY, shortened=True),
    RoundPeriod("tender", 35, "directive 2009/81/CE art. 33", _RESTRICTED, _MILITARY),
    RoundPeriod("tender", 10, "directive 2009/81/CE art. 33", _RESTRICTED, _MILITARY, shortened=True),
    RoundPeriod("tender", 17, "art. R3124-2 CCP ; directive 2014/23/UE art. 39", _CONCESSIONS, concession=True),
    RoundPeriod("specific", 10, "art. R2162-50 CCP ; directive 2014/24/UE art. 34"),
    RoundPeriod("specific", 0, "directive 2014/25/UE art. 52 : délai fixé d'un commun accord",
                purchasers=_ENTITY, shortened=True),
)  # fmt: skip
"""In force since the code itself; a change of the law adds a row and closes the old one. Formal procedures only; where no row
concerns a round (dialogue, negotiation, subsequent contracts) the law sets none, and the buyer chooses."""


def period_of(kind: RoundKind, notice: Notice, on: date, *, shortened: bool) -> RoundPeriod | None:
    """Give the least period of a round opened that day; None where the law sets none."""
    if not notice.formal:
        return None
    found = [each for each in PERIODS if each.concerns(kind, notice, on) and (shortened or not each.shortened)]
    return min(found, key=lambda each: each.days, default=None)


def _purchaser(notice: Notice) -> Purchaser:
    legal_type = notice.buyer.legal_type or ""
    if notice.subtype == _DEFENCE or legal_type == "def-cont":
        return "defence"
    return "entity" if notice.subtype in _UTILITIES or legal_type.startswith(_ENTITIES) else "authority"
