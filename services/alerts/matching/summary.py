"""A saved search in plain words, French and English, as its owner reads it in lists and in mails."""

from __future__ import annotations

from collections.abc import Sequence

from services.alerts.matching.criteria import DEFAULT_PHASES, Criteria

__all__ = ["summary", "summary_en"]

_PHASES = {
    "planning": ("projets d'achat", "planned purchases"),
    "contract": ("consultations", "tenders"),
    "award": ("attributions", "awards"),
    "change": ("rectificatifs", "changes"),
}


def summary(criteria: Criteria) -> str:
    """Say the search in one French sentence."""
    return _say(criteria, 0)


def summary_en(criteria: Criteria) -> str:
    """Say the search in one English sentence."""
    return _say(criteria, 1)


def _say(criteria: Criteria, language: int) -> str:
    parts = [*_text(criteria, language), *_codes(criteria, language), *_value(criteria, language)]
    said = " ; ".join(parts) or ("tout", "everything")[language]
    if criteria.phases == DEFAULT_PHASES:
        return said
    phases = (" et ", " and ")[language].join(_PHASES[phase][language] for phase in criteria.phases)
    return f"{said} ({phases})"


def _text(criteria: Criteria, language: int) -> list[str]:
    leads = (
        ("contient ", "contains "),
        ("contient au moins un mot parmi ", "contains at least one of "),
        ("contient l'expression ", "contains the phrase "),
        ("sans ", "without "),
    )
    lists = (criteria.words, criteria.any, criteria.phrases, criteria.exclude)
    return [lead[language] + _quoted(terms) for lead, terms in zip(leads, lists, strict=True) if terms]


def _codes(criteria: Criteria, language: int) -> list[str]:
    parts = []
    if criteria.cpv:
        parts.append("CPV " + ", ".join(f"{prefix}*" if len(prefix) < 8 else prefix for prefix in criteria.cpv))
    if criteria.departments:
        parts.append(("départements ", "departments ")[language] + ", ".join(criteria.departments))
    if criteria.near:
        near = criteria.near
        lead = (f"à {near.km:g} km au plus de ", f"within {near.km:g} km of ")[language]
        parts.append(f"{lead}{near.lat:.4f}, {near.lon:.4f}")
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
