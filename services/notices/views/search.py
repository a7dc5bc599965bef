"""Answers of a search, counted and placed, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal, Self

from pydantic import Field

from libs.common.http import Page
from libs.common.reference import cpv, departments, regions
from services.notices.search.criteria import Facet, Sort
from services.notices.search.fields import VALUES
from services.notices.service.search import Found, FoundNotice
from services.notices.views.base import View
from services.notices.views.notices import NoticeView

__all__ = ["FacetValue", "FoundView", "PeriodView", "SearchPage", "StatisticsView", "facets_of", "label", "statistics"]

_WORDS = {
    "works": ("Travaux", "Works"),
    "supplies": ("Fournitures", "Supplies"),
    "services": ("Services", "Services"),
    "marche": ("Marché", "Contract"),
    "concession": ("Concession", "Concession"),
    "planning": ("En projet", "Planning"),
    "open": ("Ouverte", "Open"),
    "suspended": ("Suspendue", "Suspended"),
    "closed": ("Close", "Closed"),
    "awarded": ("Attribuée", "Awarded"),
    "cancelled": ("Sans suite", "Cancelled"),
    "social": ("Clause sociale", "Social clause"),
    "environmental": ("Clause environnementale", "Environmental clause"),
    "framework": ("Accord-cadre", "Framework agreement"),
    "dynamic-purchasing": ("Système d'acquisition dynamique", "Dynamic purchasing system"),
    "design-contest": ("Concours", "Design contest"),
    "qualification-system": ("Système de qualification", "Qualification system"),
    "electronic-catalogue": ("Catalogue électronique", "Electronic catalogue"),
    "electronic-auction": ("Enchère électronique", "Electronic auction"),
    "unknown": ("Non indiquée", "Not told"),
}
_OF_FACET = {
    Facet.PROCEDURE: {
        "open": ("Appel d'offres ouvert", "Open"),
        "restricted": ("Appel d'offres restreint", "Restricted"),
        "adapted": ("Procédure adaptée", "Adapted procedure"),
        "neg-w-call": ("Procédure avec négociation", "Negotiated with prior call"),
        "neg-wo-call": ("Sans publicité ni mise en concurrence préalables", "Negotiated without prior call"),
        "comp-dial": ("Dialogue compétitif", "Competitive dialogue"),
        "innovation": ("Partenariat d'innovation", "Innovation partnership"),
        "comp-tend": ("Appel à la concurrence", "Competitive tendering"),
        "exp-int-rail": ("Demande d'expressions d'intérêt, chemins de fer", "Expressions of interest, rail"),
        "oth-single": ("Autre, en une étape", "Other single stage"),
        "oth-mult": ("Autre, en plusieurs étapes", "Other multiple stage"),
        "unspecified": ("Non précisée", "Unspecified"),
    },
    Facet.KIND: {
        "planning": ("Avis de préinformation", "Planning notice"),
        "contract": ("Avis de marché", "Contract notice"),
        "award": ("Avis d'attribution", "Award notice"),
        "change": ("Avis rectificatif", "Change notice"),
    },
}


class FacetValue(View):
    """A value of a facet, and how many notices the search would find with it."""

    value: str
    label: str
    label_en: str
    count: int


class FoundView(NoticeView):
    """A notice found."""

    distance_km: float | None = Field(default=None, description="from `near` to its nearest place, when sorted by it")

    @classmethod
    def found(cls, found: FoundNotice, now: datetime, sort: Sort) -> Self:
        """Show a notice found by a search in some order."""
        view = cls.of(found.notice, now)
        away = round(found.position.rank / 1000, 1) if sort is Sort.DISTANCE else None
        return view.model_copy(update={"distance_km": away})


class SearchPage(Page[FoundView]):
    """A page of a search."""

    total: int | None = Field(description="how many notices answer; null while the search index is built")
    facets: dict[str, list[FacetValue]] = Field(
        default={}, description="those asked for, most frequent values first; each is counted without its own filter"
    )


class PeriodView(View):
    """A day, a week or a month, and how many notices were published then."""

    begins: date
    count: int


class StatisticsView(View):
    """How many notices answer, over time."""

    total: int
    last_month: int = Field(description="published in the 30 days before today, in Paris")
    periods: list[PeriodView] = Field(description="oldest first, empty ones too; weeks begin on Monday")


def statistics(days: Mapping[date, int], by: Literal["day", "week", "month"], today: date) -> StatisticsView:
    """Count days together by periods, from the first that has any to the last."""
    counts: dict[date, int] = {}
    for day, count in days.items():
        begins = _begins(day, by)
        counts[begins] = counts.get(begins, 0) + count
    begins, last = min(counts, default=today), max(counts, default=date.min)
    periods = []
    while begins <= last:
        periods.append(PeriodView(begins=begins, count=counts.get(begins, 0)))
        begins = _begins(begins + timedelta(days={"day": 1, "week": 7, "month": 31}[by]), by)
    recent = sum(count for day, count in days.items() if today - timedelta(days=30) <= day < today)
    return StatisticsView(total=sum(days.values()), last_month=recent, periods=periods)


def _begins(day: date, by: Literal["day", "week", "month"]) -> date:
    if by == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if by == "week" else day


def facets_of(found: Found) -> dict[str, list[FacetValue]]:
    """Show the counts of facets."""
    return {facet.value: _values(facet, counts, found.buyers) for facet, counts in found.facets.items()}


def _values(facet: Facet, counts: Mapping[str, int], buyers: Mapping[str, str]) -> list[FacetValue]:
    shown = []
    for value, count in counts.items():
        name = buyers.get(value, value)
        french, english = (name, name) if facet is Facet.BUYER else label(facet, value)
        shown.append(FacetValue(value=value, label=french, label_en=english, count=count))
    return shown


def label(facet: Facet, value: str) -> tuple[str, str]:
    """Give what a value of a facet is called, in French and in English; itself where it has no other name."""
    code = value.ljust(8, "0")
    if facet is Facet.CPV and cpv.exists(code):
        return cpv.label(code), cpv.label(code, "en")
    if facet is Facet.VALUE and value.isdigit():
        return _from(int(value))
    name = None
    if facet is Facet.DEPARTMENT and (department := departments.get(value)):
        name = department.name
    if facet is Facet.REGION:
        name = regions.every().get(value)
    if name is not None:
        return name, name
    return _OF_FACET.get(facet, _WORDS).get(value, (value, value))


def _from(low: int) -> tuple[str, str]:
    high = next((bound for bound in VALUES if bound > low), None)
    french, english = f"{low:,}".replace(",", " "), f"{low:,}"
    if high is None:
        return f"À partir de {french} €", f"From €{english}"
    return f"De {french} à {high:,} €".replace(",", " "), f"From €{english} to €{high:,}"
