"""Saying what a bid is made of, and reading what it lacks; who bids, for the buyer once the bids are opened."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import IllegalTransition
from libs.common.grants import Permission
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.applications import store
from services.bids.applications.completeness import Announced, Finding, findings
from services.bids.applications.said import Application, repeated
from services.bids.domain.states import BidState
from services.bids.service import consultations
from services.bids.service.drafts import own_bid
from services.bids.store import bids as bid_store
from services.bids.store.bids import Bid

__all__ = ["Bidders", "Completeness", "bidders", "completeness", "said", "say"]


@dataclass(frozen=True)
class Completeness:
    """What a bid lacks, and how many documents the buyer asked for."""

    required: int
    found: tuple[Finding, ...]


@dataclass(frozen=True)
class Bidders:
    """Who made the opened bids, and which companies bid more than once for a lot."""

    bids: tuple[tuple[Bid, Application], ...]
    repeated: tuple[tuple[str, str], ...]
    """Company and lot."""
    forbidden: bool
    """Whether the consultation forbids it (art. R2142-21 CCP)."""


async def say(uow: Uow, actor: Actor, bid_id: UUID, told: Application) -> Application:
    """Keep what the bidder says of his bid, until its deposit. Raises UnknownBid, IllegalTransition."""
    bid = await own_bid(uow.conn, actor, bid_id, lock=True)
    if bid.state is not BidState.DRAFT:
        raise IllegalTransition(
            "Ce pli est déposé : préparez-en un autre pour changer ce qu'il annonce.",
            "This bid is deposited: prepare another one to change what it says.",
        )
    await store.put(uow.conn, bid.id, told, uow.now())
    uow.audit("say_application", str(bid.id))
    return told


async def said(runtime: Runtime, actor: Actor, bid_id: UUID) -> Application:
    """Give what the bidder said of his own bid. Raises UnknownBid."""
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
        return await store.find(conn, bid.id)


async def completeness(runtime: Runtime, actor: Actor, bid_id: UUID) -> Completeness:
    """Hold one's own bid against what the buyer asked for: it warns, and stops no deposit. Raises UnknownBid."""
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
        consultation = await consultations.get(conn, bid.procedure)
        told = await store.find(conn, bid.id)
        files = await _files(conn, bid)
    required = consultation.rules.documents
    day = consultation.deadline.astimezone(consultation.zone).date()
    return Completeness(len(required), tuple(findings(required, files, told, bid.lots, day, depositor=bid.depositor)))


async def _files(conn: asyncpg.Connection, bid: Bid) -> list[Announced]:
    envelopes = {each.number: each for each in await bid_store.envelopes(conn, bid.id)}
    return [
        Announced(each.number, each.name, envelopes[each.envelope].kind, envelopes[each.envelope].lots)
        for each in await bid_store.files(conn, bid.id)
    ]


async def bidders(runtime: Runtime, actor: Actor, procedure: UUID) -> Bidders:
    """Give who made the opened bids: groups, subcontractors. Raises UnknownConsultation, Forbidden, BeforeDeadline."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, now)
        consultations.require_passed(now, consultation)
        told = await store.of_opened(conn, procedure)
        opened = [each for each in await bid_store.deposited(conn, procedure) if each.state is BidState.OPENED]
    pairs = tuple((bid, told.get(bid.id, Application())) for bid in opened)
    twice = repeated([each.companies(bid.depositor, list(bid.lots)) for bid, each in pairs])
    return Bidders(pairs, tuple(twice), consultation.rules.one_bid_per_company)
