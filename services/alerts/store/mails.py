"""Mails: queued once, sent once, their state visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.domain import Claimed, Contact, Found, Mail, MailState
from services.alerts.store.sql import MAILS, QUERIES, Key

__all__ = [
    "Closed",
    "Draft",
    "Ending",
    "Held",
    "Later",
    "Row",
    "claim",
    "close",
    "closed_of",
    "found_of",
    "held",
    "keep_leases",
    "lift",
    "page",
    "postpone",
    "queue",
    "requeue_letter",
    "requeue_letters",
    "suppress",
    "suppressed",
    "undelivered",
    "waiting",
    "wake",
    "why",
    "withdraw",
]


DIGEST = 3
"""The priority of digests."""
Row = asyncpg.Record
"""A mail as lists show it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A transactional mail to an organisation."""

    organisation: str
    kind: str
    subject_id: UUID
    procedure: UUID | None
    sender: str | None
    """Who is told when it does not arrive."""
    subject: str
    topic: str | None = None
    due_at: datetime | None = None
    """Domain time; None: at once."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a mail in our hands."""

    mail_id: UUID
    state: MailState
    reason: str | None = None
    bad_address: bytes | None = field(default=None, repr=False)
    """The digest of an address that the mail server called unknown."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why mails go to an address no longer: hard, soft, complaint."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Later:
    """A mail in our hands that goes back to the queue."""

    mail_id: UUID
    delay: timedelta
    tried: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """A mail that was due and no longer is."""

    mail_id: UUID
    organisation: str | None
    kind: str
    procedure: UUID | None
    subject_id: UUID
    sender: str | None
    priority: int
    state: MailState
    reason: str | None
    cause: dict[str, Any] | None


async def queue(conn: asyncpg.Connection, draft: Draft, cause: Mapping[str, Any] | None, at: datetime) -> Closed | None:
    """Queue a transactional mail, unless it was queued before; gives it when there is no address that it could go to."""
    values = (
        draft.organisation,
        draft.kind,
        draft.topic,
        draft.subject_id,
        draft.procedure,
        draft.sender,
        draft.subject,
    )
    row = await conn.fetchrow(MAILS["queue_mail"], *values, at, draft.due_at, cause)
    if row is None:
        return None
    await wake(conn)
    return closed_of(row) if row["state"] == MailState.UNDELIVERABLE else None


async def requeue_letter(conn: asyncpg.Connection, letter_id: UUID) -> None:
    """Make the mail of one letter due again, unless it is."""
    await conn.execute(MAILS["requeue_letter"], letter_id)
    await wake(conn)


async def requeue_letters(conn: asyncpg.Connection, organisation: str) -> None:
    """Make the undelivered transactional mails of an organisation due again."""
    await conn.execute(MAILS["requeue_letters"], organisation)
    await wake(conn)


async def withdraw(conn: asyncpg.Connection, draft: Draft, at: datetime) -> None:
    """Have a service mail not leave, neither now nor when what asks for it comes late."""
    values = (draft.organisation, draft.topic, draft.subject_id, draft.procedure, draft.subject, at)
    await conn.execute(MAILS["withdraw_mail"], *values)


async def wake(conn: asyncpg.Connection) -> None:
    """Wake the workers when this transaction commits."""
    await conn.execute(MAILS["wake_mails"])


async def claim(conn: asyncpg.Connection, *, now: datetime, most: int, lease: UUID, seconds: float) -> list[Claimed]:
    """Take mails that are due, with the addresses of this moment, for so many seconds."""
    rows = await conn.fetch(MAILS["claim_mails"], now, most, lease, timedelta(seconds=seconds))
    return [Claimed(_mail(row), row["attempts"], row["priority"]) for row in rows]


async def keep_leases(conn: asyncpg.Connection, mails: Sequence[UUID], lease: UUID, seconds: float) -> None:
    """Keep mails in hand for so many more seconds."""
    await conn.execute(MAILS["keep_leases"], list(mails), lease, timedelta(seconds=seconds))


async def postpone(conn: asyncpg.Connection, later: Sequence[Later], lease: UUID) -> None:
    """Give mails back to the queue."""
    columns = zip(*((each.mail_id, each.delay, each.tried) for each in later), strict=True)
    await conn.execute(MAILS["postpone_mails"], *map(list, columns), lease)


async def close(conn: asyncpg.Connection, endings: Sequence[Ending], lease: UUID, at: datetime) -> list[Closed]:
    """Say what became of mails in our hands; gives those that were still ours."""
    columns = zip(*((each.mail_id, each.state, each.reason) for each in endings), strict=True)
    rows = await conn.fetch(MAILS["close_mails"], *map(list, columns), lease, at)
    return [closed_of(row) for row in rows]


def closed_of(row: asyncpg.Record) -> Closed:
    """Give a mail that is due no more."""
    return Closed(**{**dict(row), "state": MailState(row["state"])})


async def why(conn: asyncpg.Connection, mails: Sequence[UUID]) -> dict[UUID, list[Found]]:
    """Give the notices of alerts with each search of their addressees that found them."""
    found: dict[UUID, list[Found]] = {}
    for row in await conn.fetch(MAILS["why"], list(mails)):
        found.setdefault(row["mail_id"], []).append(found_of(row))
    return found


async def suppressed(conn: asyncpg.Connection, digests: Sequence[bytes], *, soft_since: datetime) -> dict[bytes, str]:
    """Give why mails do not go to some of these addresses."""
    rows = await conn.fetch(MAILS["suppressed"], list(digests), soft_since)
    return {row["digest"]: row["reason"] for row in rows}


async def held(conn: asyncpg.Connection, digest: bytes) -> Held | None:
    """Give since when and why mails do not go to an address; None: they do."""
    row = await conn.fetchrow(MAILS["held"], digest)
    return Held(**dict(row)) if row else None


async def suppress(conn: asyncpg.Connection, digest: bytes, reason: str, status: str | None, at: datetime) -> None:
    """Keep that mails go to an address no longer."""
    await conn.execute(MAILS["suppress"], digest, reason, status, at)


async def lift(conn: asyncpg.Connection, digest: bytes) -> None:
    """Forget that mails went to an address no longer."""
    await conn.execute(MAILS["lift_suppression"], digest)


async def waiting(conn: asyncpg.Connection, now: datetime) -> dict[int, tuple[int, float]]:
    """Give how many mails of each priority could leave, and the seconds that the oldest waits; overdue digests among them."""
    found = {row["priority"]: (row["mails"], row["seconds"]) for row in await conn.fetch(MAILS["waiting"], now)}
    overdue = await conn.fetchrow(MAILS["overdue"], now)
    mails, seconds = found.get(DIGEST, (0, 0.0))
    return found | {DIGEST: (mails + overdue["mails"], max(seconds, overdue["seconds"]))}


async def page(conn: asyncpg.Connection, organisation: str, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give an organisation's mails, newest first."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["mails"], organisation, *before, limit)
    return rows


async def undelivered(conn: asyncpg.Connection, sender: str | None, before: Key, limit: int) -> list[asyncpg.Record]:
    """Give the mails that did not reach anybody, newest first: of one sender, or all."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["undelivered"], sender, *before, limit)
    return rows


def _mail(row: asyncpg.Record) -> Mail:
    names = ("contact_id", "email", "language", "alerts", "generation")
    contact = Contact(**{name: row[name] for name in names}) if row["contact_id"] else None
    return Mail(
        mail_id=row["mail_id"],
        organisation=row["organisation"],
        subscriber_id=row["subscriber_id"],
        kind=row["kind"],
        topic=row["topic"],
        subject_id=row["subject_id"],
        procedure=row["procedure"],
        subject=row["subject"],
        state=MailState(row["state"]),
        contact=contact,
    )


def found_of(row: asyncpg.Record) -> Found:
    """Give a notice that one search found, as mails tell it."""
    return Found(
        notice_id=row["notice_id"],
        shown=row["shown"],
        procedure=row["procedure"],
        kind=row["kind"],
        title=row["title"],
        buyer_name=row["buyer_name"],
        departments=row["departments"],
        deadline=row["deadline"],
        search=row["name"],
        summary=row["summary"],
        summary_en=row["summary_en"],
        reasons=row["reasons"],
    )
