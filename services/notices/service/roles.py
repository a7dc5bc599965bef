"""Who may do what for a buyer: the one place that answers, and the use cases that record roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, Forbidden, InvalidInput, NotFound
from libs.common.grants import refuse_without
from libs.common.uow import Uow
from services.notices import role_events
from services.notices.domain.roles import (
    ALL,
    FIRST_ROLES,
    Capacity,
    Permission,
    Role,
    RoleRecord,
    Scope,
    allowed,
)
from services.notices.errors import LastAdministrator, RoleMissing
from services.notices.store import joint as joint_store
from services.notices.store import procedures as procedure_store
from services.notices.store import roles as store

__all__ = [
    "DelegateRole",
    "GrantRole",
    "delegate",
    "grant",
    "may",
    "name_administrator",
    "permissions",
    "readable",
    "refuse_without",
    "require",
    "require_reading",
    "revoke",
]

_NOTHING: Final[frozenset[Permission]] = frozenset()
_READING: Final = frozenset({Permission.READ})


@dataclass(frozen=True, slots=True)
class GrantRole:
    """A role to be recorded for the caller's organisation."""

    person: str
    role: Role
    capacity: Capacity = "member"
    procedure_id: UUID | None = None
    function: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DelegateRole:
    """A role of the caller's, to be held by somebody else for a time."""

    record_id: UUID
    person: str
    valid_until: datetime
    function: str = ""
    valid_from: datetime | None = None


async def permissions(
    conn: asyncpg.Connection, actor: Actor | None, organisation: str, procedure_id: UUID | None, at: datetime
) -> frozenset[Permission]:
    """Give what the caller may do in a consultation of a buyer; in all of the buyer's where `procedure_id` is None.

    While no role of the buyer is recorded, whoever's token names it may do all; then records alone say it.
    """
    if actor is None or actor.kind is not OrganisationKind.BUYER:
        return _NOTHING
    if actor.organisation != organisation:
        return await _of_member(conn, actor, procedure_id, at)
    found = await store.standing(conn, organisation, actor.subject, procedure_id, at)
    return allowed(found.roles) if found.ruled else ALL


async def _of_member(
    conn: asyncpg.Connection, actor: Actor, procedure_id: UUID | None, at: datetime
) -> frozenset[Permission]:
    """Give what the caller may do with the consultation of another buyer: read it, as a member of a joint purchase."""
    if procedure_id is None or not await joint_store.shared_with(conn, actor.organisation, at, procedure_id):
        return _NOTHING
    return await permissions(conn, actor, actor.organisation, None, at) & _READING


async def may(
    conn: asyncpg.Connection,
    actor: Actor | None,
    organisation: str,
    procedure_id: UUID | None,
    at: datetime,
    permission: Permission = Permission.READ,
) -> bool:
    """Say whether the caller may do this."""
    return permission in await permissions(conn, actor, organisation, procedure_id, at)


async def require(uow: Uow, actor: Actor, organisation: str, procedure_id: UUID | None, permission: Permission) -> None:
    """Let only those pass who may do this for a buyer. Raises Forbidden: another organisation, or RoleMissing."""
    actor.require(OrganisationKind.BUYER)
    given = await permissions(uow.conn, actor, organisation, procedure_id, uow.now())
    refuse_without(given, permission, actor, organisation)


async def require_reading(
    conn: asyncpg.Connection, actor: Actor, organisation: str, procedure_id: UUID | None, at: datetime
) -> None:
    """Let only those pass who read what is not public of a buyer. Raises Forbidden: another organisation, or RoleMissing."""
    given = await permissions(conn, actor, organisation, procedure_id, at)
    refuse_without(given, Permission.READ, actor, organisation)


async def readable(conn: asyncpg.Connection, actor: Actor, at: datetime) -> Scope:
    """Give which consultations of the organisation the caller may read. Raises Forbidden, RoleMissing where none."""
    actor.require(OrganisationKind.BUYER)
    if await may(conn, actor, actor.organisation, None, at):
        shared = await joint_store.shared_with(conn, actor.organisation, at)
        return Scope(actor.organisation, None, shared)
    found = await store.consultations(conn, actor.organisation, actor.subject, at)
    if not found:
        raise RoleMissing(Role.READER)
    return Scope(actor.organisation, tuple(found))


async def grant(uow: Uow, command: GrantRole, actor: Actor) -> RoleRecord:
    """Record a role of a person for the caller's organisation.

    The first one of an organisation also records what the caller could do until then. Raises Forbidden (RoleMissing, or a
    role for oneself), InvalidInput, Conflict on dates that overlap.
    """
    actor.require(OrganisationKind.BUYER)
    await _require_own_procedure(uow, command.procedure_id, actor)
    first = await _begin(uow, actor)
    scope = None if command.role is Role.ADMINISTRATOR else command.procedure_id
    await require(uow, actor, actor.organisation, scope, Permission.ADMINISTER)
    if command.person == actor.subject:
        if first is not None and command.role is Role.ADMINISTRATOR and command.procedure_id is None:
            return first
        raise Forbidden(
            "Personne ne s'attribue un rôle à soi-même : demandez à un autre administrateur de l'organisation.",
            "Nobody grants themselves a role: ask another administrator of the organisation.",
        )
    now = uow.now()  # once: a moment later, what begins now would begin in the past
    record = _record(command, actor.organisation, actor.subject, now)
    record.refuse_unsound(now)
    return await _add(uow, record)


async def name_administrator(uow: Uow, organisation: str, person: str, function: str, actor: Actor) -> RoleRecord:
    """Give an organisation an administrator, by the operator: for one whose last administrator is gone. Raises Forbidden, Conflict."""
    actor.require(OrganisationKind.OPERATOR)
    await store.begin_rule(uow.conn, organisation, uow.now())
    await store.lock_rule(uow.conn, organisation)
    command = GrantRole(person, Role.ADMINISTRATOR, function=function)
    return await _add(uow, _record(command, organisation, actor.subject, uow.now()))


async def _require_own_procedure(uow: Uow, procedure_id: UUID | None, actor: Actor) -> None:
    if procedure_id is None:
        return
    procedure = await procedure_store.get_procedure(uow.conn, procedure_id)
    if procedure is None or procedure.organisation != actor.organisation:
        told = (
            "Votre organisation n'a aucune consultation de cet identifiant.",
            "Your organisation has no procedure of this identifier.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/procedure_id", *told)])


async def _begin(uow: Uow, actor: Actor) -> RoleRecord | None:
    """Lock the roles of the caller's organisation; the first time, record all that the caller may do, and give the first."""
    if not await store.begin_rule(uow.conn, actor.organisation, uow.now()):
        await store.lock_rule(uow.conn, actor.organisation)
        return None
    kept = [
        await _add(uow, _record(GrantRole(actor.subject, role), actor.organisation, actor.subject, uow.now()))
        for role in FIRST_ROLES
    ]
    return kept[0]


def _record(command: GrantRole, organisation: str, by: str, now: datetime) -> RoleRecord:
    return RoleRecord(
        record_id=uuid4(),
        organisation=organisation,
        person=command.person,
        role=command.role,
        capacity=command.capacity,
        valid_from=command.valid_from or now,
        granted_by=by,
        granted_at=now,
        procedure_id=command.procedure_id,
        function=command.function,
        valid_until=command.valid_until,
    )


async def _add(uow: Uow, record: RoleRecord) -> RoleRecord:
    """Write a record of a locked organisation, and tell of it."""
    others = await store.records_of_person(uow.conn, record.person, uow.now(), organisation=record.organisation)
    record.refuse_overlap(others)
    await store.add_record(uow.conn, record)
    uow.emit(role_events.role_granted(record))
    return record


async def delegate(uow: Uow, command: DelegateRole, actor: Actor) -> RoleRecord:
    """Let somebody stand in for the caller, in one role and for a time. Raises NotFound, InvalidInput, Conflict."""
    record = await _locked(uow, command.record_id, actor)
    now = uow.now()
    if record.person != actor.subject or record.state(now) not in {"live", "future"}:
        raise _no_record()
    since = command.valid_from or max(now, record.valid_from)
    delegated = record.delegated(uuid4(), command.person, command.function, since, command.valid_until, now)
    return await _add(uow, delegated)


async def revoke(uow: Uow, record_id: UUID, actor: Actor) -> RoleRecord:
    """End a role before its date, and what was delegated from it: by an administrator, its holder, or who delegated it.

    Raises NotFound, RoleMissing, IllegalTransition, LastAdministrator.
    """
    record = await _locked(uow, record_id, actor)
    if actor.subject not in _may_end(record):
        scope = None if record.role is Role.ADMINISTRATOR else record.procedure_id
        await require(uow, actor, record.organisation, scope, Permission.ADMINISTER)
    revoked = await _end(uow, record, actor)
    for each in await store.delegated(uow.conn, record_id, uow.now()):
        await _end(uow, each, actor)
    if record.keeps_the_keys and not await store.keepers(uow.conn, record.organisation, uow.now()):
        raise LastAdministrator
    return revoked


def _may_end(record: RoleRecord) -> set[str]:
    return {record.person, record.granted_by} if record.capacity == "delegate" else {record.person}


async def _end(uow: Uow, record: RoleRecord, actor: Actor) -> RoleRecord:
    revoked = record.revoked(actor.subject, uow.now())
    await store.revoke_record(uow.conn, revoked)
    uow.emit(role_events.role_revoked(revoked))
    return revoked


async def _locked(uow: Uow, record_id: UUID, actor: Actor) -> RoleRecord:
    """Give a record of the caller's organisation, whose roles nobody else changes until the end. Raises NotFound."""
    actor.require(OrganisationKind.BUYER)
    await store.lock_rule(uow.conn, actor.organisation)
    record = await store.get_record(uow.conn, record_id)
    if record is None or record.organisation != actor.organisation:
        raise _no_record()
    return record


def _no_record() -> NotFound:
    return NotFound(
        "Votre organisation n'a attribué aucun rôle de cet identifiant.",
        "Your organisation granted no role of this identifier.",
    )
