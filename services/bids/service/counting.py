"""Which envelopes count, lot by lot, on the present deadline: what may be opened, and what stays sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from services.bids.admissions import store as admissions
from services.bids.domain.bids import LotStandings, Standing, lot_standings, overall
from services.bids.domain.states import BidState
from services.bids.sealing.opening import Stage
from services.bids.store import bids as store
from services.bids.store.bids import Bid, EnvelopeRow
from services.bids.store.consultations import Consultation

__all__ = ["KINDS", "Judged", "judge", "received_for"]

KINDS: Mapping[Stage, str] = {"applications": "application", "offers": "offer"}
"""The kind of the envelopes that a stage opens."""
_FATES = {
    Standing.SUPERSEDED: BidState.SUPERSEDED,
    Standing.LATE: BidState.SET_ASIDE,
    Standing.WITHDRAWN: BidState.WITHDRAWN,
}


@dataclass(frozen=True)
class Judged:
    """Every bid that was received, with its envelopes and its standing for each lot."""

    bids: Mapping[UUID, Bid]
    envelopes: tuple[EnvelopeRow, ...]
    lots: LotStandings
    ended: frozenset[str]
    """The lots given up: nothing is opened for them any more."""

    def standing(self, bid: UUID) -> Standing:
        """Give the standing of a bid as a whole."""
        return overall(self.lots[bid])

    def counting(self, envelope: EnvelopeRow) -> tuple[str, ...]:
        """Give the lots for which an envelope counts: those of its own for which its bid does."""
        standing = self.lots[envelope.bid]
        return tuple(each for each in envelope.lots if standing.get(each) is Standing.COUNTS)

    def of_stage(self, stage: Stage, lots: Iterable[str]) -> list[EnvelopeRow]:
        """Give the envelopes of a stage that are for one of these lots, whether they count or not."""
        asked = set(lots)
        return [each for each in self.envelopes if each.kind == KINDS[stage] and asked & set(each.lots)]

    def to_open(self, stage: Stage, lots: Iterable[str]) -> list[EnvelopeRow]:
        """Give the envelopes of a stage that count for one of these lots and are still sealed."""
        asked = set(lots) - self.ended
        sealed = (each for each in self.of_stage(stage, asked) if each.state == "sealed")
        return [each for each in sealed if asked & set(self.counting(each))]


async def judge(conn: asyncpg.Connection, consultation: Consultation, *, admit: bool = True) -> Judged:
    """Judge all that was received in a consultation, on its present deadline.

    `admit`: late bids that the buyer admitted count as those in time do.
    """
    received = await store.deposited(conn, consultation.procedure)
    admitted = await admissions.admitted(conn, consultation.procedure) if admit else frozenset[UUID]()
    deposits = [each.deposited for each in received]
    lots = lot_standings(deposits, consultation.deadline, add_up=consultation.adds_up, admitted=admitted)
    envelopes = await store.envelopes_received(conn, consultation.procedure)
    return Judged({each.id: each for each in received}, tuple(envelopes), lots, consultation.abandoned)


async def received_for(conn: asyncpg.Connection, consultation: Consultation, lot: str) -> list[Bid]:
    """Give every bid received for a lot, in the state that holds for this lot: opened, unreadable, replaced, late..."""
    judged = await judge(conn, consultation)
    return [
        replace(bid, state=_state_for(judged, bid, lot)) for bid in judged.bids.values() if lot in judged.lots[bid.id]
    ]


def _state_for(judged: Judged, bid: Bid, lot: str) -> BidState:
    standing = judged.lots[bid.id][lot]
    if standing in _FATES:
        return _FATES[standing]
    offers = [each for each in judged.of_stage("offers", [lot]) if each.bid == bid.id]
    if any(each.state == "unreadable" for each in offers):
        return BidState.UNREADABLE
    return BidState.OPENED if any(each.state == "opened" for each in offers) else BidState.DEPOSITED
