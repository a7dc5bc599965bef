"""The thresholds of the law as dated data: by buyer, nature and day, each with its source.

Amounts are in euros excluding tax. A rule holds from its first day to its last; the date is that of the sending of the notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

__all__ = [
    "RULES",
    "BuyerKind",
    "Rule",
    "amount_on",
    "buyer_kind",
    "formal_threshold",
    "rules_on",
]


class BuyerKind(StrEnum):
    """The kinds of buyers that thresholds tell apart (annex 2 of the code de la commande publique)."""

    STATE = "state"
    """State and its administrative establishments (autorités publiques centrales)."""
    LOCAL = "local"
    """Local authorities, their establishments, public hospitals and all other contracting authorities."""
    ENTITY = "entity"
    """Contracting entities: water, energy, transport, postal services (entités adjudicatrices)."""
    DEFENCE = "defence"
    """Defence and security contracts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold, during one period."""

    code: str
    amount: Decimal
    first: date
    last: date | None
    """None: no end is known."""
    source: str
    label: str
    label_en: str
    buyers: frozenset[BuyerKind] = frozenset(BuyerKind)
    natures: frozenset[str] = frozenset({"works", "supplies", "services", "concession"})

    def holds(self, on: date, buyer: BuyerKind | None = None, nature: str | None = None) -> bool:
        """Say whether it applies that day, to that buyer and that nature."""
        in_time = self.first <= on and (self.last is None or on <= self.last)
        return in_time and (buyer is None or buyer in self.buyers) and (nature is None or nature in self.natures)


_2024: Final = (
    date(2024, 1, 1),
    date(2025, 12, 31),
    "Annexe 2 du CCP, avis au JO du 7 décembre 2023 (seuils 2024-2025)",
)
_2026: Final = (
    date(2026, 1, 1),
    date(2027, 12, 31),
    "Annexe 2 du CCP, avis au JO du 26 décembre 2025 (seuils 2026-2027, règlements (UE) 2025/2150 à 2152)",
)
_GOODS: Final = frozenset({"supplies", "services"})
_WORKS: Final = frozenset({"works"})
_LASTING: Final = (date(2020, 1, 1), None)


def _formal(period: tuple[date, date, str], buyers: set[BuyerKind], natures: frozenset[str], amount: int) -> Rule:
    first, last, source = period
    return Rule(
        "formal-procedure",
        Decimal(amount),
        first,
        last,
        source,
        "Seuil de procédure formalisée",
        "Formal procedure threshold",
        frozenset(buyers),
        natures,
    )


def _without_publicity(natures: frozenset[str], amount: int, first: date, last: date | None, source: str) -> Rule:
    return Rule(
        "no-publicity",
        Decimal(amount),
        first,
        last,
        source,
        "Seuil de dispense de publicité et de mise en concurrence",
        "Threshold below which neither publicity nor competition is asked",
        natures=natures,
    )


def _buyer_profile(amount: int, first: date, last: date | None, source: str) -> Rule:
    return Rule(
        "buyer-profile",
        Decimal(amount),
        first,
        last,
        source,
        "Documents de la consultation sur le profil d'acheteur, échanges électroniques",
        "Procurement documents on the buyer profile, electronic exchanges",
    )


def _small_lots(natures: frozenset[str], amount: int) -> Rule:
    return Rule(
        "small-lot",
        Decimal(amount),
        *_LASTING,
        "R2123-1, 2° CCP",
        "Petits lots passés en procédure adaptée, s'ils ne dépassent pas ensemble 20 % de la valeur de tous les lots",
        "Small lots by an adapted procedure, as long as together they do not exceed 20 % of the value of all lots",
        natures=natures,
    )


_DECREE: Final = "décret n° 2025-1386 du 29 décembre 2025"
RULES: Final = (
    _formal(_2024, {BuyerKind.STATE}, _GOODS, 143_000),
    _formal(_2024, {BuyerKind.LOCAL}, _GOODS, 221_000),
    _formal(_2024, {BuyerKind.ENTITY, BuyerKind.DEFENCE}, _GOODS, 443_000),
    _formal(_2024, set(BuyerKind), _WORKS | {"concession"}, 5_538_000),
    _formal(_2026, {BuyerKind.STATE}, _GOODS, 140_000),
    _formal(_2026, {BuyerKind.LOCAL}, _GOODS, 216_000),
    _formal(_2026, {BuyerKind.ENTITY, BuyerKind.DEFENCE}, _GOODS, 432_000),
    _formal(_2026, set(BuyerKind), _WORKS | {"concession"}, 5_404_000),
    _without_publicity(_GOODS, 40_000, date(2020, 1, 1), date(2026, 3, 31), "R2122-8 CCP"),
    _without_publicity(_GOODS, 60_000, date(2026, 4, 1), None, f"R2122-8 CCP, {_DECREE}"),
    _without_publicity(_WORKS, 100_000, date(2020, 12, 8), None, f"R2122-8 CCP, lois et décrets successifs, {_DECREE}"),
    _buyer_profile(40_000, date(2020, 1, 1), date(2026, 3, 31), "R2132-2 CCP"),
    _buyer_profile(60_000, date(2026, 4, 1), None, f"R2132-2 CCP, {_DECREE}"),
    Rule(
        "national-publication",
        Decimal(90_000),
        *_LASTING,
        "R2131-12 CCP",
        "Publication au BOAMP ou dans un journal d'annonces légales",
        "Publication in the BOAMP or a legal-notice paper",
    ),
    Rule(
        "light-publication",
        Decimal(750_000),
        *_LASTING,
        "R2123-1, 3° CCP ; directive 2014/24/UE art. 4, d et 75",
        "Avis au JOUE pour les services sociaux et autres services spécifiques",
        "Notice in the Official Journal for social and other specific services",
        frozenset({BuyerKind.STATE, BuyerKind.LOCAL}),
        frozenset({"services"}),
    ),
    Rule(
        "light-publication",
        Decimal(1_000_000),
        *_LASTING,
        "R2123-1, 3° CCP ; directive 2014/25/UE art. 15, c et 92",
        "Avis au JOUE pour les services sociaux et autres services spécifiques",
        "Notice in the Official Journal for social and other specific services",
        frozenset({BuyerKind.ENTITY}),
        frozenset({"services"}),
    ),
    Rule(
        "innovative-purchase",
        Decimal(100_000),
        *_LASTING,
        "R2122-9-1 CCP",
        "Achat innovant sans publicité ni mise en concurrence",
        "Innovative purchase without publicity or competition",
    ),
    _small_lots(_GOODS, 80_000),
    _small_lots(_WORKS, 1_000_000),
    Rule(
        "essential-data",
        Decimal(40_000),
        *_LASTING,
        "R2196-1 CCP, arrêté du 22 décembre 2022",
        "Publication des données essentielles du marché",
        "Publication of the essential data of the contract",
    ),
)


def rules_on(on: date) -> tuple[Rule, ...]:
    """Give all the rules that hold on a day."""
    return tuple(rule for rule in RULES if rule.holds(on))


def amount_on(code: str, on: date, buyer: BuyerKind, nature: str) -> Rule | None:
    """Give the rule of that code for a day, a buyer and a nature; None if none is known."""
    return next((rule for rule in RULES if rule.code == code and rule.holds(on, buyer, nature)), None)


def formal_threshold(on: date, buyer: BuyerKind, nature: str) -> Rule | None:
    """Give the formal procedure threshold; None for a day whose thresholds are not known here."""
    return amount_on("formal-procedure", on, buyer, nature)


def buyer_kind(legal_type: str | None, legal_basis: str | None = None) -> BuyerKind:
    """Tell the kind of a buyer from its eForms legal type (BT-11) and the legal basis of the notice (BT-01)."""
    if legal_basis == "32009L0081" or legal_type == "def-cont":
        return BuyerKind.DEFENCE
    if legal_basis == "32014L0025" or (legal_type or "").startswith(("pub-undert", "spec-rights")):
        return BuyerKind.ENTITY
    return BuyerKind.STATE if legal_type in {"cga", "body-pl-cga"} else BuyerKind.LOCAL
