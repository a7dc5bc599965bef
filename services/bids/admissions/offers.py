"""Which backup copies the law lets open now, on which ground, in the place of which bid: found in what the platform recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.admissions import store
from services.bids.admissions.rules import Ground, Original, Purpose, copy_refusal
from services.bids.admissions.store import Copy
from services.bids.domain.states import BidState, OpeningState
from services.bids.evidence import FactKind, reading
from services.bids.scanning import MALWARE_FOUND
from services.bids.service.counting import judge
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.openings import Opening

__all__ = ["Offer", "offered", "offers_at", "offers_of", "original_of"]

_LEGAL: Final = (Ground.MALWARE, Ground.UNREADABLE, Ground.LATE, Ground.INCOMPLETE)
"""In the order in which they are offered: what was found in a bid received comes before what is missing."""
_GONE: Final = {BidState.WITHDRAWN, BidState.SUPERSEDED}
_READ_AT_ONCE: Final = 200


@dataclass(frozen=True)
class Offer:
    """That a copy may be opened: why, and in the place of which electronic bid."""

    ground: Ground
    bid: UUID


async def original_of(conn: asyncpg.Connection, consultation: Consultation, copy: Copy, bid: Bid) -> Original:
    """Give what the platform knows of the electronic bid that a copy stands for."""
    facts = await reading.facts_of_bid(conn, bid.procedure, bid.id)
    malware = any(
        each.fact.bid == bid.id and each.fact.kind is FactKind.OPENING_STEP
        and each.fact.content.get("step") == MALWARE_FOUND
        for each in facts
    )  # fmt: skip
    unreadable = any(each.state == "unreadable" for each in await bid_store.envelopes(conn, bid.id))
    received = await _received_otherwise(conn, consultation, copy, bid)
    return Original(await store.first_byte(conn, bid.id), bid.received_at, malware, unreadable, received)


async def _received_otherwise(conn: asyncpg.Connection, consultation: Consultation, copy: Copy, bid: Bid) -> bool:
    """Say whether another bid of the company, received as the law wants it, counts for each lot of the copy."""
    judged = await judge(conn, consultation)
    counting = {
        lot for each in judged.envelopes for lot in judged.counting(each)
        if each.bid != bid.id and each.state != "unreadable" and judged.bids[each.bid].depositor == copy.depositor
    }  # fmt: skip
    return set(copy.lots) <= counting


async def offers_of(conn: asyncpg.Connection, consultation: Consultation, copy: Copy) -> list[Offer]:
    """Give why a backup copy may be opened now; none when it stays closed."""
    if copy.purpose is not Purpose.BACKUP or copy.opened_at is not None or copy.destroyed_at is not None:
        return []
    found = []
    for bid in await bid_store.of_depositor(conn, copy.depositor, procedure=copy.procedure):
        if bid.state in _GONE or not set(bid.lots) & set(copy.lots):
            continue
        original = await original_of(conn, consultation, copy, bid)
        grounds = [
            each for each in _LEGAL if copy_refusal(copy.copied(), each, original, consultation.deadline) is None
        ]
        found += [Offer(each, bid.id) for each in grounds]
    return sorted(found, key=lambda each: _LEGAL.index(each.ground))


async def offered(
    conn: asyncpg.Connection, consultation: Consultation, copies: Sequence[Copy]
) -> Mapping[UUID, list[Offer]]:
    """Give the copies that may be opened now, with their grounds."""
    found = {each.id: await offers_of(conn, consultation, each) for each in copies}
    return {copy: offers for copy, offers in found.items() if offers}


async def offers_at(conn: asyncpg.Connection, opening: Opening) -> int:
    """Give how many backup copies may be opened, once an opening told what is malicious, unreadable or late."""
    if opening.state is not OpeningState.COMPLETED:
        return 0
    consultation = await consultation_store.find(conn, opening.procedure)
    copies = await store.copies(conn, opening.procedure, None, _READ_AT_ONCE)
    return 0 if consultation is None else len(await offered(conn, consultation, copies))
