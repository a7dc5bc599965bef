"""What the law asks of a procurement, as dated data: thresholds by buyer and nature, publication, periods; each with its source.

Amounts are in euros excluding tax. A rule holds from its first day to its last; the date is that of the sending of the notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

__all__ = [
    "RULES",
    "BuyerKind",
    "Requirement",
    "Rule",
    "Situation",
    "amount_on",
    "buyer_kind",
    "formal_threshold",
    "is_formal",
    "requirements",
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


_FORMAL_SUBTYPES: Final = frozenset(
    {"10", "11", "15", "16", "17", "18", "19", "23", "24", "29", "30", "31", "32", "36", "37", "N16", "N29"}
)
_LIGHT_SUBTYPES: Final = frozenset({"12", "13", "14", "20", "21", "33", "34", "35"})


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules look at."""

    on: date
    buyer: BuyerKind
    nature: str
    subtype: str
    kind: str = "contract"
    value: Decimal | None = None
    """Estimated value of the whole procedure; None when the notice does not tell."""
    procedure_type: str = "open"
    deadline: date | None = None
    electronic: bool = True


def is_formal(situation: Situation) -> bool:
    """Tell whether the procedure is formal (procédure formalisée, R2124-1): standstill and other duties follow.

    It is when the need reaches the threshold of the day, or when the buyer publishes under a directive, whatever the value:
    who announces a formal procedure follows it. Social and other specific services are never (R2123-1, 3°).
    """
    if situation.subtype in _LIGHT_SUBTYPES:
        return False
    if situation.subtype in _FORMAL_SUBTYPES:
        return True
    threshold = formal_threshold(situation.on, situation.buyer, situation.nature)
    return bool(threshold and situation.value is not None and situation.value >= threshold.amount)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something the law asks of a notice, and why."""

    code: str
    text: str
    text_en: str
    source: str
    met: bool | None = None
    """None when the platform cannot tell."""


def requirements(situation: Situation) -> tuple[Requirement, ...]:
    """Say what the law asks of a contract notice, and why, as far as its value and its buyer tell."""
    if situation.kind != "contract":
        return ()
    found = (
        _procedure(situation),
        _publication(situation),
        _documents(situation),
        _period(situation),
        *_afterwards(situation),
    )
    return tuple(requirement for requirement in found if requirement)


def _euros(amount: Decimal) -> str:
    return f"{amount:,.0f}".replace(",", "\u202f") + " € HT"


def _procedure(situation: Situation) -> Requirement | None:
    threshold = formal_threshold(situation.on, situation.buyer, situation.nature)
    if threshold is None or situation.value is None:
        return None
    limit, value = _euros(threshold.amount), _euros(situation.value)
    if situation.value >= threshold.amount and situation.subtype not in _LIGHT_SUBTYPES:
        return Requirement(
            "procedure",
            f"Procédure formalisée : le besoin ({value}) atteint le seuil de {limit}.",
            f"Formal procedure: the need ({value}) reaches the threshold of {limit}.",
            f"R2124-1 CCP ; {threshold.source}",
            met=situation.subtype in _FORMAL_SUBTYPES,
        )
    return Requirement(
        "procedure",
        f"Procédure adaptée possible : le besoin ({value}) est inférieur au seuil de {limit}.",
        f"An adapted procedure is possible: the need ({value}) is below the threshold of {limit}.",
        f"R2123-1 CCP ; {threshold.source}",
        met=True,
    )


def _publication(situation: Situation) -> Requirement:
    if is_formal(situation):
        return Requirement(
            "publication",
            "Avis publié au BOAMP et au Journal officiel de l'Union européenne, car la procédure est formalisée.",
            "Notice published in the BOAMP and the Official Journal of the European Union, as the procedure is formal.",
            "R2131-16 CCP",
        )
    national = amount_on("national-publication", situation.on, situation.buyer, situation.nature)
    if national and (situation.value is None or situation.value >= national.amount):
        limit = _euros(national.amount)
        return Requirement(
            "publication",
            f"Avis publié au BOAMP ou dans un journal d'annonces légales à partir de {limit}.",
            f"Notice published in the BOAMP or a legal-notice paper from {limit}.",
            national.source,
        )
    return Requirement(
        "publication",
        "Publicité librement adaptée au montant et à la nature du besoin : le profil d'acheteur peut suffire.",
        "Publicity freely adapted to the value and nature of the need: the buyer profile may be enough.",
        "R2131-12 et R2131-13 CCP",
        met=True,
    )


def _documents(situation: Situation) -> Requirement | None:
    rule = amount_on("buyer-profile", situation.on, situation.buyer, situation.nature)
    if rule is None or (situation.value is not None and situation.value < rule.amount):
        return None
    return Requirement(
        "documents",
        f"Documents de la consultation offerts gratuitement sur le profil d'acheteur dès la publication, à partir de {_euros(rule.amount)}.",
        f"Procurement documents free of charge on the buyer profile from publication on, from {_euros(rule.amount)}.",
        rule.source,
    )


_OPEN_DAYS: Final = 35
_OPEN_ELECTRONIC_DAYS: Final = 30


def _period(situation: Situation) -> Requirement | None:
    if not is_formal(situation) or situation.procedure_type != "open":
        return None
    days = _OPEN_ELECTRONIC_DAYS if situation.electronic else _OPEN_DAYS
    earliest = situation.on + timedelta(days=days)
    return Requirement(
        "period",
        f"Au moins {days} jours entre l'envoi de l'avis et la date limite : le {earliest:%d/%m/%Y} au plus tôt pour un envoi ce jour.",
        f"At least {days} days between the sending of the notice and the deadline: {earliest} at the earliest if sent today.",
        "R2161-2 et R2161-3 CCP",
        met=None if situation.deadline is None else situation.deadline >= earliest,
    )


def _afterwards(situation: Situation) -> tuple[Requirement, ...]:
    formal = is_formal(situation)
    standstill = Requirement(
        "standstill",
        "Délai de 11 jours entre l'information électronique des candidats écartés et la signature du marché.",
        "11 days between the electronic information of the unsuccessful bidders and the signature of the contract.",
        "R2182-1 CCP",
    )
    data = amount_on("essential-data", situation.on, situation.buyer, situation.nature)
    essential = Requirement(
        "essential-data",
        "Données essentielles du marché publiées dans les deux mois de sa notification.",
        "Essential data of the contract published within two months of its notification.",
        data.source if data else "R2196-1 CCP",
    )
    above = data is not None and (situation.value is None or situation.value >= data.amount)
    return (*((standstill,) if formal else ()), *((essential,) if above else ()))
