"""Recording who acts for a company: its administrator, its users; each change is told to the other services."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, CompanyStanding, OrganisationKind, Person
from libs.common.grants.companies import standing
from libs.common.messages.companies import CompanyRole, CompanyUserChangedV1, RecordedUser
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.companies.users import store
from services.bids.companies.users.errors import AlreadyUser, NotAdministrator, OnlyAdministrator, UnknownUser
from services.bids.companies.users.store import CompanyUser

__all__ = ["add", "begin", "change", "claim", "end", "leave", "name_administrator", "require_administrator"]


async def claim(uow: Uow, actor: Actor) -> CompanyUser:
    """Record the caller as the administrator of a company without users. Raises Forbidden, AlreadyUser."""
    actor.require(OrganisationKind.COMPANY)
    first = await begin(uow, actor)
    if first is None:
        raise AlreadyUser(
            "L'entreprise a déjà un administrateur, qui seul invite et transmet l'administration.",
            "The company has an administrator already, who alone invites and hands the administration over.",
        )
    return first


async def begin(uow: Uow, actor: Actor) -> CompanyUser | None:
    """Lock the users of the caller's company; the first time, record the caller as its administrator and give that record."""
    await store.hold(uow.conn, actor.organisation)
    if await store.is_ruled(uow.conn, actor.organisation):
        return None
    return await add(uow, actor.organisation, actor.subject, "administrator", by=actor.subject)


async def require_administrator(conn: asyncpg.Connection, actor: Actor) -> None:
    """Let only the administrator of the caller's company pass. Raises Forbidden: no company, or NotAdministrator."""
    actor.require(OrganisationKind.COMPANY)
    if await standing(conn, actor.subject, actor.organisation) is not CompanyStanding.ADMINISTRATOR:
        raise NotAdministrator


async def add(uow: Uow, company: str, person: str, role: CompanyRole, *, by: str, function: str = "") -> CompanyUser:
    """Write a record of a locked company and tell of it."""
    user = CompanyUser(uuid4(), company, person, role, uow.now(), by, function)
    await store.add_user(uow.conn, user)
    uow.emit(_told(user))
    return user


async def end(uow: Uow, actor: Actor, record_id: UUID) -> None:
    """Take a user's access away, at once. Raises Forbidden, UnknownUser, OnlyAdministrator."""
    user = await _managed(uow, actor, record_id)
    if user.role == "administrator":
        raise OnlyAdministrator
    await _end(uow, user, actor.subject)


async def change(uow: Uow, actor: Actor, record_id: UUID, role: CompanyRole) -> CompanyUser:
    """Give a user another role. That of administrator is handed over: who had it stays as depositor.

    Raises Forbidden, UnknownUser, OnlyAdministrator (the administrator gives up the role without handing it over).
    """
    user = await _managed(uow, actor, record_id)
    if user.role == role:
        return user
    if user.role == "administrator":
        raise OnlyAdministrator
    if role == "administrator":
        await _step_down(uow, user.company, actor.subject)
    return await _again(uow, user, role, actor.subject)


async def name_administrator(uow: Uow, actor: Actor, company: str, person: str) -> CompanyUser:
    """Give a company an administrator, by the operator, in the place of one who is gone; who was it stays as depositor.

    Raises Forbidden, AlreadyUser.
    """
    actor.require(OrganisationKind.OPERATOR)
    await store.hold(uow.conn, company)
    user = await store.user_of(uow.conn, company, person)
    if user is not None and user.role == "administrator":
        raise AlreadyUser("Cette personne est déjà l'administrateur.", "This person is the administrator already.")
    await _step_down(uow, company, actor.subject)
    uow.audit("name_company_administrator", company)
    if user is not None:
        return await _again(uow, user, "administrator", actor.subject)
    return await add(uow, company, person, "administrator", by=actor.subject)


async def leave(runtime: Runtime, person: Person, record_id: UUID) -> None:
    """Act no more for a company, of one's own will. Raises UnknownUser, OnlyAdministrator."""
    async with runtime.read() as conn:
        user = await store.live_user(conn, record_id)
    if user is None or user.person != person.subject:
        raise UnknownUser
    actor = Actor(person.subject, person.name, user.company, OrganisationKind.COMPANY)
    async with runtime.uow(actor=actor) as uow:
        await store.hold(uow.conn, user.company)
        user = await store.live_user(uow.conn, record_id)  # it may have ended, or become the administrator's, meanwhile
        if user is None:
            raise UnknownUser
        if user.role == "administrator":
            raise OnlyAdministrator
        await _end(uow, user, person.subject)


async def _managed(uow: Uow, actor: Actor, record_id: UUID) -> CompanyUser:
    """Give a live record of the caller's company, whose users nobody else changes until the end."""
    actor.require(OrganisationKind.COMPANY)
    await store.hold(uow.conn, actor.organisation)
    await require_administrator(uow.conn, actor)
    user = await store.live_user(uow.conn, record_id)
    if user is None or user.company != actor.organisation:
        raise UnknownUser
    return user


async def _step_down(uow: Uow, company: str, by: str) -> None:
    former = await store.administrator(uow.conn, company)
    if former is not None:
        await _again(uow, former, "depositor", by)


async def _again(uow: Uow, user: CompanyUser, role: CompanyRole, by: str) -> CompanyUser:
    """End a record and begin another of the same person: what was stays on record."""
    await _end(uow, user, by)
    return await add(uow, user.company, user.person, role, by=by, function=user.function)


async def _end(uow: Uow, user: CompanyUser, by: str) -> None:
    ended = await store.end_user(uow.conn, user.record_id, uow.now(), by)
    uow.emit(_told(ended))


def _told(user: CompanyUser) -> CompanyUserChangedV1:
    recorded = RecordedUser(**{name: getattr(user, name) for name in RecordedUser.model_fields})
    return CompanyUserChangedV1(
        aggregate_id=user.record_id,
        aggregate_version=user.version,
        organisation=user.company,
        occurred_at=user.ended_at or user.since,
        user=recorded,
    )
