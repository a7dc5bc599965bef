"""Deputies of absent officers, for the members of the buyer."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import IllegalTransition, InvalidInput, NotFound
from libs.common.grants import Permission
from libs.common.http import Page, Routes
from libs.common.messages.base import Sha256
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.deputies import service, store
from services.bids.deputies.store import HandedOver
from services.bids.errors import LotEnded, OfficerPresent, ProcedureSuspended, UnknownOpening
from services.bids.sealing.resealing import ResealedShares
from services.bids.service import openings

__all__ = ["routes"]

routes = Routes("bids")


class DeputyQuery(BaseModel):
    """Whose shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    officer: str = Field(min_length=1, max_length=80)


class DeputyView(BaseModel):
    """An officer's shares in the hands of a deputy."""

    model_config = ConfigDict(frozen=True)
    officer: str
    deputy: str
    deputy_key_sha256: Sha256 = Field(description="what the deputy compares with his own key, as `keygen` printed it")
    resealed_at: datetime = Field(description="as the officer's own clock says")
    deposited_at: datetime

    @classmethod
    def of(cls, handed: HandedOver) -> Self:
        """Present it."""
        return cls(
            officer=handed.officer, deputy=handed.deputy, deputy_key_sha256=handed.deputy_key_sha256,
            resealed_at=handed.resealed_at, deposited_at=handed.deposited_at,
        )  # fmt: skip


@routes.post(
    "/v1/openings/{opening_id}/deputies",
    status=201,
    errors=[UnknownOpening, NotFound, OfficerPresent, IllegalTransition, InvalidInput, ProcedureSuspended, LotEnded],
    tag="openings",
    limit=64 * 2**20,
)
async def deposit_resealed_shares(uow: Uow, actor: Actor, opening_id: UUID, body: ResealedShares) -> DeputyView:
    """Deposit an absent officer's shares for his deputy: output of the `reseal` tool, signed by the officer. It opens nothing."""
    return DeputyView.of(await service.deposit(uow, actor, opening_id, body))


@routes.get("/v1/openings/{opening_id}/deputies", errors=[UnknownOpening], tag="openings")
async def list_deputies(runtime: Runtime, actor: Actor, opening_id: UUID) -> Page[DeputyView]:
    """List which officers handed their shares to a deputy, and to which key; at most one line an officer."""
    async with runtime.read() as conn:
        await openings.buyers_opening(conn, actor, opening_id, Permission.READ, runtime.clock.now())
        return Page(items=[DeputyView.of(each) for each in await store.of_opening(conn, opening_id)])


@routes.get(
    "/v1/openings/{opening_id}/deputies/shares", errors=[UnknownOpening, NotFound, IllegalTransition], tag="openings"
)
async def get_resealed_shares(runtime: Runtime, actor: Actor, opening_id: UUID, query: DeputyQuery) -> ResealedShares:
    """Fetch what an officer sealed again to his deputy: input of the deputy's `open-shares` tool, nothing to anybody else."""
    async with runtime.read() as conn:
        return await service.handed_over(conn, actor, opening_id, query.officer, runtime.clock.now())
