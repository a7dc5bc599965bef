"""What a buyer decides on a lot, and what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.notices import Lot
from services.bids.domain.awards import Evaluation
from services.bids.domain.committees import Committee, Exemption
from services.bids.domain.states import BidState
from services.bids.domain.submissions import Size
from services.bids.evaluation.decision import Basis
from services.bids.rounds.states import RoundKind
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = ["REASONS", "Bidder", "Case", "Choice", "Decision"]

_IN_TIME = {BidState.OPENED, BidState.UNREADABLE}
REASONS = {
    BidState.SET_ASIDE: "Il a été reçu après la date limite (art. R2151-5 CCP) ; il est conservé sans être ouvert.",
    BidState.UNREADABLE: "Il n'a pu être lu lors de l'ouverture ; le constat est au procès-verbal.",
}
"""Why a bid was never judged, as its bidder is told."""


@dataclass(frozen=True)
class Bidder:
    """What the award notice asks of a company that bid, where it is known."""

    bid: UUID
    size: Size | None = None
    city: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True)
class Choice:
    """A bid that is chosen, and the contract that it leads to."""

    bid: UUID
    value: Money
    contract_number: str


@dataclass(frozen=True)
class Decision:
    """What the buyer decided on a lot."""

    procedure: UUID
    lot: str
    bid: UUID
    value: Money
    contract_number: str
    evaluations: tuple[Evaluation, ...]
    inadmissible: frozenset[UUID]
    essential: Mapping[str, Any]
    duration_months: int | None = None
    place: tuple[str, str] | None = None
    committee: Committee | None = None
    no_committee: Exemption | None = None
    """Why none met, where one would be needed."""
    proofs_held: str | None = None
    """How the buyer holds the winner's proofs already."""
    choice_reason: str | None = None
    """Why this one of bids that share the first rank."""
    bidders: tuple[Bidder, ...] = ()
    others: tuple[Choice, ...] = ()
    """The other holders of a framework agreement (L2125-1, 1° CCP)."""
    basis: Basis | None = None
    """The scoring made here, from which evaluations and inadmissible bids then come."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All that is chosen, the first in rank first."""
        return (Choice(self.bid, self.value, self.contract_number), *self.others)


@dataclass(frozen=True)
class Case:
    """A decision with what it is about."""

    decision: Decision
    consultation: Consultation
    lot: Lot
    received: tuple[Bid, ...]
    """Every bid of the lot that was received, whatever became of it."""
    now: datetime
    called: RoundKind | None = None
    """Of a round: what it was for."""

    @property
    def opened(self) -> tuple[Bid, ...]:
        """Those to judge."""
        return tuple(each for each in self.received if each.state is BidState.OPENED)

    @property
    def in_time(self) -> tuple[Bid, ...]:
        """Those received in time, readable or not."""
        return tuple(each for each in self.received if each.state in _IN_TIME)

    @property
    def eliminated(self) -> tuple[Bid, ...]:
        """One for each bidder who has no bid to judge, because it came late or cannot be read."""
        told = {each.depositor for each in self.opened}
        out = [each for each in self.received if each.state in REASONS and each.depositor not in told]
        return tuple({each.depositor: each for each in out}.values())

    def chosen(self, choice: Choice) -> Bid:
        """Give the bid of a choice."""
        return next(each for each in self.opened if each.id == choice.bid)
