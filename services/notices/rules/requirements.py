"""What the law asks of a notice, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from libs.common.calendar import Step
from services.notices.rules.channels import channels
from services.notices.rules.deadlines import answers_due, earliest_deadline
from services.notices.rules.periods import applying
from services.notices.rules.situation import Situation, is_formal, is_light

__all__ = ["Requirement", "requirements"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something the law asks of a notice, and why."""

    code: str
    text: str
    text_en: str
    source: str
    met: bool | None = None
    """None when the platform cannot tell."""
    at: datetime | None = None
    """The instant it leads to, for a date."""
    steps: tuple[Step, ...] = ()
    """How that date was found."""


def requirements(situation: Situation) -> tuple[Requirement, ...]:
    """Say what the law asks of a contract notice, and why, as far as its value and its buyer tell."""
    if situation.kind != "contract":
        return ()
    found = (
        _procedure(situation),
        _publication(situation),
        _documents(situation),
        _period(situation),
        _answers(situation),
        *_afterwards(situation),
    )
    return tuple(requirement for requirement in found if requirement)


def _euros(amount: Decimal) -> str:
    return f"{amount:,.0f}".replace(",", "\u202f") + " € HT"


def _procedure(situation: Situation) -> Requirement | None:
    threshold = situation.threshold()
    if threshold is None or situation.value is None or situation.is_concession:
        return None
    limit, value = _euros(threshold.amount), _euros(situation.value)
    if situation.reaches(threshold) and not is_light(situation):
        return Requirement(
            "procedure",
            f"Procédure formalisée : le besoin ({value}) atteint le seuil de {limit}.",
            f"Formal procedure: the need ({value}) reaches the threshold of {limit}.",
            f"R2124-1 CCP ; {threshold.source}",
            met=situation.announced_formal,
        )
    return Requirement(
        "procedure",
        f"Procédure adaptée possible : le besoin ({value}) est inférieur au seuil de {limit}."
        if not is_light(situation)
        else "Procédure adaptée possible quelle que soit la valeur : services sociaux ou autres services spécifiques.",
        f"An adapted procedure is possible: the need ({value}) is below the threshold of {limit}."
        if not is_light(situation)
        else "An adapted procedure is possible whatever the value: social or other specific services.",
        f"R2123-1 CCP ; {threshold.source}",
        met=True,
    )


def _publication(situation: Situation) -> Requirement:
    asked = channels(situation)
    free = asked.required == ("profile",) and not asked.one_of
    return Requirement("publication", asked.text, asked.text_en, asked.source, met=True if free else None)


def _documents(situation: Situation) -> Requirement | None:
    rule = situation.amount("buyer-profile")
    if rule is None or (situation.value is not None and not situation.reaches(rule)):
        return None
    limit = _euros(rule.amount)
    return Requirement(
        "documents",
        f"Documents de la consultation offerts gratuitement sur le profil d'acheteur dès la publication, à partir de {limit}.",
        f"Procurement documents free of charge on the buyer profile from publication on, from {limit}.",
        rule.source,
    )


def _period(situation: Situation) -> Requirement | None:
    found = earliest_deadline(situation)
    if found is None:
        return None
    met = None if situation.deadline is None else situation.deadline >= found.at
    return Requirement("period", found.text, found.text_en, found.source, met, found.at, found.steps)


def _answers(situation: Situation) -> Requirement | None:
    found = answers_due(situation)
    if found is None:
        return None
    return Requirement("answers", found.text, found.text_en, found.source, None, found.at, found.steps)


def _afterwards(situation: Situation) -> tuple[Requirement, ...]:
    data = situation.amount("essential-data")
    above = situation.is_concession or situation.value is None or situation.reaches(data)
    essential = Requirement(
        "essential-data",
        "Données essentielles du marché publiées dans les deux mois de sa notification."
        if not situation.is_concession
        else "Données essentielles de la concession publiées avant le début de son exécution.",
        "Essential data of the contract published within two months of its notification."
        if not situation.is_concession
        else "Essential data of the concession published before its performance begins.",
        data.source if data and not situation.is_concession else "L3131-1 et R3131-1 CCP",
    )
    return (*_standstill(situation), *((essential,) if above else ()))


def _standstill(situation: Situation) -> tuple[Requirement, ...]:
    formal = is_formal(situation) or (situation.is_concession and situation.reaches(situation.threshold()))
    rule = applying("standstill", situation)
    if not formal or rule is None:
        return ()
    return (
        Requirement(
            "standstill",
            f"Délai de {rule.days} jours entre l'information des candidats écartés et la signature du marché.",
            f"{rule.days} days between the information of the unsuccessful bidders and the signature of the contract.",
            rule.source,
        ),
    )
