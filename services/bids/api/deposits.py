"""Bids, for their depositor only."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, IllegalTransition, InvalidInput, NotFound
from libs.common.http import Cursor, Page, Routes, attachment
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import (
    AttemptView,
    BidInput,
    BidPapers,
    BidView,
    DepositInput,
    PageQuery,
    bid_view,
)
from services.bids.documents.receipt import receipt_text
from services.bids.errors import (
    AfterDeadline,
    BidTooLarge,
    LotEnded,
    ProcedureSuspended,
    UnknownBid,
    UnknownConsultation,
    WrongEnvelope,
)
from services.bids.rounds.errors import ApplicationsOnly, NotInvited
from services.bids.sealing.receipt import Receipt
from services.bids.service import consultations, deposits, drafts, papers
from services.bids.store import bids as store
from services.bids.store.bids import Bid

__all__ = ["routes"]

routes = Routes("bids")


@routes.post(
    "/v1/consultations/{procedure}/bids",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        NotInvited,
        ApplicationsOnly,
        InvalidInput,
        BidTooLarge,
        ProcedureSuspended,
        LotEnded,
    ],
    tag="bids",
    location="/v1/bids/{bid_id}",
)
async def create_bid(uow: Uow, actor: Actor, procedure: UUID, body: BidInput) -> BidView:
    """Prepare a bid: announce who seals it, its envelopes, and their files with their exact sizes."""
    bid = await drafts.create(uow, actor, drafts.NewBid(procedure, body.depositor_name, body.announced, body.sealed_by))
    consultation = await consultations.get(uow.conn, procedure)
    return bid_view(bid, await _papers(uow.conn, bid), [], consultation)


@routes.get("/v1/bids", tag="bids")
async def list_bids(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[BidView]:
    """List the bids of one's own company, newest first."""
    actor.require(OrganisationKind.COMPANY)
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        found = await store.of_depositor(
            conn, actor.organisation, procedure=query.procedure, before=before, limit=query.limit + 1
        )
        items: list[BidView] = []
        for bid in found[: query.limit]:
            consultation = await consultations.get(conn, bid.procedure)
            own = await store.of_depositor(conn, actor.organisation, procedure=bid.procedure)
            items.append(bid_view(bid, await _papers(conn, bid), own, consultation))
        following = None
        if len(found) > query.limit:
            last = await store.position(conn, found[query.limit - 1].id)
            following = Cursor.encode(runtime, {"before": last})
    return Page(items=items, next=following)


@routes.get("/v1/bids/{bid_id}", errors=[UnknownBid], tag="bids")
async def get_bid(runtime: Runtime, actor: Actor, bid_id: UUID) -> BidView:
    """Read one's own bid."""
    async with runtime.read() as conn:
        bid = await drafts.own_bid(conn, actor, bid_id)
        consultation = await consultations.get(conn, bid.procedure)
        own = await store.of_depositor(conn, actor.organisation, procedure=bid.procedure)
        return bid_view(bid, await _papers(conn, bid), own, consultation)


@routes.post(
    "/v1/bids/{bid_id}/deposit",
    status=201,
    errors=[UnknownBid, IllegalTransition, WrongEnvelope, ProcedureSuspended, LotEnded],
    tag="bids",
    limit=64 * 2**20,
)
async def deposit_bid(runtime: Runtime, actor: Actor, bid_id: UUID, body: DepositInput) -> Receipt:
    """Complete a deposit with its envelopes; the receipt gives the hour of the last byte."""
    return await deposits.deposit(runtime, actor, bid_id, tuple(body.envelopes))


@routes.get("/v1/bids/{bid_id}/receipt", errors=[UnknownBid, NotFound], tag="bids")
async def get_receipt(runtime: Runtime, actor: Actor, bid_id: UUID) -> Receipt:
    """Read the receipt of one's own deposit (JSON, verifiable offline)."""
    return await deposits.receipt_of(runtime, actor, bid_id, "deposit")


@routes.get("/v1/bids/{bid_id}/receipt.pdf", errors=[UnknownBid, NotFound], tag="bids", produces=["application/pdf"])
async def get_receipt_pdf(runtime: Runtime, actor: Actor, bid_id: UUID) -> web.Response:
    """Download the receipt of one's own deposit to print it: sealed by the platform, its JSON attached."""
    receipt = await deposits.receipt_of(runtime, actor, bid_id, "deposit")
    name = f"accuse-{receipt.statement.receipt_id}.pdf"
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    pdf = await papers.receipt_paper(runtime, receipt)
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


@routes.get("/v1/bids/{bid_id}/receipt.txt", errors=[UnknownBid, NotFound], tag="bids", produces=["text/plain"])
async def get_receipt_text(runtime: Runtime, actor: Actor, bid_id: UUID) -> web.Response:
    """Read the receipt of one's own deposit as plain text."""
    receipt = await deposits.receipt_of(runtime, actor, bid_id, "deposit")
    return web.Response(text=receipt_text(receipt), content_type="text/plain", headers={"Cache-Control": "no-store"})


@routes.post(
    "/v1/bids/{bid_id}/withdrawal", status=201, errors=[UnknownBid, IllegalTransition, AfterDeadline], tag="bids"
)
async def withdraw_bid(runtime: Runtime, actor: Actor, bid_id: UUID) -> Receipt:
    """Withdraw one's own bid before the deadline; gives a receipt."""
    return await deposits.withdraw(runtime, actor, bid_id)


@routes.get("/v1/bids/{bid_id}/withdrawal", errors=[UnknownBid, NotFound], tag="bids")
async def get_withdrawal(runtime: Runtime, actor: Actor, bid_id: UUID) -> Receipt:
    """Read the receipt of one's own withdrawal."""
    return await deposits.receipt_of(runtime, actor, bid_id, "withdrawal")


@routes.get("/v1/bids/{bid_id}/attempts", errors=[UnknownBid], tag="bids")
async def list_attempts(runtime: Runtime, actor: Actor, bid_id: UUID) -> Page[AttemptView]:
    """List the attempts at one's own bid: first and last byte, outcome."""
    async with runtime.read() as conn:
        bid = await drafts.own_bid(conn, actor, bid_id)
        return Page(items=[AttemptView.of(each) for each in await store.attempts(conn, bid.id)])


async def _papers(conn: asyncpg.Connection, bid: Bid) -> BidPapers:
    return BidPapers(await store.envelopes(conn, bid.id), await store.files(conn, bid.id))
