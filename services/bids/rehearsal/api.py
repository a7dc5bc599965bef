"""Rehearsals, and where to find help."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, InvalidInput
from libs.common.grants import Permission
from libs.common.http import Routes
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.domain.time import legal_time
from services.bids.errors import UnknownConsultation
from services.bids.rehearsal import service
from services.bids.sealing.rehearsal import Rehearsal
from services.bids.service import consultations
from services.bids.settings import BidsSettings
from services.bids.store.consultations import Consultation

__all__ = ["routes"]

routes = Routes("bids")


class RehearsalInput(BaseModel):
    """A rehearsal to open: with its officers, for a short time."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    buyer_name: Annotated[str, Field(min_length=1, max_length=200)]
    department: Annotated[str, Field(min_length=2, max_length=3, description="of the buyer: it gives the legal time")]
    opening: OpeningKeySet
    minutes: int = Field(default=60, ge=5, le=7 * 24 * 60, description="until its deadline")


class RehearsalView(BaseModel):
    """A rehearsal: its `procedure` is given to those who take part, who deposit and open as in any consultation."""

    model_config = ConfigDict(frozen=True)
    procedure: UUID
    title: str
    deadline: datetime
    lots: list[str]
    key_fingerprint: str


class OfficerRehearsalView(BaseModel):
    """Whether an officer tried his key."""

    model_config = ConfigDict(frozen=True)
    officer: str
    recovery: bool
    rehearsed_at: datetime | None


class OfficersView(BaseModel):
    """The officers of the key set in force."""

    model_config = ConfigDict(frozen=True)
    procedure: UUID
    key_fingerprint: str
    rehearsal: bool = Field(description="the consultation itself is a rehearsal")
    officers: list[OfficerRehearsalView]


class HelpView(BaseModel):
    """Where to find help, at each step."""

    model_config = ConfigDict(frozen=True)
    url: str | None
    mail: str | None
    phone: str | None
    hours: str | None = Field(description="when somebody answers, in the operator's words")
    workstation: str = Field(description="page that checks a workstation")
    server_time: datetime


@routes.post("/v1/rehearsals", status=201, errors=[Forbidden, InvalidInput], tag="rehearsals")
async def start_rehearsal(uow: Uow, actor: Actor, body: RehearsalInput) -> RehearsalView:
    """Open a consultation to rehearse deposits and the opening: never published, never awarded, in no open data."""
    wish = service.Wish(body.buyer_name, body.department, body.opening, body.minutes)
    return _view(await service.start(uow, actor, wish))


@routes.post(
    "/v1/consultations/{procedure}/officers",
    status=201,
    errors=[UnknownConsultation, Forbidden, InvalidInput],
    tag="rehearsals",
)
async def record_officer_rehearsal(uow: Uow, actor: Actor, procedure: UUID, body: Rehearsal) -> OfficersView:
    """Record that an officer's key works: the signed statement that the `rehearse` tool writes."""
    await service.record(uow, actor, procedure, body)
    found = await consultations.get(uow.conn, procedure)
    return await _officers(uow, found)


@routes.get("/v1/consultations/{procedure}/officers", errors=[UnknownConsultation, Forbidden], tag="rehearsals")
async def list_officer_rehearsals(uow: Uow, actor: Actor, procedure: UUID) -> OfficersView:
    """List the officers of the key set in force, and who tried his key."""
    found = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, found, Permission.READ, uow.now())
    return await _officers(uow, found)


@routes.get("/v1/help", tag="rehearsals")
async def get_help(runtime: Runtime) -> HelpView:
    """Tell where to find help with a deposit or an opening, and the platform's hour."""
    told = runtime.port(BidsSettings)
    return HelpView(
        url=told.help_url, mail=told.help_mail, phone=told.help_phone, hours=told.help_hours,
        workstation=f"{told.public_url}/bids/v1/web/workstation.html", server_time=runtime.clock.now(),
    )  # fmt: skip


def _view(found: Consultation) -> RehearsalView:
    return RehearsalView(
        procedure=found.procedure, title=found.notice.title, deadline=legal_time(found.deadline, found.zone),
        lots=[each.lot_id for each in found.notice.lots], key_fingerprint=found.keys.fingerprint,
    )  # fmt: skip


async def _officers(uow: Uow, found: Consultation) -> OfficersView:
    done = await service.officers(uow.conn, found)
    recovery = {each.officer for each in found.keys.officers if each.recovery}
    told = [OfficerRehearsalView(officer=each, recovery=each in recovery, rehearsed_at=at) for each, at in done.items()]
    rehearsal = await service.is_rehearsal(uow.conn, found.procedure)
    return OfficersView(
        procedure=found.procedure, key_fingerprint=found.keys.fingerprint, rehearsal=rehearsal, officers=told
    )
