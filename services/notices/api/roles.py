"""Roles in an organisation and in its consultations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, IllegalTransition, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.messages.base import OrganisationId
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.roles import Permission
from services.notices.errors import LastAdministrator, RoleMissing
from services.notices.inputs.roles import NewAdministrator, NewDelegation, NewRole, RoleQuery
from services.notices.service import roles as service
from services.notices.store import roles as store
from services.notices.views.roles import MeView, RoleView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/me", tag="roles")
async def get_me(runtime: Runtime, actor: Actor) -> MeView:
    """Read who you are here: your identifier, the organisation you act for, your roles in every organisation."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        given = await service.permissions(conn, actor, actor.organisation, None, now)
        return MeView.of(actor, given, await store.records_of_person(conn, actor.subject, now), now)


@ROUTES.post("/v1/roles", status=201, errors=[Forbidden, RoleMissing, Conflict], tag="roles")
async def grant_role(uow: Uow, actor: Actor, body: NewRole) -> RoleView:
    """Give a person a role in your organisation; the first one given also keeps yours."""
    record = await service.grant(uow, service.GrantRole(**dict(body)), actor)
    return RoleView.of(record, uow.now())


@ROUTES.get("/v1/roles", errors=[Forbidden, RoleMissing], tag="roles")
async def list_roles(runtime: Runtime, actor: Actor, query: RoleQuery) -> Page[RoleView]:
    """List the roles given in your organisation, past ones too, oldest first; for its administrators."""
    now = runtime.clock.now()
    asked = store.RecordFilter(
        query.procedure_id, query.person, now if query.live else None, _after(runtime, query.cursor), query.limit + 1
    )
    async with runtime.read() as conn:
        given = await service.permissions(conn, actor, actor.organisation, query.procedure_id, now)
        service.refuse_without(given, Permission.ADMINISTER, actor, actor.organisation)
        found = await store.records(conn, actor.organisation, asked)
    shown = [RoleView.of(record, now) for record in found[: query.limit]]
    if len(found) <= query.limit:
        return Page(items=shown)
    return Page(items=shown, next=Cursor.encode(runtime, {"granted": shown[-1].granted_at, "id": shown[-1].record_id}))


def _after(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["granted"]), UUID(position["id"])


@ROUTES.delete(
    "/v1/roles/{record_id}",
    status=204,
    errors=[NotFound, Forbidden, RoleMissing, IllegalTransition, LastAdministrator],
    tag="roles",
)
async def revoke_role(uow: Uow, actor: Actor, record_id: UUID) -> None:
    """End a role before its date, with what was delegated from it; its record stays."""
    await service.revoke(uow, record_id, actor)


@ROUTES.post("/v1/roles/{record_id}/delegation", status=201, errors=[NotFound, Forbidden, Conflict], tag="roles")
async def delegate_role(uow: Uow, actor: Actor, record_id: UUID, body: NewDelegation) -> RoleView:
    """Let somebody stand in for you, in one of your roles and until a date."""
    command = service.DelegateRole(record_id, body.person, body.valid_until, body.function, body.valid_from)
    return RoleView.of(await service.delegate(uow, command, actor), uow.now())


@ROUTES.post("/v1/organisations/{organisation}/administrators", status=201, errors=[Forbidden, Conflict], tag="roles")
async def name_administrator(uow: Uow, actor: Actor, organisation: OrganisationId, body: NewAdministrator) -> RoleView:
    """Give an organisation an administrator, as the platform's operator: for one whose administrators are all gone."""
    record = await service.name_administrator(uow, organisation, body.person, body.function, actor)
    return RoleView.of(record, uow.now())
