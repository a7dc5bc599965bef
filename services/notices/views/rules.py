"""The rules of a day, as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, Self

from pydantic import Field

from libs.common.calendar import Territory, holidays
from services.notices import rules
from services.notices.views.base import View
from services.notices.views.notices import RequirementView, StepView

__all__ = ["DatesView", "HolidaysView", "RulesView", "SituationView"]


class RuleView(View):
    """A threshold that holds on the day asked."""

    code: str
    label: str
    label_en: str
    amount: str = Field(description="euros excluding tax")
    currency: Literal["EUR"] = "EUR"
    buyers: list[str]
    natures: list[str]
    first_day: date
    last_day: date | None
    source: str

    @classmethod
    def of(cls, rule: rules.Rule) -> Self:
        """Show a threshold."""
        return cls(
            code=rule.code,
            label=rule.label,
            label_en=rule.label_en,
            amount=f"{rule.amount:.2f}",
            buyers=sorted(rule.buyers),
            natures=sorted(rule.natures),
            first_day=rule.first,
            last_day=rule.last,
            source=rule.source,
        )


class PeriodView(View):
    """A period that is in force on the day asked."""

    subject: str
    label: str
    label_en: str
    days: int
    unit: str
    counted_from: str
    at_least: bool = Field(description="false: within so many days")
    procedures: list[str] = Field(description="eForms procedure types (BT-105); empty: all")
    buyers: list[str]
    contract_kind: str
    condition: str | None = Field(description="what must be so for this period to hold: electronic, planned, urgent")
    first_day: date
    last_day: date | None
    source: str

    @classmethod
    def of(cls, rule: rules.PeriodRule) -> Self:
        """Show a period."""
        return cls(
            subject=rule.subject,
            label=rule.label,
            label_en=rule.label_en,
            days=rule.days,
            unit=rule.unit,
            counted_from=rule.counted_from,
            at_least=rule.at_least,
            procedures=sorted(rule.procedures),
            buyers=sorted(rule.buyers),
            contract_kind="concession" if rule.concession else "marche",
            condition=rule.condition,
            first_day=rule.first,
            last_day=rule.last,
            source=rule.source,
        )


class ModificationRuleView(View):
    """A ground on which a contract may be modified during its life."""

    ground: str = Field(description="modification-justification, BT-200")
    text: str
    text_en: str
    share: str | None = Field(description="of the initial amount, 0.50 for 50 %; null: whatever the amount")
    cumulated: bool = Field(description="over all modifications of this ground, strictly below; else each, at most")
    natures: list[str]
    contract_kind: str
    first_day: date
    last_day: date | None
    source: str

    @classmethod
    def of(cls, rule: rules.ModificationRule) -> Self:
        """Show a ground."""
        said = {name: getattr(rule, name) for name in ("ground", "text", "text_en", "cumulated", "source")}
        return cls(
            share=str(rule.share) if rule.share is not None else None,
            natures=sorted(rule.natures),
            contract_kind="concession" if rule.concession else "marche",
            first_day=rule.first,
            last_day=rule.last,
            **said,
        )


class RulesView(View):
    """The thresholds, the periods and the grounds of modification of a day."""

    on: date
    rules: list[RuleView]
    periods: list[PeriodView]
    modifications: list[ModificationRuleView]

    @classmethod
    def of(cls, on: date) -> Self:
        """Show the rules of a day."""
        thresholds = [RuleView.of(rule) for rule in rules.rules_on(on)]
        return cls(
            on=on,
            rules=thresholds,
            periods=[PeriodView.of(rule) for rule in rules.periods_on(on)],
            modifications=[ModificationRuleView.of(rule) for rule in rules.modifications_on(on)],
        )


class ChannelsView(View):
    """Where the law wants the notice published."""

    required: list[str] = Field(description="all of them: profile, boamp, joue, shal")
    one_of: list[str] = Field(description="and one of these, at the buyer's choice")
    text: str
    text_en: str
    source: str


class LegalDateView(View):
    """An instant that the law gives, and how it was found."""

    code: str
    at: datetime
    text: str
    text_en: str
    source: str
    steps: list[StepView]


class DatesView(View):
    """The legal dates of a procedure."""

    dates: list[LegalDateView]

    @classmethod
    def of(cls, found: Iterable[rules.LegalDate]) -> Self:
        """Show the dates."""
        return cls(dates=[LegalDateView.model_validate(each, from_attributes=True) for each in found])


class SituationView(View):
    """What the law asks of a procurement that is thought of."""

    on: date
    formal: bool
    channels: ChannelsView
    requirements: list[RequirementView]
    dates: list[LegalDateView]

    @classmethod
    def of(cls, situation: rules.Situation) -> Self:
        """Show what the law asks."""
        return cls(
            on=situation.on,
            formal=rules.is_formal(situation),
            channels=ChannelsView.model_validate(rules.channels(situation), from_attributes=True),
            requirements=[
                RequirementView.model_validate(each, from_attributes=True) for each in rules.requirements(situation)
            ],
            dates=[LegalDateView.model_validate(each, from_attributes=True) for each in rules.dates(situation)],
        )


class HolidayView(View):
    """A public holiday."""

    day: date
    name: str
    name_en: str


class HolidaysView(View):
    """The public holidays of a year in a territory."""

    year: int
    territory: Territory
    zone: str = Field(description="legal time")
    holidays: list[HolidayView]

    @classmethod
    def of(cls, year: int, territory: Territory) -> Self:
        """Show the public holidays of a year."""
        found = [HolidayView.model_validate(each, from_attributes=True) for each in holidays(year, territory).values()]
        return cls(year=year, territory=territory, zone=territory.zone.key, holidays=found)
