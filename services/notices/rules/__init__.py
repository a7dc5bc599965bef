"""What the law asks of a procurement, as dated data: thresholds, publication, periods, each with its source.

The date of a rule is that of the sending of the notice.
"""

from services.notices.rules.channels import Channel, Channels, channels
from services.notices.rules.deadlines import LegalDate, answers_due, dates, earliest_deadline, extension
from services.notices.rules.modifications import (
    MODIFICATIONS,
    ModificationRule,
    Modified,
    modification_requirements,
    modifications_on,
)
from services.notices.rules.periods import PERIODS, PeriodRule, applying, periods_on
from services.notices.rules.requirements import Requirement, requirements
from services.notices.rules.situation import Situation, is_formal, is_light
from services.notices.rules.thresholds import (
    RULES,
    BuyerKind,
    Rule,
    amount_on,
    buyer_kind,
    formal_threshold,
    rules_on,
)

__all__ = [
    "MODIFICATIONS",
    "PERIODS",
    "RULES",
    "BuyerKind",
    "Channel",
    "Channels",
    "LegalDate",
    "ModificationRule",
    "Modified",
    "PeriodRule",
    "Requirement",
    "Rule",
    "Situation",
    "amount_on",
    "answers_due",
    "applying",
    "buyer_kind",
    "channels",
    "dates",
    "earliest_deadline",
    "extension",
    "formal_threshold",
    "is_formal",
    "is_light",
    "modification_requirements",
    "modifications_on",
    "periods_on",
    "requirements",
    "rules_on",
]
