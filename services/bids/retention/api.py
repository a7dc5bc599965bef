"""Destructions and holds, for the administrators of a buyer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.errors import UnknownConsultation
from services.bids.retention import service
from services.bids.retention.errors import OnHold, UnknownDestruction
from services.bids.retention.service import Destruction

__all__ = ["routes"]

routes = Routes("bids")


class HoldInput(BaseModel):
    """Why nothing may be destroyed: an appeal, with its number."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class DestructionQuery(BaseModel):
    """A page of destructions."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class DestructionView(BaseModel):
    """A destruction, and what was destroyed."""

    model_config = ConfigDict(frozen=True)
    destruction_id: UUID
    procedure: UUID
    kept_until: datetime
    reason: str
    proposed_at: datetime
    state: str = Field(description="proposed, confirmed or done")
    confirmed_at: datetime | None
    done_at: datetime | None
    record: dict[str, Any] | None = Field(description="each file with its size and hash")
    record_sha256: str | None = Field(description="of the record as RFC 8785 JSON")

    @classmethod
    def of(cls, each: Destruction) -> Self:
        """Present a destruction."""
        return cls(
            destruction_id=each.id, procedure=each.procedure, kept_until=each.kept_until, reason=each.reason,
            proposed_at=each.proposed_at, state=each.state, confirmed_at=each.confirmed_at, done_at=each.done_at,
            record=each.record, record_sha256=each.record_sha256,
        )  # fmt: skip


@routes.get("/v1/destructions", errors=[Forbidden], tag="retention")
async def list_destructions(runtime: Runtime, actor: Actor, query: DestructionQuery) -> Page[DestructionView]:
    """List the destructions proposed, confirmed and done for the buyer one acts for, newest first."""
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        found = await service.of_buyer(
            conn, actor, actor.organisation, runtime.clock.now(), before=before, limit=query.limit + 1
        )
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"before": shown[-1].sequence}) if len(found) > query.limit else None
    return Page(items=[DestructionView.of(each) for each in shown], next=following)


@routes.post(
    "/v1/destructions/{destruction_id}/confirmation", errors=[UnknownDestruction, Forbidden, OnHold], tag="retention"
)
async def confirm_destruction(uow: Uow, actor: Actor, destruction_id: UUID) -> DestructionView:
    """Confirm a destruction; the contents of the bids are then destroyed, and the record says what."""
    return DestructionView.of(await service.confirm(uow, actor, destruction_id))


@routes.put(
    "/v1/consultations/{procedure}/retention-hold", status=204, errors=[UnknownConsultation, Forbidden], tag="retention"
)
async def hold_retention(uow: Uow, actor: Actor, procedure: UUID, body: HoldInput) -> None:
    """Let nothing of a consultation be destroyed while an appeal is pending."""
    await service.hold(uow, actor, procedure, body.reason)


@routes.delete(
    "/v1/consultations/{procedure}/retention-hold", status=204, errors=[UnknownConsultation, Forbidden], tag="retention"
)
async def lift_retention_hold(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Lift a hold, its cause being over."""
    await service.lift(uow, actor, procedure)
