"""The publication of a contract's essential data: due or not, complete or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.errors import IllegalTransition
from libs.common.messages.bids import Contract
from services.opendata.decp.check import Problem

__all__ = ["TRANSITIONS", "Essentials", "Exemption", "State", "exemption", "siret_of", "uid_of"]


class State(StrEnum):
    """Where the essential data of a notified contract stand."""

    PENDING = "pending"
    """An item is missing or wrong: the buyer is told which."""
    PUBLISHED = "published"
    NOT_APPLICABLE = "not_applicable"
    """The format or the law asks for none; the reason is kept."""


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.PENDING, "correct"): State.PENDING,
    (State.PENDING, "publish"): State.PUBLISHED,
}

_THRESHOLDS = ((date(2024, 1, 1), Decimal(40_000)),)
"""From which need, excluding tax, on which date of notification (order of 22 December 2022, DAJ fact sheet of June 2024)."""
_FORMAT_SINCE = _THRESHOLDS[0][0]
_TWO_MONTHS = timedelta(days=61)


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no essential data are due, in French and English."""

    reason: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Essentials:
    """The essential data of one contract."""

    contract: Contract
    buyer: str
    procedure: UUID
    state: State
    version: int = 1
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    exemption: Exemption | None = None
    record: dict[str, Any] | None = None
    validated_with: str | None = None
    published_at: datetime | None = None

    @property
    def uid(self) -> str:
        """The contract's identifier in the national data: the buyer's SIRET and its own number."""
        return uid_of(self.buyer, self.contract.number)

    @property
    def late(self) -> bool:
        """Whether it was published more than two months after the notification (R2196-1 CCP)."""
        notified = self.contract.notified_at
        return bool(notified and self.published_at and self.published_at - notified > _TWO_MONTHS)

    def follow(self, step: str, **changes: Any) -> Essentials:  # noqa: ANN401  # the fields of this class
        """Take a step of the state graph. Raises IllegalTransition."""
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise IllegalTransition(
                f"Les données sont à l'état « {self.state} ».", f"The data are in state `{self.state}`."
            )
        return replace(self, state=state, version=self.version + 1, **changes)


def siret_of(organisation: str) -> str | None:
    """Give the SIRET of an organisation, None when it has another kind of identifier."""
    scheme, _, number = organisation.partition(":")
    return number if scheme == "SIRET" else None


def uid_of(buyer: str, number: str) -> str:
    """Give the identifier of a contract among all: the buyer's number, then the contract's."""
    return f"{buyer.partition(':')[2]}{number}".replace("/", "-")


def exemption(contract: Contract, buyer: str, notified_on: date) -> Exemption | None:
    """Give the reason why no essential data are due; None when they are."""
    if siret_of(buyer) is None:
        return Exemption(
            "L'acheteur n'a pas de SIRET : les données essentielles ne concernent que les acheteurs français (R2196-1 CCP).",
            "The buyer has no SIRET: essential data concern French buyers only (R2196-1 CCP).",
        )
    if notified_on < _FORMAT_SINCE:
        return Exemption(
            "Contrat notifié avant le 1er janvier 2024 : le format actuel ne s'applique pas.",
            "Contract notified before 1 January 2024: the present format does not apply.",
        )
    threshold = max((since, amount) for since, amount in _THRESHOLDS if since <= notified_on)[1]
    total = contract.procedure_total
    if total.currency == "EUR" and total.amount < threshold:
        return Exemption(
            f"Besoin de {total.amount} € HT, sous le seuil de {threshold} € HT (R2196-1 CCP).",
            f"Need of {total.amount} EUR excl. tax, below the threshold of {threshold} EUR (R2196-1 CCP).",
        )
    return None
