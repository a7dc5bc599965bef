"""Destructions and holds, for the administrators of a buyer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition
from libs.common.http import Cursor, Page, Routes, attachment
from libs.common.runtime import Runtime
from libs.common.spreadsheets import MARK, csv_lines
from libs.common.uow import Uow
from services.bids.errors import UnknownConsultation, UnknownContract
from services.bids.retention import performance, service
from services.bids.retention.errors import OnHold, UnknownDestruction, VisaMissing, WrongEnd
from services.bids.retention.performance import Years
from services.bids.retention.store import Destruction

__all__ = ["routes"]

routes = Routes("bids")


class HoldInput(BaseModel):
    """Why nothing may be destroyed: an appeal, with its number."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class VisaInput(BaseModel):
    """What the director of the archives decided of a destruction."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    decision: Literal["destroy", "keep"]
    reference: Annotated[str, Field(min_length=1, max_length=200, description="of the visa; no names")]
    decided_on: date


class EndInput(BaseModel):
    """When the performance of a contract ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ended_on: date
    years: Years | None = Field(
        default=None, description="that its papers are kept; none: ten for works, their design and control, else five"
    )


class EndView(BaseModel):
    """The end of performance of a contract, and until when its papers are kept."""

    model_config = ConfigDict(frozen=True)
    contract_id: UUID
    ended_on: date
    years: int


class DestructionQuery(BaseModel):
    """A page of destructions."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class DestructionView(BaseModel):
    """A destruction, of bids or of the papers of a contract, and what was destroyed."""

    model_config = ConfigDict(frozen=True)
    destruction_id: UUID
    procedure: UUID
    contract_id: UUID | None = Field(default=None, description="of its papers; none: of the bids of the consultation")
    kept_until: datetime
    reason: str
    proposed_at: datetime
    state: str = Field(description="proposed, confirmed or done")
    confirmed_at: datetime | None
    done_at: datetime | None
    visa: dict[str, str] | None = Field(default=None, description="what the archivist decided")
    record: dict[str, Any] | None = Field(description="each file with its size and hash")
    record_sha256: str | None = Field(description="of the record as RFC 8785 JSON")

    @classmethod
    def of(cls, each: Destruction) -> Self:
        """Present a destruction."""
        return cls(
            destruction_id=each.id, procedure=each.procedure, kept_until=each.kept_until, reason=each.reason,
            proposed_at=each.proposed_at, state=each.state, confirmed_at=each.confirmed_at, done_at=each.done_at,
            record=each.record, record_sha256=each.record_sha256, contract_id=each.contract, visa=each.visa,
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
    "/v1/destructions/{destruction_id}/confirmation",
    errors=[UnknownDestruction, Forbidden, OnHold, VisaMissing],
    tag="retention",
)
async def confirm_destruction(uow: Uow, actor: Actor, destruction_id: UUID) -> DestructionView:
    """Confirm a destruction, once the archivist agreed; the files are then destroyed, and the record says what."""
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


@routes.put(
    "/v1/destructions/{destruction_id}/visa",
    errors=[UnknownDestruction, Forbidden, IllegalTransition],
    tag="retention",
)
async def stamp_destruction(uow: Uow, actor: Actor, destruction_id: UUID, body: VisaInput) -> DestructionView:
    """Note what the archivist decided: destroy, or keep for good."""
    visa = service.Visa(body.decision, body.reference, body.decided_on)
    return DestructionView.of(await service.stamp(uow, actor, destruction_id, visa))


@routes.get(
    "/v1/destructions/{destruction_id}/content.csv",
    errors=[UnknownDestruction, Forbidden],
    tag="retention",
    produces=["text/csv"],
)
async def get_destruction_content(uow: Uow, actor: Actor, destruction_id: UUID) -> web.Response:
    """Download the list of what a destruction would destroy, for the archivist; nothing is destroyed by reading it."""
    found, files = await service.content(uow.conn, actor, destruction_id, uow.now())
    rows = [(each.label, str(each.size), each.sha256) for each in files]
    body = MARK + csv_lines([("pièce", "octets", "SHA-256"), *rows, (found.reason, "", "")])
    headers = {"Content-Disposition": attachment(f"elimination-{destruction_id}.csv"), "Cache-Control": "no-store"}
    return web.Response(body=body.encode(), content_type="text/csv", charset="utf-8", headers=headers)


@routes.put(
    "/v1/contracts/{contract_id}/end-of-performance",
    errors=[UnknownContract, Forbidden, IllegalTransition, WrongEnd],
    tag="retention",
)
async def end_performance(uow: Uow, actor: Actor, contract_id: UUID, body: EndInput) -> EndView:
    """Say when the performance of a contract ended: its papers are kept five or ten years from that day."""
    ended = await performance.end(uow, actor, contract_id, body.ended_on, body.years)
    return EndView(contract_id=ended.contract, ended_on=ended.ended_on, years=ended.years)
