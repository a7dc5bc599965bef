"""Procedures: their reading, their timeline, and what their buyer decides of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, NotFound, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.api.paging import after
from services.notices.domain.procedure import Procedure
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.notices import VersionQuery, VersionsQuery
from services.notices.inputs.procedures import NewAbandonment, NewFailure, NewResumption, NewSuspension
from services.notices.service import procedures as service
from services.notices.store import procedures as procedure_store
from services.notices.store import timeline as store
from services.notices.views.procedures import ProcedureNotice, ProcedureView, TimelineView
from services.notices.views.versions import ProcedureTextView, ProcedureVersionView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")

LotId = Annotated[str, Field(max_length=40)]


@ROUTES.get("/v1/procedures/{procedure_id}", errors=[NotFound], tag="procedures")
async def get_procedure(runtime: Runtime, actor: Actor | None, procedure_id: UUID) -> ProcedureView:
    """Read a procedure and its notices."""
    procedure, notices, own = await service.readable_procedure(runtime, procedure_id, actor)
    return ProcedureView.of(procedure, notices, own=own)


@ROUTES.get("/v1/procedures/{procedure_id}/notices", errors=[NotFound], tag="procedures")
async def list_procedure_notices(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PageQuery
) -> Page[ProcedureNotice]:
    """List the notices of a procedure, oldest first; to its buyer those that are not public too."""
    _, _, own = await service.readable_procedure(runtime, procedure_id, actor)
    place = after(runtime, query.cursor)
    async with runtime.read() as conn:
        found = await procedure_store.procedure_notices(
            conn, procedure_id, drafts_too=own, limit=query.limit + 1, after=place
        )
    shown, following = found[: query.limit], None
    if len(found) > query.limit:
        following = Cursor.encode(runtime, {"at": shown[-1].at, "id": shown[-1].notice_id})
    return Page(items=[ProcedureNotice.model_validate(each, from_attributes=True) for each in shown], next=following)


@ROUTES.get("/v1/procedures/{procedure_id}/versions", errors=[NotFound], tag="procedures")
async def list_procedure_versions(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: VersionsQuery
) -> Page[ProcedureVersionView]:
    """List the states of a procedure as bidders saw them, with what changed; to its buyer, also what is not public.

    A page may hold fewer versions than asked, even none: those that changed nothing you may know are left out.
    """
    _, _, own = await service.readable_procedure(runtime, procedure_id, actor)
    first = int(Cursor.decode(runtime, query.cursor)["version"]) if query.cursor else 0
    until = query.as_of or runtime.clock.now()
    async with runtime.read() as conn:
        rows = await procedure_store.procedure_versions(
            conn, procedure_id, until=until, first=first, limit=query.limit + 2
        )
    former, rows = (rows[0], rows[1:]) if first and rows else (None, rows)
    more = len(rows) > query.limit
    items = ProcedureVersionView.all_of(rows[: query.limit], own=own, former=former)
    following = Cursor.encode(runtime, {"version": rows[query.limit - 1].version}) if more else None
    return Page(items=items, next=following)


@ROUTES.get("/v1/procedures/{procedure_id}/text", errors=[NotFound], tag="procedures")
async def get_text(runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: VersionQuery) -> ProcedureTextView:
    """Read a procedure as it was at an instant (`as_of`; now when absent): its state and the text that bidders read."""
    _, _, own = await service.readable_procedure(runtime, procedure_id, actor)
    async with runtime.read() as conn:
        found = await procedure_store.procedure_at(conn, procedure_id, query.as_of or runtime.clock.now())
    if found is None:
        raise NotFound(
            "Rien de cette consultation n'était publié à cette date.", "Nothing of this procedure was published then."
        )
    return ProcedureTextView.of(found, own=own)


@ROUTES.get("/v1/procedures/{procedure_id}/timeline", errors=[NotFound], tag="procedures")
async def get_timeline(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PageQuery
) -> Page[TimelineView]:
    """Read what happened in a procedure: the public part for anyone, for its buyer all that may be told."""
    procedure, _, own = await service.readable_procedure(runtime, procedure_id, actor)
    place = None
    if query.cursor:
        position = Cursor.decode(runtime, query.cursor)
        place = datetime.fromisoformat(position["at"]), int(position["position"])
    async with runtime.read() as conn:
        reader = _reader(procedure, actor, own=own)
        rows = await store.timeline(conn, procedure_id, reader=reader, after=place, limit=query.limit + 1)
    shown, more = rows[: query.limit], len(rows) > query.limit
    last: Mapping[str, Any] = {"at": shown[-1].occurred_at, "position": shown[-1].position} if more else {}
    return Page(items=[TimelineView.of(row) for row in shown], next=Cursor.encode(runtime, last) if more else None)


def _reader(procedure: Procedure, actor: Actor | None, *, own: bool) -> str | None:
    """Give whose entries are read: the buyer's by who may read for it, a company's by its people."""
    if own:
        return procedure.organisation
    return actor.organisation if actor and actor.organisation != procedure.organisation else None


_REFUSALS = [NotFound, Forbidden, StaleVersion, IllegalTransition]


@ROUTES.post("/v1/procedures/{procedure_id}/suspension", status=201, errors=_REFUSALS, tag="procedures")
async def suspend_procedure(
    uow: Uow, actor: Actor, procedure_id: UUID, if_match: IfMatch, body: NewSuspension
) -> ProcedureView:
    """Suspend a procedure: its deadline closes nothing, no bid is taken, opened or awarded until it is resumed."""
    procedure = await _own(uow, procedure_id, actor, if_match)
    return _shown(await service.suspend(uow, procedure, body.reason, body.explanation))


@ROUTES.post("/v1/procedures/{procedure_id}/resumption", status=201, errors=_REFUSALS, tag="procedures")
async def resume_procedure(
    uow: Uow, actor: Actor, procedure_id: UUID, if_match: IfMatch, body: NewResumption
) -> ProcedureView:
    """Let a suspended procedure go on; where bids are awaited, their deadline is put off."""
    procedure = await _own(uow, procedure_id, actor, if_match)
    return _shown(await service.resume(uow, procedure, body.deadline))


@ROUTES.post("/v1/procedures/{procedure_id}/abandonment", status=201, errors=_REFUSALS, tag="procedures")
async def abandon_procedure(
    uow: Uow, actor: Actor, procedure_id: UUID, if_match: IfMatch, body: NewAbandonment
) -> ProcedureView:
    """Give up every lot that has no contract yet (déclaration sans suite, R2185-1)."""
    procedure = await _own(uow, procedure_id, actor, if_match)
    return _shown(await service.abandon(uow, procedure, _failure(body)))


@ROUTES.post("/v1/procedures/{procedure_id}/lots/{lot_id}/abandonment", status=201, errors=_REFUSALS, tag="procedures")
async def abandon_lot(
    uow: Uow, actor: Actor, procedure_id: UUID, lot_id: LotId, if_match: IfMatch, body: NewAbandonment
) -> ProcedureView:
    """Give up one lot (déclaration sans suite, R2185-1)."""
    procedure = await _own(uow, procedure_id, actor, if_match)
    return _shown(await service.abandon_lot(uow, procedure, lot_id, _failure(body)))


@ROUTES.post("/v1/procedures/{procedure_id}/lots/{lot_id}/failure", status=201, errors=_REFUSALS, tag="procedures")
async def declare_lot_unsuccessful(
    uow: Uow, actor: Actor, procedure_id: UUID, lot_id: LotId, if_match: IfMatch, body: NewFailure
) -> ProcedureView:
    """Declare a lot unsuccessful (infructueux): no bid, or none acceptable. The award notice makes it public."""
    procedure = await _own(uow, procedure_id, actor, if_match)
    return _shown(await service.declare_unsuccessful(uow, procedure, lot_id, _failure(body)))


async def _own(uow: Uow, procedure_id: UUID, actor: Actor, version: int) -> Procedure:
    procedure = await service.own_procedure(uow, procedure_id, actor)
    procedure.require_version(version)
    return procedure


def _failure(body: NewAbandonment | NewFailure) -> service.Failure:
    return service.Failure(body.reason, body.explanation)


def _shown(procedure: Procedure) -> ProcedureView:
    return ProcedureView.of(procedure, (), own=True)
