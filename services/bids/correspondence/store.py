"""Letters as correspondence: what surrounds them, and what proves each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.bids.store.awards import Letter

__all__ = [
    "Attachment", "Lost", "Setting", "Unread", "add_attachment", "enclose", "enclosures", "known_companies", "mail_lost", "mail_taken",
    "own_attachments", "reminded", "shown", "tell", "thread", "unread",
]  # fmt: skip

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a letter holds, or that its author uploaded for one."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    storage_key: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a letter."""

    sender: str | None
    """The company that wrote; None: the buyer."""
    in_reply_to: UUID | None
    answer_due_at: datetime | None
    fact: UUID


@dataclass(frozen=True, slots=True)
class Unread:
    """A letter that nobody read."""

    id: UUID
    procedure: UUID
    buyer: str
    addressee: str
    kind: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A letter whose mail did not arrive."""

    id: UUID
    procedure: UUID
    buyer: str
    addressee: str
    kind: str


async def tell(conn: asyncpg.Connection, letter: UUID, setting: Setting) -> None:
    """Keep what surrounds a letter that was just written."""
    await conn.execute(
        QUERIES["tell_letter"], letter, setting.sender, setting.in_reply_to, setting.answer_due_at, setting.fact
    )


async def known_companies(conn: asyncpg.Connection, procedure: UUID) -> dict[str, str]:
    """Give the companies that the buyer knows of in a procedure, with their names."""
    rows = await conn.fetch(QUERIES["known_companies"], procedure)
    return {row["organisation"]: row["name"] for row in rows}


async def add_attachment(
    conn: asyncpg.Connection, procedure: UUID, organisation: str, given: Attachment, at: datetime
) -> None:
    """Keep a file that was uploaded to be sent."""
    await conn.execute(
        QUERIES["add_attachment"], given.id, procedure, organisation, given.name, given.media_type, given.size,
        given.sha256, given.storage_key, at,
    )  # fmt: skip


async def own_attachments(
    conn: asyncpg.Connection, wanted: Sequence[UUID], procedure: UUID, organisation: str
) -> dict[UUID, Attachment]:
    """Give those of these files that the organisation uploaded for the procedure."""
    rows = await conn.fetch(QUERIES["own_attachments"], list(wanted), procedure, organisation)
    return {row["id"]: Attachment(**dict(row)) for row in rows}


async def enclose(conn: asyncpg.Connection, letter: UUID, attachments: Iterable[UUID]) -> None:
    """Put files in a letter, in order."""
    await conn.executemany(QUERIES["enclose"], [(letter, place, each) for place, each in enumerate(attachments, 1)])


async def enclosures(conn: asyncpg.Connection, letters: Sequence[UUID]) -> Mapping[UUID, list[Attachment]]:
    """Give the files of letters, in order."""
    found: defaultdict[UUID, list[Attachment]] = defaultdict(list)
    for row in await conn.fetch(QUERIES["enclosures"], list(letters)):
        values = dict(row)
        found[values.pop("letter")].append(Attachment(**values))
    return found


async def thread(
    conn: asyncpg.Connection, procedure: UUID | None, company: str | None, *, own: bool, before: int | None, limit: int
) -> list[Letter]:
    """Give the letters of a procedure with one company, or all (None), newest first; `own`: to the company itself, of any."""
    rows = await conn.fetch(QUERIES["letters_of_thread"], procedure, company, own, before, limit)
    return [Letter(**dict(row)) for row in rows]


async def shown(conn: asyncpg.Connection, letters: Sequence[UUID], addressee: str, at: datetime) -> None:
    """Note that letters were shown to their addressee; the first proof of delivery stays."""
    await conn.execute(QUERIES["shown"], list(letters), addressee, at, "inbox")


async def mail_taken(conn: asyncpg.Connection, letter: UUID, at: datetime) -> None:
    """Note that the mail server took the mail that tells of a letter."""
    await conn.execute(QUERIES["mail_taken"], letter, at)


async def mail_lost(conn: asyncpg.Connection, letter: UUID, at: datetime, state: str) -> Lost | None:
    """Note that the mail which tells of a letter did not arrive; None: it is no letter of ours, or a later fate is known."""
    row = await conn.fetchrow(QUERIES["mail_lost"], letter, at, state)
    return Lost(**dict(row)) if row else None


async def unread(conn: asyncpg.Connection, before: datetime, now: datetime) -> list[Unread]:
    """Give letters sent `before`, or half of whose time to answer has passed, that nobody read nor was reminded of; held."""
    return [Unread(**dict(row)) for row in await conn.fetch(QUERIES["unread"], before, now)]


async def reminded(conn: asyncpg.Connection, letters: Sequence[UUID], at: datetime) -> None:
    """Note that their addressees were reminded."""
    await conn.execute(QUERIES["reminded"], list(letters), at)
