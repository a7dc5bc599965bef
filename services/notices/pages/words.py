"""What the codes of a notice are called in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from libs.common.calendar import Territory, french_date
from libs.common.messages.base import Money

__all__ = [
    "CLAUSES",
    "CRITERIA",
    "KINDS",
    "NATURES",
    "OUTCOMES",
    "PROCEDURES",
    "SUBMISSION",
    "TECHNIQUES",
    "Words",
    "both",
    "hour",
    "money",
    "say",
]

Words = tuple[str, str]
"""French, English."""

KINDS: Final[Mapping[str, Words]] = {
    "planning": ("Avis de pré-information", "Planning notice"),
    "contract": ("Avis d'appel à la concurrence", "Contract notice"),
    "award": ("Avis d'attribution", "Award notice"),
    "change": ("Avis rectificatif", "Change notice"),
}
PROCEDURES: Final[Mapping[str, Words]] = {
    "adapted": ("Procédure adaptée", "Adapted procedure"),
    "open": ("Appel d'offres ouvert", "Open procedure"),
    "restricted": ("Appel d'offres restreint", "Restricted procedure"),
    "neg-w-call": ("Procédure avec négociation", "Negotiated procedure with call"),
    "comp-dial": ("Dialogue compétitif", "Competitive dialogue"),
    "innovation": ("Partenariat d'innovation", "Innovation partnership"),
    "neg-wo-call": (
        "Marché sans publicité ni mise en concurrence préalables",
        "Negotiated without prior call for competition",
    ),
    "oth-single": ("Autre procédure en une étape", "Other single-stage procedure"),
    "oth-mult": ("Autre procédure en plusieurs étapes", "Other multiple-stage procedure"),
}
NATURES: Final[Mapping[str, Words]] = {
    "works": ("Travaux", "Works"),
    "supplies": ("Fournitures", "Supplies"),
    "services": ("Services", "Services"),
}
TECHNIQUES: Final[Mapping[str, Words]] = {
    "framework": ("Accord-cadre", "Framework agreement"),
    "dynamic-purchasing": ("Système d'acquisition dynamique", "Dynamic purchasing system"),
    "design-contest": ("Concours", "Design contest"),
    "qualification-system": ("Système de qualification", "Qualification system"),
    "electronic-catalogue": ("Catalogue électronique", "Electronic catalogue"),
    "electronic-auction": ("Enchère électronique", "Electronic auction"),
}
OUTCOMES: Final[Mapping[str, Words]] = {
    "awarded": ("Attribué", "Awarded"),
    "unsuccessful": ("Infructueux", "Unsuccessful"),
    "abandoned": ("Déclaré sans suite", "Abandoned"),
}
CRITERIA: Final[Mapping[str, Words]] = {
    "price": ("Prix", "Price"),
    "cost": ("Coût", "Cost"),
    "quality": ("Qualité", "Quality"),
}
CLAUSES: Final[Mapping[str, Words]] = {
    "env-imp": ("Considérations environnementales", "Environmental considerations"),
    "soc-obj": ("Considérations sociales", "Social considerations"),
    "inn-pur": ("Achat innovant", "Innovative purchase"),
}
SUBMISSION: Final[Mapping[str, Words]] = {
    "required": ("Par voie électronique seulement", "By electronic means only"),
    "allowed": ("Par voie électronique ou autrement", "By electronic means or otherwise"),
    "not-allowed": ("Pas par voie électronique", "Not by electronic means"),
}


def say(words: Mapping[str, Words], code: str) -> Words:
    """Give the words of a code; the code itself where it has none here."""
    return words.get(code, (code, code))


def both(words: Words) -> str:
    """Give French and English on one line, once where they are the same."""
    return words[0] if words[0] == words[1] else f"{words[0]} / {words[1]}"


def money(value: Money) -> str:
    """Write an amount: 216 000,00 € HT."""
    written = f"{value.amount:,.2f}".replace(",", "\u202f").replace(".", ",")
    return f"{written} {'€' if value.currency == 'EUR' else value.currency} HT"


def hour(at: datetime, territory: Territory) -> str:
    """Write an instant in the legal time of a place: 3 décembre 2026 à 12 h 00 (heure de Paris)."""
    local = at.astimezone(territory.zone)
    return f"{french_date(at, territory.zone)} à {local.hour} h {local.minute:02d} (heure de {territory.clock})"
