"""The parked table: what operators see of it, and do with one message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from libs.common.bus.inbox import FORGED
from libs.common.db import load_queries
from libs.common.errors import Conflict, NotFound
from libs.common.uow import Uow

__all__ = [
    "ACTIVE",
    "QUERIES",
    "ParkedGroup",
    "ParkedMessage",
    "ParkedState",
    "Selection",
    "discard",
    "discard_rows",
    "groups",
    "listed",
    "read",
    "replay",
    "replay_rows",
]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
GROUPS = 500  # at most, the largest first
ParkedState = Literal["retrying", "held", "parked", "discarded"]
ACTIVE: tuple[ParkedState, ...] = ("retrying", "held", "parked")


class Selection(BaseModel):
    """Which messages: all that is given must fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: str | None = Field(default=None, max_length=200)
    type: str | None = Field(default=None, max_length=200, description="of the event")
    reason: str | None = Field(default=None, max_length=200, description="class of the failure, as the list gives it")
    key: str | None = Field(default=None, max_length=200, description="ordering key: the aggregate")


class ParkedMessage(BaseModel):
    """A message in trouble, without its body."""

    model_config = ConfigDict(frozen=True)

    id: int
    queue: str
    key: str | None = Field(description="ordering key; null when the message could not be read")
    message_id: UUID | None
    type: str | None
    state: ParkedState
    attempts: int
    reason: str = Field(description="class of the failure; `behind`: an earlier message of its key failed")
    detail: str
    due_at: datetime | None = Field(description="when it is tried again; null when it is not, or at once")
    first_at: datetime
    changed_at: datetime


class ParkedGroup(BaseModel):
    """Messages in trouble for the same reason."""

    model_config = ConfigDict(frozen=True)

    queue: str
    type: str | None
    reason: str
    state: ParkedState
    messages: int
    first_at: datetime = Field(description="when the first of them failed")
    changed_at: datetime = Field(description="when the last of them did")


async def listed(
    conn: asyncpg.Connection,
    *,
    after: int = 0,
    limit: int = 50,
    where: Selection | None = None,
    states: tuple[ParkedState, ...] = ACTIVE,
) -> list[ParkedMessage]:
    """Give messages in trouble, oldest first, from behind the id `after`."""
    which = where or Selection()
    rows = await conn.fetch(
        QUERIES["list"], after, list(states), which.queue, which.type, which.reason, which.key, limit
    )
    return [_of(row) for row in rows]


async def groups(conn: asyncpg.Connection) -> list[ParkedGroup]:
    """Give how many messages are in trouble where and why, the largest group first."""
    return [ParkedGroup(**dict(row)) for row in await conn.fetch(QUERIES["groups"], GROUPS)]


async def read(conn: asyncpg.Connection, identity: int) -> tuple[ParkedMessage, bytes]:
    """Give one message and its body. Raises NotFound."""
    row = await conn.fetchrow(QUERIES["read"], identity)
    if row is None:
        raise _unknown(identity)
    return _of(row), row["body"]


async def replay(uow: Uow, identity: int) -> int:
    """Have a message handled again, with all the parked ones of its key, in order; give how many.

    The consumers take them within a second; what fails again parks again. Raises NotFound, or Conflict when it is
    not parked, or forged.
    """
    await uow.conn.execute(QUERIES["alone"])
    row = await _locked(uow, identity, "parked", "retrying")
    if row["reason"] == FORGED:
        raise Conflict(
            f"Le message {identity} n'a pas été émis par le service qu'il nomme : il peut seulement être abandonné.",
            f"Message {identity} was not sent by the service it names: it can only be discarded.",
        )
    return await replay_rows(uow, [row])


async def discard(uow: Uow, identity: int) -> None:
    """Give a message up: it will never be handled, those behind it go on. It is kept, with who decided.

    Waits for a consumer that has it in hand. Raises NotFound, also when that one was faster, or Conflict when it is
    discarded already.
    """
    await uow.conn.execute(QUERIES["alone"])
    row = await uow.conn.fetchrow(QUERIES["read"], identity)
    if row is not None and row["message_id"]:
        # first, as the consumer does: else each would wait for what the other holds
        await uow.conn.execute(QUERIES["never_handle"], [row["queue"]], [row["message_id"]])
    await discard_rows(uow, [await _locked(uow, identity, *ACTIVE)])


async def replay_rows(uow: Uow, rows: Sequence[asyncpg.Record]) -> int:
    """Have locked messages handled again, with all the parked ones of their keys; give how many."""
    keys = _keys(rows)
    await uow.conn.execute(QUERIES["lock_keys"], *keys)
    released = await uow.conn.fetch(QUERIES["replay_keys"], *keys)
    alone = await uow.conn.fetch(QUERIES["replay"], [row["id"] for row in rows])
    await _told(uow, "parked.message.replayed", rows)
    return len(released) + len(alone)


async def discard_rows(uow: Uow, rows: Sequence[asyncpg.Record]) -> None:
    """Give locked messages up; those behind them go on."""
    keys = _keys(rows)
    who = uow.actor.subject if uow.actor else None
    await uow.conn.execute(QUERIES["never_handle"], [row["queue"] for row in rows], [row["message_id"] for row in rows])
    await uow.conn.execute(QUERIES["lock_keys"], *keys)
    await uow.conn.execute(QUERIES["discard"], [row["id"] for row in rows], who)
    await uow.conn.execute(QUERIES["release_followers"], *keys)
    await _told(uow, "parked.message.discarded", rows)


async def _told(uow: Uow, action: str, rows: Sequence[asyncpg.Record]) -> None:
    for row in rows:
        uow.audit(action, f"{row['queue']}/{row['id']}")
    await uow.conn.execute(QUERIES["wake"])


def _keys(rows: Sequence[asyncpg.Record]) -> tuple[list[str], list[str]]:
    with_key = [row for row in rows if row["key"] is not None]
    return [row["queue"] for row in with_key], [row["key"] for row in with_key]


async def _locked(uow: Uow, identity: int, *states: ParkedState) -> asyncpg.Record:
    row = await uow.conn.fetchrow(QUERIES["lock"], identity)
    if row is None:
        raise _unknown(identity)
    if row["state"] not in states:
        raise Conflict(
            f"Le message {identity} est dans l'état « {row['state']} » : cette action ne s'y applique pas.",
            f"Message {identity} is in state '{row['state']}': this action does not apply.",
        )
    return row


def _of(row: asyncpg.Record) -> ParkedMessage:
    values = {name: row[name] for name in ParkedMessage.model_fields}
    due = values["due_at"]
    if due is not None and due.year == 1:  # '-infinity': at once
        values["due_at"] = None
    return ParkedMessage(**values)


def _unknown(identity: int) -> NotFound:
    return NotFound(f"Aucun message en attente n° {identity}.", f"No parked message {identity}.")
