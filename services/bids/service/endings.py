"""Lots that lead to no contract: noted once, and told to each of their bidders at once (art. R2185-2 CCP)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.common.uow import Uow
from services.bids.documents.letters import EndFacts, end_letter
from services.bids.domain.states import BidState
from services.bids.service.letters import send
from services.bids.store import bids as bid_store
from services.bids.store import consultations as store
from services.bids.store.consultations import Consultation

__all__ = ["Ending", "end_lot"]


@dataclass(frozen=True)
class Ending:
    """A lot given up, or without acceptable bid, and why."""

    procedure: UUID
    lot: str
    abandoned: bool
    explanation: str


async def end_lot(uow: Uow, ending: Ending) -> None:
    """Note that a lot leads to no contract; its bidders get a letter. Told again, it changes nothing."""
    consultation = await store.lock(uow.conn, ending.procedure)
    await store.note_lot(uow.conn, ending.procedure, ending.lot, abandoned=ending.abandoned)
    uow.audit("follow_end_of_lot", f"{ending.procedure}/{ending.lot}")
    if consultation is not None and ending.lot not in consultation.abandoned | consultation.failed:
        await _tell(uow, consultation, ending)


async def _tell(uow: Uow, consultation: Consultation, ending: Ending) -> None:
    lot = consultation.lot(ending.lot)
    received = await bid_store.deposited(uow.conn, consultation.procedure)
    bidders = {each.depositor for each in received if ending.lot in each.lots and each.state is not BidState.WITHDRAWN}
    facts = EndFacts(
        consultation.notice.buyer.name, consultation.notice.title, ending.lot, lot.title if lot else ending.lot,
        ending.abandoned, ending.explanation, uow.now(), consultation.zone,
    )  # fmt: skip
    for bidder in sorted(bidders):
        await send(uow, consultation, (ending.lot, bidder), end_letter(facts))
