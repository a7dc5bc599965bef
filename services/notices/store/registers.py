"""The register of downloads and the mails to those in it, in PostgreSQL: functions over a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.db import load_queries

__all__ = [
    "LAST",
    "Download",
    "DueMail",
    "Key",
    "Person",
    "Registrant",
    "add_download",
    "add_registrant",
    "close_mail",
    "downloads",
    "due_mail",
    "forget_before",
    "queue_mails",
    "registrant",
    "registrant_of",
    "registrant_of_mail",
    "returned",
    "set_registrant",
    "withdraw_consent",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))
_AT_ONCE: Final = 1000

Key = tuple[datetime, UUID]
"""Where a page begins."""
LAST: Final[Key] = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes documents, as they say themselves. Never in a log."""

    company: str = field(repr=False)
    name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    consent: bool = False
    """To be told of changes and answers by mail."""


@dataclass(frozen=True, slots=True)
class Registrant:
    """Somebody in the register of a procedure."""

    registrant_id: UUID
    procedure_id: UUID
    organisation: str | None = field(repr=False)
    """Of the token; None for those who came by the form."""
    company: str = field(repr=False)
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    consent: bool
    generation: int


@dataclass(frozen=True, slots=True)
class Download:
    """One line of the register."""

    download_id: UUID
    at: datetime
    document: str | None
    """None: the archive of all."""
    version: int
    sha256: str
    organisation: str | None
    company: str
    name: str
    email: str | None
    consent: bool


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that has not left, and its addressee at this moment."""

    mail_id: UUID
    kind: str
    subject_id: UUID
    subject_version: int
    to: Registrant


async def add_registrant(conn: asyncpg.Connection, procedure_id: UUID, person: Person, at: datetime) -> Registrant:
    """Write somebody who came by the form."""
    values = (person.company, person.name, person.email, person.consent, at)
    return Registrant(**dict(await conn.fetchrow(_SQL["registrant_add"], uuid4(), procedure_id, *values)))


async def set_registrant(
    conn: asyncpg.Connection, procedure_id: UUID, person: Person, organisation: str, subject: str, at: datetime
) -> Registrant:
    """Write a person of an organisation, once a procedure: what is said last counts."""
    values = (person.company, person.name, person.email, person.consent, at, organisation, subject)
    return Registrant(**dict(await conn.fetchrow(_SQL["registrant_set"], uuid4(), procedure_id, *values)))


async def registrant_of(
    conn: asyncpg.Connection, procedure_id: UUID, organisation: str, subject: str, name: str, at: datetime
) -> Registrant:
    """Give a person of an organisation; written now, without address, where they took nothing before."""
    who = (organisation, subject)
    await conn.execute(_SQL["registrant_ensure"], uuid4(), procedure_id, organisation, name, at, *who)
    return Registrant(**dict(await conn.fetchrow(_SQL["registrant_of_person"], procedure_id, *who)))


async def registrant(conn: asyncpg.Connection, registrant_id: UUID) -> Registrant | None:
    """Give somebody of a register."""
    row = await conn.fetchrow(_SQL["registrant_get"], registrant_id)
    return Registrant(**dict(row)) if row else None


async def registrant_of_mail(conn: asyncpg.Connection, mail_id: UUID) -> Registrant | None:
    """Give whom a mail went to; None when they were forgotten."""
    row = await conn.fetchrow(_SQL["mail_registrant"], mail_id)
    return Registrant(**dict(row)) if row else None


async def returned(conn: asyncpg.Connection, mail_id: UUID, reason: str) -> bool:
    """Keep that a mail which was handed over came back; False when it is known, or the mail is gone."""
    return bool(await conn.execute(_SQL["mail_returned"], mail_id, reason) == "UPDATE 1")


async def withdraw_consent(conn: asyncpg.Connection, registrant_id: UUID, generation: int, at: datetime) -> None:
    """Tell an address nothing more of this procedure, and forget it; no fault when that was done, or wished otherwise since."""
    await conn.execute(_SQL["consent_withdraw"], registrant_id, generation, at)


async def add_download(
    conn: asyncpg.Connection, by: Registrant, document: str | None, version: int, sha256: str, at: datetime
) -> None:
    """Write a line of the register."""
    await conn.execute(_SQL["download_add"], uuid4(), by.procedure_id, by.registrant_id, document, version, sha256, at)


async def downloads(conn: asyncpg.Connection, procedure_id: UUID, before: Key, limit: int) -> list[Download]:
    """Give lines of the register of a procedure, newest first."""
    rows = await conn.fetch(_SQL["downloads"], procedure_id, *before, limit)
    return [Download(**dict(row)) for row in rows]


async def forget_before(conn: asyncpg.Connection, at: datetime) -> int:
    """Erase some of the names of the registers of procedures that ended before; gives how many, 0 when none is left."""
    return int((await conn.execute(_SQL["forget_old"], at, _AT_ONCE)).split()[-1])


async def queue_mails(
    conn: asyncpg.Connection, procedure_id: UUID, kind: str, subject_id: UUID, version: int, at: datetime
) -> list[UUID]:
    """Queue a mail to each address of a procedure that asked to be told; none twice about a version of a subject."""
    rows = await conn.fetch(_SQL["mails_queue"], procedure_id, kind, subject_id, version, at)
    return [row["mail_id"] for row in rows]


async def due_mail(conn: asyncpg.Connection, mail_id: UUID) -> DueMail | None:
    """Give a mail that has not left, with the address of this moment."""
    row = await conn.fetchrow(_SQL["mail_get"], mail_id)
    if row is None:
        return None
    values = dict(row)
    said = {name: values.pop(name) for name in ("mail_id", "kind", "subject_id", "subject_version")}
    return DueMail(**said, to=Registrant(**values))


async def close_mail(
    conn: asyncpg.Connection, mail_id: UUID, state: str, reason: str | None, sent_at: datetime | None
) -> None:
    """Say what became of a mail that was due."""
    await conn.execute(_SQL["mail_close"], mail_id, state, reason, sent_at)
