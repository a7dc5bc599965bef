"""Contracts, for their two parties."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import PageQuery
from services.bids.api.views_awards import ContractView
from services.bids.errors import (
    DuringStandstill,
    LotEnded,
    NotCleared,
    ProcedureSuspended,
    UnknownContract,
    WrongSignedContract,
)
from services.bids.retention.errors import Destroyed
from services.bids.retention.service import require_kept
from services.bids.service import contracts, parties
from services.bids.store import contracts as store

__all__ = ["routes"]

routes = Routes("bids")


@routes.get("/v1/contracts", tag="contracts")
async def list_contracts(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[ContractView]:
    """List the contracts that a company won, or those that one may read for a buyer, newest first."""
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        whose = await parties.listed(conn, actor, runtime.clock.now())
        found = await store.of(conn, whose, procedure=query.procedure, before=before, limit=query.limit + 1)
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"before": shown[-1].sequence}) if len(found) > query.limit else None
    return Page(items=[ContractView.of(each) for each in shown], next=following)


@routes.get("/v1/contracts/{contract_id}", errors=[UnknownContract], tag="contracts")
async def get_contract(runtime: Runtime, actor: Actor, contract_id: UUID) -> ContractView:
    """Read a contract."""
    async with runtime.read() as conn:
        return ContractView.of(await contracts.party_contract(conn, actor, contract_id, runtime.clock.now()))


@routes.get(
    "/v1/contracts/{contract_id}/document",
    errors=[UnknownContract, Destroyed],
    tag="contracts",
    produces=["application/pdf"],
)
async def get_contract_document(
    runtime: Runtime, actor: Actor, contract_id: UUID, request: web.Request
) -> web.StreamResponse:
    """Download the contract as it is now: generated, signed by the winner, signed by both."""
    async with runtime.read() as conn:
        row = await contracts.party_contract(conn, actor, contract_id, runtime.clock.now())
    await require_kept(runtime, row.document)
    return await send_document(request, runtime, row.document)


@routes.put(
    "/v1/contracts/{contract_id}/winner-signature",
    errors=[UnknownContract, Forbidden, IllegalTransition, StaleVersion, WrongSignedContract],
    tag="contracts",
    accepts=["application/pdf"],
    limit=contracts.MAX_CONTRACT,
)
async def sign_as_winner(
    runtime: Runtime, actor: Actor, contract_id: UUID, if_match: IfMatch | None, body: bytes
) -> ContractView:
    """Send the contract signed by the winner: the given PDF with a signature added (PAdES)."""
    return ContractView.of(await contracts.sign_as_winner(runtime, actor, contract_id, body, if_match))


@routes.post(
    "/v1/contracts/{contract_id}/signature-request",
    errors=[
        UnknownContract,
        Forbidden,
        IllegalTransition,
        StaleVersion,
        DuringStandstill,
        ProcedureSuspended,
        LotEnded,
    ],
    tag="contracts",
)
async def request_signature(
    runtime: Runtime, actor: Actor, contract_id: UUID, if_match: IfMatch | None
) -> ContractView:
    """Send the contract into the buyer's signature circuit, once the standstill is over."""
    return ContractView.of(await contracts.submit(runtime, actor, contract_id, if_match))


@routes.post(
    "/v1/contracts/{contract_id}/notification",
    errors=[UnknownContract, Forbidden, IllegalTransition, StaleVersion, NotCleared],
    tag="contracts",
)
async def notify_contract(uow: Uow, actor: Actor, contract_id: UUID, if_match: IfMatch | None) -> ContractView:
    """Notify the signed contract to the winner."""
    return ContractView.of(await contracts.notify(uow, actor, contract_id, if_match))


@routes.post(
    "/v1/contracts/{contract_id}/acknowledgement",
    errors=[UnknownContract, Forbidden, IllegalTransition, StaleVersion],
    tag="contracts",
)
async def acknowledge_notification(uow: Uow, actor: Actor, contract_id: UUID, if_match: IfMatch | None) -> ContractView:
    """Acknowledge the notification, as the winner: the contract binds from that date."""
    return ContractView.of(await contracts.acknowledge(uow, actor, contract_id, if_match))
