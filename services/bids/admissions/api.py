"""Late bids, bids by other channels, backup copies: the buyer's decisions and registrations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from libs.common.actor import Actor
from libs.common.errors import Forbidden, InvalidInput
from libs.common.grants import Permission
from libs.common.http import Cursor, Page, Routes
from libs.common.messages.base import OrganisationId
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.admissions import service, store
from services.bids.admissions.errors import CopyStaysClosed, NotAdmissible, UnknownCopy
from services.bids.admissions.offers import Offer, offered
from services.bids.admissions.rules import Decision, Ground, Medium, Purpose
from services.bids.errors import BeforeDeadline, ProcedureSuspended, UnknownBid, UnknownConsultation
from services.bids.service import consultations

__all__ = ["routes"]

routes = Routes("bids")
Short = Annotated[str, Field(min_length=1, max_length=200)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdmissionInput(_Input):
    """A decision on a late bid (`bid_id`), or on a bid by another channel (`copy_id`)."""

    bid_id: UUID | None = None
    copy_id: UUID | None = None
    decision: Decision
    reason: str = Field(min_length=20, max_length=4000, description="in fact and in law, as it will stand in the file")
    facts: list[UUID] = Field(default=[], max_length=200, description="identifiers from the evidence report")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.bid_id is None) == (self.copy_id is None):
            raise ValueError("donnez bid_id ou copy_id, l'un des deux (one of bid_id and copy_id)")
        return self


class CopyInput(_Input):
    """A backup copy, or a bid, that came by another way."""

    purpose: Purpose
    medium: Medium
    depositor: OrganisationId
    depositor_name: Short
    lots: list[Short] = Field(min_length=1, max_length=200)
    received_at: AwareDatetime = Field(description="when it was handed over, as who took it says")


class CopyOpening(_Input):
    """Why a copy is opened: a ground of the order ECOM1831545A, or `admitted` for a bid by another channel."""

    ground: Ground | None = Field(default=None, description="none: the first that the platform recorded (`offers`)")
    bid_id: UUID | None = Field(default=None, description="the electronic bid it stands for")


class CopyDestruction(_Input):
    """That a copy was destroyed."""

    set_aside: bool = Field(default=False, description="it was opened, and set aside (a malicious programme was found)")


class AdmissionView(BaseModel):
    """A decision; `fact_id` is the fact of the evidence that proves it."""

    model_config = ConfigDict(frozen=True)

    admission_id: UUID
    bid_id: UUID | None
    copy_id: UUID | None
    decision: Decision
    reason: str
    facts: list[UUID]
    fact_id: UUID
    decided_at: datetime

    @classmethod
    def of(cls, admission: store.Admission) -> Self:
        """Present a decision."""
        return cls(
            admission_id=admission.id, bid_id=admission.bid, copy_id=admission.copy, decision=admission.decision,
            reason=admission.reason, facts=list(admission.facts), fact_id=admission.fact, decided_at=admission.decided_at,
        )  # fmt: skip


class OfferView(BaseModel):
    """A ground on which a copy may be opened now, and the electronic bid in whose place."""

    model_config = ConfigDict(frozen=True)

    ground: Ground
    bid_id: UUID


class CopyView(BaseModel):
    """A copy as registered, and what became of it."""

    model_config = ConfigDict(frozen=True)

    copy_id: UUID
    purpose: Purpose
    medium: Medium
    depositor: str
    depositor_name: str
    lots: list[str]
    received_at: datetime
    registered_at: datetime
    ground: Ground | None
    bid_id: UUID | None
    opened_at: datetime | None
    destroyed_at: datetime | None
    fate: str | None
    offers: list[OfferView] = Field(default=[], description="why it may be opened now, from what the platform recorded")

    @classmethod
    def of(cls, copy: store.Copy, offers: Sequence[Offer] = ()) -> Self:
        """Present a copy."""
        return cls(
            copy_id=copy.id, purpose=copy.purpose, medium=copy.medium, depositor=copy.depositor,
            depositor_name=copy.depositor_name, lots=list(copy.lots), received_at=copy.received_at,
            registered_at=copy.registered_at, ground=copy.ground, bid_id=copy.bid, opened_at=copy.opened_at,
            destroyed_at=copy.destroyed_at, fate=copy.fate,
            offers=[OfferView(ground=each.ground, bid_id=each.bid) for each in offers],
        )  # fmt: skip


class AdmissionQuery(BaseModel):
    """A page of decisions, or of copies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


@routes.post(
    "/v1/consultations/{procedure}/admissions",
    status=201,
    errors=[UnknownConsultation, Forbidden, BeforeDeadline, ProcedureSuspended, UnknownBid, UnknownCopy, NotAdmissible,
            InvalidInput],
    tag="admissions",
)  # fmt: skip
async def decide_admission(uow: Uow, actor: Actor, procedure: UUID, body: AdmissionInput) -> AdmissionView:
    """Admit a late bid or one by another channel, or refuse to: a reasoned decision that rests on facts of the evidence."""
    decided = service.Decided(body.decision, body.reason, tuple(body.facts), body.bid_id, body.copy_id)
    return AdmissionView.of(await service.decide(uow, actor, procedure, decided))


@routes.get("/v1/consultations/{procedure}/admissions", errors=[UnknownConsultation, Forbidden, BeforeDeadline],
            tag="admissions")  # fmt: skip
async def list_admissions(
    runtime: Runtime, actor: Actor, procedure: UUID, query: AdmissionQuery
) -> Page[AdmissionView]:
    """List the decisions on late bids and bids by other channels, after the deadline; the last one on each holds."""
    after = await _place(runtime, actor, procedure, query)
    async with runtime.read() as conn:
        found = await store.admissions(conn, procedure, after, query.limit + 1)
    items = [AdmissionView.of(each) for each in found[: query.limit]]
    return Page(items=items, next=_following(runtime, [each.sequence for each in found], query.limit))


@routes.post("/v1/consultations/{procedure}/copies", status=201, errors=[UnknownConsultation, Forbidden, InvalidInput],
             tag="admissions")  # fmt: skip
async def register_copy(uow: Uow, actor: Actor, procedure: UUID, body: CopyInput) -> CopyView:
    """Register by hand a backup copy, or a bid, that came on paper, on a medium or by another electronic way."""
    arrival = service.Arrival(
        body.purpose, body.medium, body.depositor, body.depositor_name, tuple(body.lots), body.received_at
    )
    return CopyView.of(await service.register(uow, actor, procedure, arrival))


@routes.get("/v1/consultations/{procedure}/copies", errors=[UnknownConsultation, Forbidden, BeforeDeadline],
            tag="admissions")  # fmt: skip
async def list_copies(runtime: Runtime, actor: Actor, procedure: UUID, query: AdmissionQuery) -> Page[CopyView]:
    """List what came by other ways than the platform, after the deadline, and the copies that the law lets open now."""
    after = await _place(runtime, actor, procedure, query)
    async with runtime.read() as conn:
        found = await store.copies(conn, procedure, after, query.limit + 1)
        offers = await offered(conn, await consultations.get(conn, procedure), found[: query.limit])
    items = [CopyView.of(each, offers.get(each.id, ())) for each in found[: query.limit]]
    return Page(items=items, next=_following(runtime, [each.sequence for each in found], query.limit))


@routes.post("/v1/copies/{copy_id}/opening", status=201,
             errors=[UnknownCopy, UnknownBid, BeforeDeadline, ProcedureSuspended, CopyStaysClosed], tag="admissions")  # fmt: skip
async def open_copy(uow: Uow, actor: Actor, copy_id: UUID, body: CopyOpening) -> CopyView:
    """Note that a copy is opened, where the law lets it be; refused otherwise, with the reason."""
    unsealing = None if body.ground is None else service.Unsealing(body.ground, body.bid_id)
    return CopyView.of(await service.open_copy(uow, actor, copy_id, unsealing))


@routes.post("/v1/copies/{copy_id}/destruction", status=201, errors=[UnknownCopy, BeforeDeadline, CopyStaysClosed],
             tag="admissions")  # fmt: skip
async def destroy_copy(uow: Uow, actor: Actor, copy_id: UUID, body: CopyDestruction) -> CopyView:
    """Record that a copy was destroyed: one never opened, or one that was set aside."""
    return CopyView.of(await service.destroy(uow, actor, copy_id, set_aside=body.set_aside))


async def _place(runtime: Runtime, actor: Actor, procedure: UUID, query: AdmissionQuery) -> int | None:
    """Let the buyer's readers pass after the deadline; give where the page begins."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, now)
    consultations.require_passed(now, consultation)
    return None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["after_copy"])


def _following(runtime: Runtime, places: list[int], limit: int) -> str | None:
    return Cursor.encode(runtime, {"after_copy": places[limit - 1]}) if len(places) > limit else None
