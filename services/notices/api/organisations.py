"""The pages of buyers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Forbidden, NotFound, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes
from libs.common.messages.base import OrganisationId
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.errors import RoleMissing
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.organisations import NewDetails
from services.notices.service import organisations as service
from services.notices.store import organisations as store
from services.notices.views.organisations import AwardView, OpenProcedureView, OrganisationView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/organisations/{organisation}", errors=[NotFound], tag="organisations")
async def get_organisation(runtime: Runtime, organisation: OrganisationId) -> OrganisationView:
    """Read the page of a buyer: where it is, its buyer profile, what it buys now, what it awarded."""
    return OrganisationView.of(await service.organisation(runtime, organisation))


@ROUTES.put("/v1/organisations/{organisation}", errors=[Forbidden, RoleMissing, StaleVersion], tag="organisations")
async def keep_organisation(
    uow: Uow, actor: Actor, organisation: OrganisationId, if_match: IfMatch, body: NewDetails
) -> None:
    """Keep the page of your organisation, as its administrator; its version is 0 before the first time."""
    await service.keep(uow, organisation, if_match, body.details(), actor)


@ROUTES.get("/v1/organisations/{organisation}/procedures", tag="organisations")
async def list_procedures(runtime: Runtime, organisation: OrganisationId, query: PageQuery) -> Page[OpenProcedureView]:
    """List the procedures of a buyer that take bids, the first to close first."""
    after = _after(runtime, query.cursor, "deadline")
    async with runtime.read() as conn:
        found = await store.open_procedures(conn, organisation, runtime.clock.now(), after, query.limit + 1)
    shown, following = found[: query.limit], None
    if len(found) > query.limit:
        last = shown[-1]
        following = Cursor.encode(runtime, {"deadline": last.deadline or store.NO_DEADLINE, "id": last.procedure_id})
    return Page(items=[OpenProcedureView.of(each) for each in shown], next=following)


@ROUTES.get("/v1/organisations/{organisation}/awards", tag="organisations")
async def list_awards(runtime: Runtime, organisation: OrganisationId, query: PageQuery) -> Page[AwardView]:
    """List the public awards of a buyer, newest first."""
    after = _after(runtime, query.cursor, "awarded")
    async with runtime.read() as conn:
        found = await store.awards(conn, organisation, after, query.limit + 1)
    shown, following = found[: query.limit], None
    if len(found) > query.limit:
        following = Cursor.encode(runtime, {"awarded": shown[-1].published_at, "id": shown[-1].notice_id})
    return Page(items=[AwardView.of(each) for each in shown], next=following)


def _after(runtime: Runtime, cursor: str | None, by: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position[by]), UUID(position["id"])
