"""What is asked of the rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from libs.common.calendar import Territory
from services.notices.inputs.fields import Department, Input
from services.notices.rules import BuyerKind, Situation

__all__ = ["DatesQuery", "HolidaysQuery", "RulesQuery", "SituationQuery"]

Amount = Annotated[Decimal, Field(gt=0, lt=Decimal(10) ** 15, decimal_places=2)]


class RulesQuery(Input):
    """The day whose rules are asked."""

    on: date | None = Field(default=None, description="today when absent")


class SituationQuery(Input):
    """A procurement that is thought of, and what the law asks of it."""

    sent_on: date | None = Field(default=None, description="day of sending of the notice; today when absent")
    buyer: BuyerKind = BuyerKind.LOCAL
    nature: Literal["works", "supplies", "services"]
    contract_kind: Literal["marche", "concession"] = "marche"
    procedure_type: Literal[
        "adapted",
        "open",
        "restricted",
        "neg-w-call",
        "comp-dial",
        "innovation",
        "neg-wo-call",
        "oth-single",
        "oth-mult",
    ] = "open"
    value: Amount | None = Field(default=None, description="estimated, whole procedure, euros excluding tax")
    deadline: AwareDatetime | None = Field(default=None, description="thought of, with offset")
    electronic: bool = True
    urgent: bool = Field(default=False, description="accelerated procedure, for a justified urgency")
    planned: bool = Field(default=False, description="a planning notice was sent 35 days to 12 months before")
    light: bool = Field(default=False, description="social or other specific service")
    department: Department | None = Field(default=None, description="of the buyer: its holidays and legal time")

    def situation(self, today: date) -> Situation:
        """Give what the rules look at."""
        given = self.model_dump(exclude={"sent_on", "light"})
        return Situation(on=self.sent_on or today, subtype="20" if self.light else "national", **given)


class DatesQuery(Input):
    """The dates of a procedure."""

    major: bool = Field(default=False, description="propose an extension as for a change that matters to the bids")


class HolidaysQuery(Input):
    """A year of public holidays."""

    year: int = Field(ge=2000, le=2100)
    territory: Territory = Territory.METROPOLE
