"""What a bid is made of, for its bidder; who made the opened bids, for the buyer."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, InvalidInput
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.applications import service
from services.bids.applications.completeness import Problem
from services.bids.applications.said import Application, Group, Subcontractor
from services.bids.errors import BeforeDeadline, UnknownBid, UnknownConsultation

__all__ = ["routes"]

routes = Routes("bids")


class FindingView(BaseModel):
    """Something to look at before the deposit."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    problem: Problem
    lot: str | None
    kind: str | None
    message: str
    message_en: str
    envelope: Literal["application", "offer"] | None = Field(description="which envelope lacks it")
    label: str | None = Field(description="what lacks, in the buyer's own words")
    member: str | None = Field(description="the company whose document it is, where each gives its own")


class CompletenessView(BaseModel):
    """What a bid lacks, by what the buyer asked for and the bidder says; it stops no deposit."""

    model_config = ConfigDict(frozen=True)

    complete: bool = Field(description="nothing was found; true where the buyer listed no document too")
    required: int = Field(description="documents that the buyer listed; 0: nothing could be checked")
    findings: list[FindingView]


class BidderView(BaseModel):
    """Who made an opened bid."""

    model_config = ConfigDict(frozen=True)

    bid_id: UUID
    depositor: str
    depositor_name: str
    lots: list[str]
    group: Group | None
    subcontractors: list[Subcontractor]
    repeated: list[str] = Field(description="companies of this bid that bid more than once for one of its lots")
    repetition_forbidden: bool = Field(description="the consultation forbids it (art. R2142-21 CCP)")

    @classmethod
    def of(cls, found: service.Bidders, index: int) -> Self:
        """Present one of the bids."""
        bid, said = found.bids[index]
        own = said.companies(bid.depositor, list(bid.lots))
        twice = sorted({company for company, lot in found.repeated if (company, lot) in own})
        return cls(
            bid_id=bid.id, depositor=bid.depositor, depositor_name=bid.depositor_name, lots=list(bid.lots),
            group=said.group, subcontractors=said.subcontractors, repeated=twice, repetition_forbidden=found.forbidden,
        )  # fmt: skip


class BidderQuery(BaseModel):
    """A page of bidders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


@routes.put("/v1/bids/{bid_id}/application", errors=[UnknownBid, IllegalTransition, InvalidInput], tag="applications")
async def put_application(uow: Uow, actor: Actor, bid_id: UUID, body: Application) -> Application:
    """Say what one's own bid is made of, until its deposit: kinds of documents, group of companies, subcontractors."""
    return await service.say(uow, actor, bid_id, body)


@routes.get("/v1/bids/{bid_id}/application", errors=[UnknownBid], tag="applications")
async def get_application(runtime: Runtime, actor: Actor, bid_id: UUID) -> Application:
    """Read what one said of one's own bid."""
    return await service.said(runtime, actor, bid_id)


@routes.get("/v1/bids/{bid_id}/completeness", errors=[UnknownBid], tag="applications")
async def get_completeness(runtime: Runtime, actor: Actor, bid_id: UUID) -> CompletenessView:
    """Read what one's own bid lacks, of what the buyer asked for: warnings in French; nothing is opened or stopped."""
    found = await service.completeness(runtime, actor, bid_id)
    views = [FindingView.model_validate(each) for each in found.found]
    return CompletenessView(complete=not views, required=found.required, findings=views)


@routes.get("/v1/consultations/{procedure}/bidders", errors=[UnknownConsultation, Forbidden, BeforeDeadline],
            tag="applications")  # fmt: skip
async def list_bidders(runtime: Runtime, actor: Actor, procedure: UUID, query: BidderQuery) -> Page[BidderView]:
    """List who made the opened bids: groups, subcontractors, companies that bid more than once for a lot."""
    found = await service.bidders(runtime, actor, procedure)
    start = 0 if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["after_bidder"])
    stop = min(start + query.limit, len(found.bids))
    items = [BidderView.of(found, index) for index in range(start, stop)]
    following = Cursor.encode(runtime, {"after_bidder": stop}) if stop < len(found.bids) else None
    return Page(items=items, next=following)
