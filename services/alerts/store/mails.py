"""Mails: queued once, sent once, their state visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.domain import Contact, Found, Mail, MailState
from services.alerts.store.sql import QUERIES, Key

__all__ = [
    "Closed",
    "Queued",
    "Row",
    "close",
    "get",
    "page",
    "queue_alerts",
    "queue_letter",
    "requeue_letters",
    "undelivered",
    "why",
]


Row = asyncpg.Record
"""A mail as lists show it."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A mail just queued; only one that is due has an address to go to."""

    mail_id: UUID
    organisation: str
    state: MailState


@dataclass(frozen=True, slots=True)
class Closed:
    """A mail that was due and no longer is."""

    organisation: str
    kind: str
    procedure: UUID | None
    subject_id: UUID


async def queue_alerts(
    conn: asyncpg.Connection,
    criteria: Sequence[UUID],
    *,
    notice_id: UUID,
    procedure: UUID | None,
    subject: str,
    at: datetime,
) -> list[Queued]:
    """Queue one mail for each organisation that searches for one of these criteria; none twice for a notice."""
    rows = await conn.fetch(QUERIES["queue_alerts"], notice_id, procedure, subject, at, list(criteria))
    return [_queued(row) for row in rows]


async def queue_letter(
    conn: asyncpg.Connection,
    organisation: str,
    *,
    letter_id: UUID,
    procedure: UUID | None,
    sender: str | None,
    subject: str,
    at: datetime,
) -> Queued | None:
    """Queue the mail that tells of a letter; None when it was queued before."""
    row = await conn.fetchrow(QUERIES["queue_letter"], organisation, letter_id, procedure, sender, subject, at)
    return _queued(row) if row else None


async def requeue_letter(conn: asyncpg.Connection, letter_id: UUID) -> list[tuple[UUID, int]]:
    """Make the mail of one letter due again, unless it is: mail, how many times it was."""
    return [(row["mail_id"], row["requeued"]) for row in await conn.fetch(QUERIES["requeue_letter"], letter_id)]


async def requeue_letters(conn: asyncpg.Connection, organisation: str) -> list[tuple[UUID, int]]:
    """Make the undelivered letters' mails of an organisation due again: mail, how many times it was."""
    rows = await conn.fetch(QUERIES["requeue_letters"], organisation)
    return [(row["mail_id"], row["requeued"]) for row in rows]


async def get(conn: asyncpg.Connection, mail_id: UUID) -> Mail | None:
    """Give a mail with the address of this moment."""
    row = await conn.fetchrow(QUERIES["mail"], mail_id)
    if row is None:
        return None
    names = ("contact_id", "email", "language", "alerts", "generation")
    contact = Contact(**{name: row[name] for name in names}) if row["contact_id"] else None
    return Mail(
        mail_id=row["mail_id"],
        organisation=row["organisation"],
        kind=row["kind"],
        subject_id=row["subject_id"],
        procedure=row["procedure"],
        subject=row["subject"],
        state=MailState(row["state"]),
        contact=contact,
    )


async def why(conn: asyncpg.Connection, mail_id: UUID) -> list[Found]:
    """Give the notice of an alert with each search of the addressee that found it."""
    rows = await conn.fetch(QUERIES["why"], mail_id)
    return [
        Found(
            notice_id=row["notice_id"],
            title=row["title"],
            buyer_name=row["buyer_name"],
            departments=row["departments"],
            deadline=row["deadline"],
            search=row["name"],
            summary=row["summary"],
            summary_en=row["summary_en"],
            reasons=row["reasons"],
        )
        for row in rows
    ]


async def close(
    conn: asyncpg.Connection, mail_id: UUID, state: MailState, *, reason: str | None = None, at: datetime | None = None
) -> Closed | None:
    """Say what became of a mail that was due; None when it was not due any more."""
    row = await conn.fetchrow(QUERIES["close_mail"], mail_id, state, reason, at)
    return Closed(**dict(row)) if row else None


async def page(conn: asyncpg.Connection, organisation: str, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give an organisation's mails, newest first."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["mails"], organisation, *before, limit)
    return rows


async def undelivered(conn: asyncpg.Connection, sender: str | None, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give the mails that did not reach anybody, newest first: of one sender, or all."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["undelivered"], sender, *before, limit)
    return rows


def _queued(row: asyncpg.Record) -> Queued:
    return Queued(row["mail_id"], row["organisation"], MailState(row["state"]))
