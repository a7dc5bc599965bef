"""The parked table: what operators do with it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from libs.common.bus.sql import QUERIES
from libs.common.errors import Conflict, NotFound
from libs.common.uow import Uow

__all__ = ["ACTIVE", "ParkedMessage", "ParkedState", "discard", "listed", "read", "replay"]

ParkedState = Literal["retrying", "held", "parked", "discarded"]
ACTIVE: tuple[ParkedState, ...] = ("retrying", "held", "parked")


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


async def listed(
    conn: asyncpg.Connection,
    *,
    after: int = 0,
    limit: int = 50,
    queue: str | None = None,
    states: tuple[ParkedState, ...] = ACTIVE,
) -> list[ParkedMessage]:
    """Give messages in trouble, oldest first, from behind the id `after`."""
    rows = await conn.fetch(QUERIES["list_parked"], after, queue, list(states), limit)
    return [_of(row) for row in rows]


async def read(conn: asyncpg.Connection, identity: int) -> tuple[ParkedMessage, bytes]:
    """Give one message and its body. Raises NotFound."""
    row = await conn.fetchrow(QUERIES["read_parked"], identity)
    if row is None:
        raise _unknown(identity)
    return _of(row), row["body"]


async def replay(uow: Uow, identity: int) -> int:
    """Have a message handled again, with all the parked ones of its key, in order; give how many.

    The consumers take them within a second; what fails again parks again. Raises NotFound, or Conflict when it is
    not parked.
    """
    row = await _locked(uow, identity, "parked", "retrying")
    released = await uow.conn.fetch(QUERIES["replay"], identity, row["queue"], row["key"])
    uow.audit("parked.message.replayed", f"{row['queue']}/{identity}")
    await uow.conn.execute(QUERIES["notify_parked"])
    return len(released)


async def discard(uow: Uow, identity: int) -> None:
    """Give a message up: it will never be handled, those behind it go on. It is kept, with who decided.

    Raises NotFound, or Conflict when it is discarded already.
    """
    row = await _locked(uow, identity, *ACTIVE)
    await uow.conn.execute(QUERIES["discard"], identity, uow.actor.subject if uow.actor else None)
    if row["message_id"] is not None:
        await uow.conn.execute(QUERIES["never_handle"], row["queue"], row["message_id"])
    if row["key"] is not None:
        await uow.conn.execute(QUERIES["release_followers"], row["queue"], row["key"])
    uow.audit("parked.message.discarded", f"{row['queue']}/{identity}")
    await uow.conn.execute(QUERIES["notify_parked"])


async def _locked(uow: Uow, identity: int, *states: ParkedState) -> asyncpg.Record:
    row = await uow.conn.fetchrow(QUERIES["lock_parked"], identity)
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
