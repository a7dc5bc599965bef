"""The routes of rounds: selection and calls for the buyer, its own invitations for a company."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import Territory
from libs.common.errors import Forbidden, IllegalTransition
from libs.common.grants import Permission
from libs.common.http import Cursor, Page, Routes
from libs.common.messages.base import OrganisationId
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import PageQuery
from services.bids.errors import LotEnded, ProcedureSuspended, UnknownConsultation
from services.bids.rounds import calls, moving, selection, store
from services.bids.rounds.errors import RoundClosed, RoundNotOpened, WrongRound, WrongSelection
from services.bids.rounds.states import RoundKind
from services.bids.rounds.store import Company, Round
from services.bids.rounds.systems import decide_by
from services.bids.service import consultations

__all__ = ["routes"]

routes = Routes("bids")
Told = Annotated[str, Field(min_length=1, max_length=20_000)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CandidateInput(_Input):
    """What was decided of one candidate, for one lot."""

    organisation: OrganisationId
    lot_id: str = Field(min_length=1, max_length=200)
    selected: bool
    reasons: str = Field(default="", max_length=5000, description="told to it; needed where it is refused")


class SelectionInput(_Input):
    """The selection: every candidate whose application was opened, for each of its lots."""

    criteria: Told = Field(
        description="as published: capacities, how candidates are ranked where their number is limited"
    )
    at_most: int | None = Field(default=None, ge=1, le=1000, description="candidates for each lot (R2142-15 CCP)")
    candidates: list[CandidateInput] = Field(min_length=1, max_length=2000)
    round_id: UUID | None = Field(
        default=None, description="of a dynamic purchasing system: the round whose applications are judged"
    )


class MoveInput(_Input):
    """A later deadline of a round."""

    deadline: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=2000)] = Field(description="told to all those invited")


class SelectionView(_View):
    """A selection as it was recorded."""

    selection_id: UUID
    decided_at: datetime
    decided_by: str
    decision: dict[str, Any]


class RoundInput(_Input):
    """A round to open; who is invited follows from what came before."""

    kind: RoundKind
    deadline: AwareDatetime
    terms: Told = Field(description="told to all those invited, word for word the same")
    lots: list[Annotated[str, Field(max_length=200)]] | None = Field(default=None, min_length=1, max_length=200)
    keys: OpeningKeySet | None = Field(default=None, description="of the opening officers; none: as in the procedure")
    dropped: dict[OrganisationId, Annotated[str, Field(max_length=5000)]] = Field(
        default={},
        max_length=200,
        description="of a negotiation: those not called again, with the reasons they are told",
    )
    shortened: str | None = Field(default=None, min_length=1, max_length=2000, description="why the period is short")
    until: AwareDatetime | None = Field(
        default=None,
        description="of applications to a dynamic purchasing system: its end; the next round opens by itself",
    )


class InvitedView(_View):
    """A company invited."""

    organisation: str
    name: str
    lots: list[str]


class RoundView(_View):
    """A round. Bids are deposited and opened at `/consultations/{round_id}`."""

    round_id: UUID
    procedure: UUID
    number: int
    kind: RoundKind
    opened_at: datetime
    deadline: datetime
    lots: list[str] = Field(description="to a company: those it is invited for")
    terms: str
    key_fingerprint: str
    invited: list[InvitedView] | None = Field(description="to the buyer alone")
    until: datetime | None = Field(default=None, description="of applications: the end of the system")
    decide_by: date | None = Field(
        default=None, description="of applications: the last day to judge them (R2162-45 CCP)"
    )


class RoundsQuery(_Input):
    """A page of rounds."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


@routes.post(
    "/v1/consultations/{procedure}/selection",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        IllegalTransition,
        ProcedureSuspended,
        LotEnded,
        RoundNotOpened,
        WrongSelection,
    ],
    tag="rounds",
)
async def select_applications(uow: Uow, actor: Actor, procedure: UUID, body: SelectionInput) -> SelectionView:
    """Select the candidates to invite; those refused are told why, each by a letter of its own."""
    judged = tuple(
        selection.Judgement(each.organisation, each.lot_id, each.selected, each.reasons) for each in body.candidates
    )
    choice = selection.Choice(body.criteria, body.at_most, judged)
    made = await selection.decide(uow, actor, procedure, choice, body.round_id)
    return _selection(made)


@routes.get("/v1/consultations/{procedure}/selection", errors=[UnknownConsultation, Forbidden], tag="rounds")
async def list_selections(runtime: Runtime, actor: Actor, procedure: UUID) -> Page[SelectionView]:
    """Read the selection of a procedure, for its buyer."""
    async with runtime.read() as conn:
        found = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, found, Permission.READ, runtime.clock.now())
        return Page(items=[_selection(each) for each in await store.selections(conn, procedure)])


@routes.post(
    "/v1/consultations/{procedure}/rounds",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        IllegalTransition,
        ProcedureSuspended,
        LotEnded,
        RoundNotOpened,
        WrongRound,
    ],
    tag="rounds",
)
async def open_round(uow: Uow, actor: Actor, procedure: UUID, body: RoundInput) -> RoundView:
    """Open a round: invitations leave at once, to everybody the same; nobody else learns who was invited."""
    call = calls.Call(
        body.kind, body.deadline, body.terms, None if body.lots is None else tuple(body.lots), body.keys,
        dict(body.dropped), body.shortened, body.until,
    )  # fmt: skip
    identity = await calls.open_round(uow, actor, procedure, call)
    (opened,) = await store.rounds(uow.conn, procedure, None, before=None, limit=1)
    return _round(opened, await store.invited(uow.conn, identity), None)


@routes.put(
    "/v1/consultations/{procedure}/deadline",
    errors=[UnknownConsultation, Forbidden, ProcedureSuspended, LotEnded, RoundClosed, WrongRound],
    tag="rounds",
)
async def move_round(uow: Uow, actor: Actor, procedure: UUID, body: MoveInput) -> RoundView:
    """Put off the deadline of an open round; everybody invited is told at once, in the same words."""
    moved = await moving.move(uow, actor, procedure, moving.Move(body.deadline, body.reason))
    return _round(moved, await store.invited(uow.conn, procedure), None)


@routes.get("/v1/consultations/{procedure}/rounds", errors=[UnknownConsultation, Forbidden], tag="rounds")
async def list_rounds(runtime: Runtime, actor: Actor, procedure: UUID, query: RoundsQuery) -> Page[RoundView]:
    """List the rounds of a procedure with those invited, newest first; for its buyer."""
    async with runtime.read() as conn:
        found = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, found, Permission.READ, runtime.clock.now())
    return await _page(runtime, procedure, None, query)


@routes.get("/v1/rounds", errors=[Forbidden], tag="rounds")
async def list_own_rounds(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[RoundView]:
    """List the rounds to which one's company was invited, of one procedure or of all, newest first."""
    actor.require(OrganisationKind.COMPANY)
    return await _page(runtime, query.procedure, actor.organisation, query)


async def _page(
    runtime: Runtime, procedure: UUID | None, own: str | None, query: RoundsQuery | PageQuery
) -> Page[RoundView]:
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        page = await store.rounds(conn, procedure, own, before=before, limit=query.limit + 1)
        shown = page[: query.limit]
        items = [_round(each, await store.invited(conn, each.id), own) for each in shown]
    following = Cursor.encode(runtime, {"before": shown[-1].sequence}) if len(page) > query.limit else None
    return Page(items=items, next=following)


def _selection(made: store.Selection) -> SelectionView:
    return SelectionView(
        selection_id=made.id, decided_at=made.decided_at, decided_by=made.decided_by, decision=made.decision
    )


def _round(opened: Round, invited: list[Company], own: str | None) -> RoundView:
    mine = next((each.lots for each in invited if each.organisation == own), opened.lots)
    told = [InvitedView(organisation=each.organisation, name=each.name, lots=list(each.lots)) for each in invited]
    return RoundView(
        round_id=opened.id, procedure=opened.principal, number=opened.number, kind=opened.kind, opened_at=opened.opened_at,
        deadline=opened.deadline, lots=list(mine), terms=opened.terms, key_fingerprint=opened.fingerprint,
        invited=told if own is None else None, until=opened.until,
        decide_by=decide_by(opened.opened_at, Territory.METROPOLE) if opened.kind == "application" else None,
    )  # fmt: skip
