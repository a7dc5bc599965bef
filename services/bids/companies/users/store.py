"""Users of companies and their invitations, in the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import Queries, load_queries
from libs.common.messages.companies import CompanyRole

__all__ = [
    "CompanyUser",
    "Invitation",
    "Place",
    "add_invitation",
    "add_user",
    "administrator",
    "companies_of",
    "end_invitation",
    "end_user",
    "expire",
    "hold",
    "invitation",
    "invitation_of_token",
    "invitations",
    "invited_since",
    "is_ruled",
    "live_user",
    "mailed",
    "user_of",
    "users",
]

_QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))
Place = tuple[datetime, UUID] | None
"""After which row a page begins; None: at the first."""


@dataclass(frozen=True, slots=True)
class CompanyUser:
    """A record: a person acts for a company, in one role."""

    record_id: UUID
    company: str
    person: str
    role: CompanyRole
    since: datetime
    given_by: str
    function: str = ""
    ended_at: datetime | None = None
    ended_by: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody was asked by mail to act for a company."""

    invitation_id: UUID
    company: str
    role: CompanyRole
    function: str
    email: str | None = field(repr=False)
    token_sha256: bytes = field(repr=False)
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    outcome: str | None = None
    ended_at: datetime | None = None
    mail: str | None = None

    def state(self, at: datetime) -> str:
        """Give open, accepted, revoked or expired."""
        return self.outcome or ("open" if at < self.expires_at else "expired")


async def hold(conn: asyncpg.Connection, company: str) -> None:
    """Let one transaction at a time change the users of a company."""
    await conn.execute(_QUERIES["hold"], company)


async def add_user(conn: asyncpg.Connection, user: CompanyUser) -> None:
    """Write a record."""
    await conn.execute(
        _QUERIES["add_user"],
        user.record_id,
        user.company,
        user.person,
        user.role,
        user.since,
        user.function,
        user.given_by,
    )


async def end_user(conn: asyncpg.Connection, record_id: UUID, at: datetime, by: str) -> CompanyUser:
    """End a live record and give it as it is then."""
    return CompanyUser(**dict(await conn.fetchrow(_QUERIES["end_user"], record_id, at, by)))


async def is_ruled(conn: asyncpg.Connection, company: str) -> bool:
    """Say whether any user of a company was ever recorded."""
    return bool(await conn.fetchval(_QUERIES["is_ruled"], company))


async def live_user(conn: asyncpg.Connection, record_id: UUID) -> CompanyUser | None:
    """Give a record that holds."""
    return _user(await conn.fetchrow(_QUERIES["live_user"], record_id))


async def user_of(conn: asyncpg.Connection, company: str, person: str) -> CompanyUser | None:
    """Give the record of a person that holds for a company."""
    return _user(await conn.fetchrow(_QUERIES["user_of"], company, person))


async def administrator(conn: asyncpg.Connection, company: str) -> CompanyUser | None:
    """Give the administrator of a company."""
    return _user(await conn.fetchrow(_QUERIES["administrator"], company))


async def users(conn: asyncpg.Connection, company: str, after: Place, limit: int, *, live: bool) -> list[CompanyUser]:
    """Give a page of the records of a company, oldest first."""
    rows = await conn.fetch(_QUERIES["users"], company, live, *(after or (None, None)), limit)
    return [CompanyUser(**dict(row)) for row in rows]


async def companies_of(conn: asyncpg.Connection, person: str, after: Place, limit: int) -> list[CompanyUser]:
    """Give a page of the records of a person that hold."""
    rows = await conn.fetch(_QUERIES["companies_of"], person, *(after or (None, None)), limit)
    return [CompanyUser(**dict(row)) for row in rows]


async def add_invitation(conn: asyncpg.Connection, new: Invitation) -> None:
    """Write an invitation."""
    await conn.execute(
        _QUERIES["add_invitation"], new.invitation_id, new.company, new.role, new.function, new.email, new.token_sha256,
        new.invited_by, new.invited_at, new.expires_at,
    )  # fmt: skip


async def invited_since(conn: asyncpg.Connection, company: str, since: datetime) -> int:
    """Count the invitations of a company since an instant."""
    return int(await conn.fetchval(_QUERIES["invited_since"], company, since))


async def invitation(conn: asyncpg.Connection, invitation_id: UUID) -> Invitation | None:
    """Give an invitation."""
    return _invitation(await conn.fetchrow(_QUERIES["invitation"], invitation_id))


async def invitation_of_token(conn: asyncpg.Connection, digest: bytes, at: datetime) -> Invitation | None:
    """Give the open invitation whose token has this digest."""
    return _invitation(await conn.fetchrow(_QUERIES["invitation_of_token"], digest, at))


async def invitations(conn: asyncpg.Connection, company: str, after: Place, limit: int) -> list[Invitation]:
    """Give a page of the invitations of a company, oldest first."""
    rows = await conn.fetch(_QUERIES["invitations"], company, *(after or (None, None)), limit)
    return [Invitation(**dict(row)) for row in rows]


async def end_invitation(conn: asyncpg.Connection, invitation_id: UUID, outcome: str, at: datetime) -> bool:
    """End an open invitation and erase its address; say whether it was open."""
    return await conn.fetchval(_QUERIES["end_invitation"], invitation_id, outcome, at) is not None


async def expire(conn: asyncpg.Connection, at: datetime) -> int:
    """End the invitations that are too old and erase their addresses; give how many."""
    return len(await conn.fetch(_QUERIES["expire_invitations"], at))


async def mailed(conn: asyncpg.Connection, invitation_id: UUID, fate: str) -> None:
    """Note what became of the mail of an invitation."""
    await conn.execute(_QUERIES["mailed"], invitation_id, fate)


def _user(row: asyncpg.Record | None) -> CompanyUser | None:
    return None if row is None else CompanyUser(**dict(row))


def _invitation(row: asyncpg.Record | None) -> Invitation | None:
    return None if row is None else Invitation(**dict(row))
