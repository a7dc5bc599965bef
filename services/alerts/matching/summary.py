"""A saved search in plain words, French and English, as its owner reads it in lists and in mails."""

from __future__ import annotations

from collections.abc import Sequence

from services.alerts.matching.criteria import DEFAULT_PHASES, Criteria

__all__ = ["summary", "summary_en"]

_PHASES = {
    "planning": ("projets d'achat", "planned purchases"),
    "contract": ("consultations", "tenders"),
    "change": ("rectificatifs", "changes"),
    "answer": ("réponses aux questions", "answers to questions"),
    "award": ("attributions", "awards"),
    "cancellation": ("abandons", "cancellations"),
}
_NATIONAL = {
    "only": ("sans lieu d'exécution désigné", "no place of performance told"),
    "included": ("ou sans lieu d'exécution désigné", "or no place of performance told"),
    "excluded": ("lieu d'exécution désigné", "a place of performance told"),
}
_TERMS = {
    "words": ("contient ", "contains "),
    "any": ("contient au moins un mot parmi ", "contains at least one of "),
    "phrases": ("contient l'expression ", "contains the phrase "),
    "exclude": ("sans ", "without "),
}
_LISTS = {
    "departments": ("départements ", "departments "),
    "regions": ("régions ", "regions "),
    "communes": ("communes ", "communes "),
    "natures": ("natures ", "natures "),
    "contracts": ("contrats ", "contracts "),
    "procedures": ("procédures ", "procedures "),
    "techniques": ("techniques ", "techniques "),
    "clauses": ("clauses ", "clauses "),
    "languages": ("langues ", "languages "),
    "buyers": ("acheteurs ", "buyers "),
    "not_buyers": ("sauf les acheteurs ", "except the buyers "),
}
"""Lists of codes, in the order they are told."""
_PLACES = 3
"""The first ones tell where: `near` and `national` go with them."""


def summary(criteria: Criteria) -> str:
    """Say the search in one French sentence."""
    return _say(criteria, 0)


def summary_en(criteria: Criteria) -> str:
    """Say the search in one English sentence."""
    return _say(criteria, 1)


def _say(criteria: Criteria, language: int) -> str:
    lists = _lists(criteria, language)
    parts = [*_text(criteria, language), *lists[0], *_near(criteria, language), *lists[1], *_value(criteria, language)]
    if criteria.deadline_days is not None:
        days = criteria.deadline_days
        parts.append((f"date limite dans {days} jours au moins", f"deadline at least {days} days away")[language])
    said = " ; ".join(parts) or ("tout", "everything")[language]
    if criteria.phases == DEFAULT_PHASES:
        return said
    phases = (" et ", " and ")[language].join(_PHASES[phase][language] for phase in criteria.phases)
    return f"{said} ({phases})"


def _text(criteria: Criteria, language: int) -> list[str]:
    said = {
        name: lead[language] + _quoted(terms) for name, lead in _TERMS.items() if (terms := getattr(criteria, name))
    }
    unwanted = [said.pop("exclude")] if "exclude" in said and criteria.either else []
    parts = list(said.values())
    codes = "CPV " + ", ".join(f"{prefix}*" if len(prefix) < 8 else prefix for prefix in criteria.cpv)
    if criteria.either:
        return [(" et ", " and ")[language].join(parts) + (" ou ", " or ")[language] + codes, *unwanted]
    return [*parts, codes] if criteria.cpv else parts


def _lists(criteria: Criteria, language: int) -> tuple[list[str], list[str]]:
    """Say the lists that tell where, and the others."""
    said = [
        (name, lead[language] + ", ".join(values))
        for name, lead in _LISTS.items()
        if (values := getattr(criteria, name))
    ]
    places = list(_LISTS)[:_PLACES]
    return [text for name, text in said if name in places], [text for name, text in said if name not in places]


def _near(criteria: Criteria, language: int) -> list[str]:
    parts = []
    if criteria.near:
        near = criteria.near
        lead = (f"à {near.km:g} km au plus de ", f"within {near.km:g} km of ")[language]
        parts.append(f"{lead}{near.lat:.4f}, {near.lon:.4f}")
    if criteria.national:
        parts.append(_NATIONAL[criteria.national][language])
    return parts


def _value(criteria: Criteria, language: int) -> list[str]:
    low, high = criteria.value_min, criteria.value_max
    if low is None and high is None:
        return []
    bounds = []
    if low is not None:
        bounds.append((f"au moins {low} € HT", f"at least {low} € excl. tax")[language])
    if high is not None:
        bounds.append((f"au plus {high} € HT", f"at most {high} € excl. tax")[language])
    unknown = (" ou montant inconnu", " or unknown value")[language] if criteria.unknown_value else ""
    return [(" et ", " and ")[language].join(bounds) + unknown]


def _quoted(terms: Sequence[str]) -> str:
    return ", ".join(f"« {term} »" for term in terms)
