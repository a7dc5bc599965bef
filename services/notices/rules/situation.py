"""What the rules look at, and whether a procedure is formal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from libs.common.calendar import Territory, territory_of
from services.notices.rules.thresholds import BuyerKind, Rule, amount_on, formal_threshold

__all__ = ["Condition", "Situation", "is_formal", "is_light"]

Condition = Literal["electronic", "planned", "urgent"]
"""What shortens a period: bids by electronic means, a planning notice sent early enough, an urgency that is justified."""

_FORMAL_SUBTYPES: Final = frozenset(
    {"10", "11", "15", "16", "17", "18", "19", "23", "24", "29", "30", "31", "32", "36", "37", "N16", "N29"}
)
_LIGHT_SUBTYPES: Final = frozenset({"12", "13", "14", "20", "21", "33", "34", "35"})
_CONCESSION_SUBTYPES: Final = frozenset({"14", "19", "32", "35", "40"})


@dataclass(frozen=True, slots=True)
class Situation:
    """A procurement as the rules see it."""

    on: date
    """The day the notice is sent, or of the question."""
    buyer: BuyerKind
    nature: str
    subtype: str
    kind: str = "contract"
    value: Decimal | None = None
    """Estimated value of the whole procedure; None when the notice does not tell."""
    procedure_type: str = "open"
    deadline: datetime | None = None
    """For tenders, or for requests to participate."""
    electronic: bool = True
    contract_kind: str = "marche"
    urgent: bool = False
    """An accelerated procedure, for a justified urgency."""
    planned: bool = False
    """A planning notice was sent 35 days to 12 months before."""
    department: str | None = None

    @property
    def is_concession(self) -> bool:
        """Whether this is a concession (L1121-1 CCP), not a marché."""
        return self.contract_kind == "concession" or self.subtype in _CONCESSION_SUBTYPES

    @property
    def announced_formal(self) -> bool:
        """Whether the notice says that the procedure is formal: by its subtype, on the national form by its procedure."""
        national = self.subtype == "national" and self.procedure_type not in {"adapted", "unspecified"}
        return self.subtype in _FORMAL_SUBTYPES or national

    @property
    def territory(self) -> Territory:
        """Whose calendar and legal time hold."""
        return territory_of(self.department)

    @property
    def conditions(self) -> frozenset[str]:
        """What shortens the periods here."""
        given = {"electronic": self.electronic, "planned": self.planned, "urgent": self.urgent}
        return frozenset(name for name, holds in given.items() if holds)

    def threshold(self) -> Rule | None:
        """Give the formal procedure threshold of the day; None where it is not known here."""
        return formal_threshold(self.on, self.buyer, "concession" if self.is_concession else self.nature)

    def amount(self, code: str) -> Rule | None:
        """Give the threshold of this code that holds here."""
        return amount_on(code, self.on, self.buyer, self.nature)

    def reaches(self, rule: Rule | None) -> bool:
        """Say whether the value is known to reach a threshold."""
        return rule is not None and self.value is not None and self.value >= rule.amount


def is_light(situation: Situation) -> bool:
    """Tell whether this is a service of the light regime: social and other specific services (R2123-1, 3° CCP)."""
    return situation.subtype in _LIGHT_SUBTYPES


def is_formal(situation: Situation) -> bool:
    """Tell whether the procedure is formal (procédure formalisée, R2124-1): standstill and other duties follow.

    It is when the need reaches the threshold of the day, or when the buyer publishes under a directive, whatever the value:
    who announces a formal procedure follows it. Social and other specific services are never (R2123-1, 3°).
    """
    if is_light(situation):
        return False
    return situation.subtype in _FORMAL_SUBTYPES or situation.reaches(situation.threshold())
