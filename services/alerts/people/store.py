"""Addresses that alerts go to, what is asked in their name, what they mute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.alerts.domain import Holder
from services.alerts.people.domain import Purpose, Request, Subscriber

__all__ = [
    "Muted",
    "MutedKey",
    "add_request",
    "adopt",
    "adopt_contacts",
    "bind",
    "change",
    "confirm",
    "count_muted",
    "count_requests",
    "delete_muted",
    "forget_adopted",
    "forget_requests",
    "forget_unconfirmed",
    "known_buyer",
    "muted",
    "of_account",
    "renew",
    "request",
    "set_muted",
    "silence_of",
    "subscriber",
    "unsubscribe",
    "use",
]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
MutedKey = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Muted:
    """What no alert is wanted about."""

    kind: str
    subject: str
    since: datetime


async def adopt(conn: asyncpg.Connection, email: str, language: str, at: datetime) -> Subscriber:
    """Give the row of an address, whatever its case, made if it is new; a known one stays as it is. Locks it."""
    return Subscriber(**dict(await conn.fetchrow(QUERIES["adopt"], email, language, at)))


async def subscriber(conn: asyncpg.Connection, subscriber_id: UUID) -> Subscriber | None:
    """Give a person, None if there is none such."""
    row = await conn.fetchrow(QUERIES["subscriber"], subscriber_id)
    return Subscriber(**dict(row)) if row else None


async def of_account(conn: asyncpg.Connection, account: str, organisation: str) -> Subscriber | None:
    """Give the person that an account confirmed to be, for an organisation; None if it did not."""
    row = await conn.fetchrow(QUERIES["subscriber_of_account"], account, organisation)
    return Subscriber(**dict(row)) if row else None


async def add_request(conn: asyncpg.Connection, asked: Request, at: datetime) -> None:
    """Keep what was asked in the name of an address."""
    head = (asked.request_id, asked.subscriber_id, asked.purpose, asked.wish, asked.language)
    await conn.execute(QUERIES["add_request"], *head, at, asked.expires_at)


async def count_requests(
    conn: asyncpg.Connection, subscriber_id: UUID, *, hour: datetime, day: datetime
) -> tuple[int, int]:
    """Count what was asked in the name of an address since two instants."""
    row = await conn.fetchrow(QUERIES["count_requests"], subscriber_id, hour, day)
    return row["hour"], row["day"]


async def request(conn: asyncpg.Connection, request_id: UUID) -> Request | None:
    """Give what was asked, None when it is forgotten."""
    row = await conn.fetchrow(QUERIES["request"], request_id)
    return Request(**{**dict(row), "purpose": Purpose(row["purpose"])}) if row else None


async def use(conn: asyncpg.Connection, request_id: UUID, at: datetime) -> bool:
    """Take a request for done; False when it was before."""
    return await conn.fetchval(QUERIES["use_request"], request_id, at) is not None


async def confirm(conn: asyncpg.Connection, subscriber_id: UUID, at: datetime) -> Subscriber:
    """Keep that the reader of an address wants alerts."""
    return Subscriber(**dict(await conn.fetchrow(QUERIES["confirm_person"], subscriber_id, at)))


async def change(conn: asyncpg.Connection, person: Subscriber) -> Subscriber:
    """Keep when and how a person wants alerts."""
    values = (person.language, person.zone, person.digest_hour, person.working_days, person.paused_until)
    return Subscriber(**dict(await conn.fetchrow(QUERIES["change_person"], person.subscriber_id, *values)))


async def bind(conn: asyncpg.Connection, subscriber_id: UUID, account: str, organisation: str) -> None:
    """Make an address that of an account, with the searches that the account had at another one."""
    released = await conn.fetch(QUERIES["release_account"], account, organisation, subscriber_id)
    for row in released:
        await conn.execute(QUERIES["move_searches"], row["subscriber_id"], subscriber_id)
    await conn.execute(QUERIES["bind_account"], subscriber_id, account, organisation)


async def renew(conn: asyncpg.Connection, subscriber_id: UUID) -> None:
    """End the links of a person; those of mails from now on are good."""
    await conn.execute(QUERIES["renew_links"], subscriber_id)


async def unsubscribe(conn: asyncpg.Connection, subscriber_id: UUID, generation: int, at: datetime) -> bool:
    """Stop all alerts to an address; False when the link is older than the present wish."""
    email = await conn.fetchval(QUERIES["unsubscribe_person"], subscriber_id, generation)
    if email is None:
        return False
    await conn.execute(QUERIES["unsubscribe_contacts"], email, at)
    return True


async def set_muted(conn: asyncpg.Connection, holder: Holder, kind: str, subject: str, at: datetime) -> None:
    """Keep that a holder wants no alert about something; no fault when it is so already."""
    await conn.execute(QUERIES["set_muted"], holder.organisation, holder.subscriber_id, kind, subject, at)


async def count_muted(conn: asyncpg.Connection, holder: Holder) -> int:
    """Count what a holder muted."""
    return int(await conn.fetchval(QUERIES["count_muted"], holder.organisation, holder.subscriber_id))


async def delete_muted(conn: asyncpg.Connection, holder: Holder, kind: str, subject: str) -> bool:
    """Forget it; False when it was not muted."""
    done = await conn.execute(QUERIES["delete_muted"], holder.organisation, holder.subscriber_id, kind, subject)
    return bool(done == "DELETE 1")


async def muted(conn: asyncpg.Connection, holder: Holder, before: MutedKey, limit: int) -> list[Muted]:
    """Give what a holder muted, newest first."""
    rows = await conn.fetch(QUERIES["muted"], holder.organisation, holder.subscriber_id, *before, limit)
    return [Muted(**dict(row)) for row in rows]


async def silence_of(conn: asyncpg.Connection, notice_id: UUID) -> str | None:
    """Give what is muted with a notice: its procedure, else itself. None when it is not known here."""
    subject: str | None = await conn.fetchval(QUERIES["silence_of_notice"], notice_id)
    return subject


async def known_buyer(conn: asyncpg.Connection, organisation: str) -> bool:
    """Say whether an organisation published a notice."""
    return bool(await conn.fetchval(QUERIES["known_buyer"], organisation))


async def forget_adopted(conn: asyncpg.Connection, email: str) -> None:
    """Erase an address that nobody confirmed and no organisation names as its own any more."""
    await conn.execute(QUERIES["forget_adopted"], email)


async def forget_requests(conn: asyncpg.Connection, before: datetime) -> None:
    """Forget what was asked so long ago that its links no longer act."""
    await conn.execute(QUERIES["forget_requests"], before)


async def forget_unconfirmed(conn: asyncpg.Connection, before: datetime) -> None:
    """Erase addresses that nobody confirmed in time."""
    await conn.execute(QUERIES["forget_unconfirmed"], before)


async def adopt_contacts(conn: asyncpg.Connection) -> None:
    """Make the rows of organisations' addresses that have none."""
    await conn.execute(QUERIES["adopt_contacts"])
