"""The users of a company, invitations, and the companies of a person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind, Person
from libs.common.errors import Forbidden
from libs.common.http import Cursor, Page, Routes
from libs.common.mail.message import ADDRESS, one_line
from libs.common.messages.base import OrganisationId
from libs.common.messages.companies import CompanyRole
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.companies.users import invitations, mails, service, store
from services.bids.companies.users.errors import (
    AlreadyUser,
    NotAdministrator,
    OnlyAdministrator,
    TooManyInvitations,
    UnknownInvitation,
    UnknownUser,
)
from services.bids.companies.users.store import CompanyUser, Invitation, Place

__all__ = ["routes"]

routes = Routes("bids")
Function = Annotated[
    str,
    Field(max_length=100, description="what they do there, no name"),
    AfterValidator(lambda text: one_line(text, 100)),
]


class UserView(BaseModel):
    """A person who acts, or acted, for a company."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    record_id: UUID
    company: str
    person: str = Field(description="the `sub` of the token: no name is kept")
    role: CompanyRole
    function: str
    since: datetime
    ended_at: datetime | None


class InvitationView(BaseModel):
    """An invitation, for the administrator."""

    model_config = ConfigDict(frozen=True)

    invitation_id: UUID
    email: str | None = Field(description="erased once the invitation ended")
    role: CompanyRole
    function: str
    invited_at: datetime
    expires_at: datetime
    state: Literal["open", "accepted", "revoked", "expired"]
    mail: Literal["sent", "refused", "failed"] | None = Field(description="what became of the mail; null: on its way")

    @classmethod
    def of(cls, made: Invitation, at: datetime) -> Self:
        """Present an invitation at an instant."""
        names = [name for name in cls.model_fields if name != "state"]
        return cls.model_validate({name: getattr(made, name) for name in names} | {"state": made.state(at)})


class OpenInvitationView(BaseModel):
    """What an invitation says to who holds its token."""

    model_config = ConfigDict(frozen=True)

    company: str
    company_name: str
    role: CompanyRole
    expires_at: datetime


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewInvitation(_Input):
    """Whom to invite, as what."""

    email: Annotated[str, Field(pattern=ADDRESS, max_length=254, examples=["metreur@entreprise.example"])]
    role: Literal["depositor", "reader"] = "depositor"
    function: Function = ""


class RoleChange(_Input):
    """The role to give; `administrator` hands the administration over."""

    role: CompanyRole


class NewAdministrator(_Input):
    """Who is to administer a company that lost its administrator."""

    person: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


class ListQuery(_Input):
    """A page."""

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class UserQuery(ListQuery):
    """A page of users."""

    live: bool = Field(default=True, description="only those who act for the company now")


@routes.post("/v1/company/users", status=201, errors=[Forbidden, AlreadyUser], tag="company users")
async def claim_administration(uow: Uow, actor: Actor) -> UserView:
    """Become the administrator of one's own company, as its first user; from then on only recorded users act for it."""
    return UserView.model_validate(await service.claim(uow, actor))


@routes.get("/v1/company/users", errors=[Forbidden], tag="company users")
async def list_company_users(runtime: Runtime, actor: Actor, query: UserQuery) -> Page[UserView]:
    """List who acts for one's own company; with `live=false` also who did, oldest first."""
    actor.require(OrganisationKind.COMPANY)
    async with runtime.read() as conn:
        place = _place(runtime, query.cursor)
        found = await store.users(conn, actor.organisation, place, query.limit + 1, live=query.live)
    return _users(runtime, found, query.limit)


@routes.put("/v1/company/users/{record_id}", errors=[Forbidden, NotAdministrator, UnknownUser, OnlyAdministrator],
            tag="company users")  # fmt: skip
async def change_company_user(uow: Uow, actor: Actor, record_id: UUID, body: RoleChange) -> UserView:
    """Give a user another role, for the administrator; `administrator`: hand the administration over and stay as depositor."""
    return UserView.model_validate(await service.change(uow, actor, record_id, body.role))


@routes.delete("/v1/company/users/{record_id}", status=204,
               errors=[Forbidden, NotAdministrator, UnknownUser, OnlyAdministrator], tag="company users")  # fmt: skip
async def end_company_user(uow: Uow, actor: Actor, record_id: UUID) -> None:
    """Take a user's access away, for the administrator: it is over at his next request."""
    await service.end(uow, actor, record_id)


@routes.post("/v1/company/invitations", status=201, errors=[Forbidden, NotAdministrator, TooManyInvitations],
             tag="company users")  # fmt: skip
async def invite_company_user(uow: Uow, actor: Actor, body: NewInvitation) -> InvitationView:
    """Invite somebody by mail to act for one's own company, for its administrator; who invites first becomes that."""
    made = await invitations.invite(uow, actor, body.email, body.role, body.function)
    return InvitationView.of(made, uow.now())


@routes.get("/v1/company/invitations", errors=[Forbidden, NotAdministrator], tag="company users")
async def list_company_invitations(runtime: Runtime, actor: Actor, query: ListQuery) -> Page[InvitationView]:
    """List the invitations of one's own company, oldest first, for its administrator."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        await service.require_administrator(conn, actor)
        found = await store.invitations(conn, actor.organisation, _place(runtime, query.cursor), query.limit + 1)
    shown = [InvitationView.of(each, now) for each in found[: query.limit]]
    more = len(found) > query.limit
    return Page(items=shown, next=_next(runtime, shown[-1].invited_at, shown[-1].invitation_id) if more else None)


@routes.delete("/v1/company/invitations/{invitation_id}", status=204,
               errors=[Forbidden, NotAdministrator, UnknownInvitation], tag="company users")  # fmt: skip
async def revoke_company_invitation(uow: Uow, actor: Actor, invitation_id: UUID) -> None:
    """Take an open invitation back, for the administrator: its link works no more."""
    await invitations.revoke(uow, actor, invitation_id)


@routes.get("/v1/invitations/{token}", errors=[UnknownInvitation], tag="company users")
async def get_invitation(runtime: Runtime, token: str) -> OpenInvitationView:
    """Read what an open invitation says: the token of the mail is enough."""
    found = await invitations.shown(runtime, token)
    made = found.invitation
    return OpenInvitationView(
        company=made.company, company_name=found.company_name, role=made.role, expires_at=made.expires_at
    )


@routes.get("/v1/invitations/{token}/page", errors=[UnknownInvitation], tag="company users", produces=["text/html"])
async def read_invitation(runtime: Runtime, token: str) -> web.StreamResponse:
    """Read an open invitation as a page: where the link of the mail leads; reading it changes nothing."""
    found = await invitations.shown(runtime, token)
    made = found.invitation
    headers = {
        "Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    }  # fmt: skip
    text = mails.invitation_page(found.company_name, made.role, made.expires_at, token)
    return web.Response(text=text, content_type="text/html", headers=headers)


@routes.post("/v1/invitations/{token}/acceptance", status=201, errors=[UnknownInvitation, AlreadyUser],
             tag="company users")  # fmt: skip
async def accept_invitation(runtime: Runtime, person: Person, token: str) -> UserView:
    """Accept an invitation, whatever organisation the token names, or none: works once."""
    return UserView.model_validate(await invitations.accept(runtime, person, token))


@routes.get("/v1/memberships", tag="company users")
async def list_memberships(runtime: Runtime, person: Person, query: ListQuery) -> Page[UserView]:
    """List the companies one acts for by a record of the platform: say which one in `Halles-Organisation`."""
    async with runtime.read() as conn:
        found = await store.companies_of(conn, person.subject, _place(runtime, query.cursor), query.limit + 1)
    return _users(runtime, found, query.limit)


@routes.delete("/v1/memberships/{record_id}", status=204, errors=[UnknownUser, OnlyAdministrator], tag="company users")
async def leave_company(runtime: Runtime, person: Person, record_id: UUID) -> None:
    """Act no more for a company; its administrator hands the administration over first."""
    await service.leave(runtime, person, record_id)


@routes.post("/v1/companies/{company}/administrators", status=201, errors=[Forbidden, AlreadyUser], tag="company users")
async def name_company_administrator(
    uow: Uow, actor: Actor, company: OrganisationId, body: NewAdministrator
) -> UserView:
    """Give a company an administrator, as the platform's operator: for one whose administrator is gone."""
    return UserView.model_validate(await service.name_administrator(uow, actor, company, body.person))


def _users(runtime: Runtime, found: list[CompanyUser], limit: int) -> Page[UserView]:
    shown = [UserView.model_validate(each) for each in found[:limit]]
    more = len(found) > limit
    return Page(items=shown, next=_next(runtime, shown[-1].since, shown[-1].record_id) if more else None)


def _place(runtime: Runtime, cursor: str | None) -> Place:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["since"]), UUID(position["id"])


def _next(runtime: Runtime, since: datetime, identity: UUID) -> str:
    return Cursor.encode(runtime, {"since": since, "id": identity})
