"""The rules of a day, as the API shows them."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field

from services.notices import rules
from services.notices.views.base import View

__all__ = ["RuleView", "RulesView"]


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


class RulesView(View):
    """The thresholds of a day."""

    on: date
    rules: list[RuleView]

    @classmethod
    def of(cls, on: date) -> Self:
        """Show the rules of a day."""
        return cls(on=on, rules=[_rule(rule) for rule in rules.rules_on(on)])


def _rule(rule: rules.Rule) -> RuleView:
    return RuleView(
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
