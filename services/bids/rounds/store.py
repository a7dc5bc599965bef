"""Phases, selections, rounds and those invited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.notices import Notice, OpeningKeySet
from services.bids.rounds.states import Phase, RoundKind
from services.bids.sealing.manifest import EnvelopeKind

__all__ = [
    "Company", "Ending", "Round", "Selection", "add_consultation", "add_round", "add_selection", "ending", "get", "holders", "invitation",
    "invite", "invited", "is_judged", "kind_of", "move", "open_at", "open_window", "opened_bids", "phase", "previous", "rounds", "selected", "selections", "set_phase",
]  # fmt: skip

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Company:
    """A company, for some lots."""

    organisation: str
    name: str
    lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """A round, as it was opened."""

    id: UUID
    principal: UUID
    sequence: int
    number: int
    kind: RoundKind
    opened_at: datetime
    terms: str
    deadline: datetime
    fingerprint: str
    lots: tuple[str, ...]
    until: datetime | None = None
    """Of applications to a dynamic purchasing system: when it ends."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The last window of a dynamic purchasing system, which ends soon."""

    principal: UUID
    lots: tuple[str, ...]
    opened_at: datetime
    opened_by: str
    deadline: datetime
    terms: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """A decision on applications."""

    id: UUID
    decided_at: datetime
    decided_by: str
    decision: dict[str, Any]


async def phase(conn: asyncpg.Connection, procedure: UUID) -> Phase | None:
    """Give where a procedure is; None: at its beginning."""
    found = await conn.fetchval(QUERIES["phase"], procedure)
    return None if found is None else Phase(found)


async def set_phase(conn: asyncpg.Connection, procedure: UUID, reached: Phase) -> None:
    """Note where a procedure is."""
    await conn.execute(QUERIES["set_phase"], procedure, reached)


async def opened_bids(conn: asyncpg.Connection, consultation: UUID, kind: EnvelopeKind) -> list[Company]:
    """Give the companies of which envelopes of a kind were opened, with their lots."""
    return _companies(await conn.fetch(QUERIES["opened_bids"], consultation, kind))


async def add_selection(
    conn: asyncpg.Connection, procedure: UUID, made: Selection, judged: Sequence[tuple[Company, str, bool]]
) -> None:
    """Keep a decision, with who is selected for which lot."""
    await conn.execute(QUERIES["add_selection"], made.id, procedure, made.decided_at, made.decided_by, made.decision)
    rows = [(procedure, each.organisation, lot, each.name, kept, made.id) for each, lot, kept in judged]
    await conn.executemany(QUERIES["select"], rows)


async def selections(conn: asyncpg.Connection, procedure: UUID) -> list[Selection]:
    """Give the decisions on the applications of a procedure."""
    return [Selection(**dict(row)) for row in await conn.fetch(QUERIES["selections"], procedure)]


async def is_judged(conn: asyncpg.Connection, procedure: UUID, window: UUID) -> bool:
    """Say whether the applications of a window are judged."""
    return bool(await conn.fetchval(QUERIES["is_judged"], procedure, str(window)))


async def selected(conn: asyncpg.Connection, procedure: UUID) -> list[Company]:
    """Give who is selected, with the lots."""
    return _companies(await conn.fetch(QUERIES["selected_companies"], procedure))


async def holders(conn: asyncpg.Connection, procedure: UUID) -> list[Company]:
    """Give the holders of the framework agreement, with their lots."""
    return _companies(await conn.fetch(QUERIES["holders"], procedure))


async def kind_of(conn: asyncpg.Connection, consultation: UUID) -> RoundKind | None:
    """Give what a round is for; None for a procedure as it was published."""
    found: RoundKind | None = await conn.fetchval(QUERIES["kind_of"], consultation)
    return found


async def add_consultation(
    conn: asyncpg.Connection, identity: UUID, notice: Notice, keys: OpeningKeySet, *, principal: UUID, at: datetime
) -> None:
    """Keep the consultation of a round."""
    content, told = notice.model_dump(mode="json"), keys.model_dump(mode="json")
    buyer = notice.buyer.organisation
    await conn.execute(QUERIES["add_consultation"], identity, buyer, notice.deadline, content, told, at, principal)


async def add_round(
    conn: asyncpg.Connection,
    identity: UUID,
    principal: UUID,
    kind: RoundKind,
    by: str,
    told: tuple[datetime, str, datetime | None],
) -> int:
    """Keep a round; `told`: its hour, its terms, until when windows follow it. Give its number."""
    at, terms, until = told
    return int(await conn.fetchval(QUERIES["add_round"], identity, principal, kind, at, by, terms, until))


async def get(conn: asyncpg.Connection, identity: UUID) -> Round | None:
    """Give a round."""
    row = await conn.fetchrow(QUERIES["get_round"], identity)
    return None if row is None else Round(**dict(row) | {"lots": tuple(row["lots"])})


async def move(conn: asyncpg.Connection, identity: UUID, deadline: datetime, notice: Notice) -> None:
    """Put off the deadline of a round."""
    await conn.execute(QUERIES["move_deadline"], identity, deadline, notice.model_dump(mode="json"))


async def ending(conn: asyncpg.Connection, before: datetime, limit: int) -> list[Ending]:
    """Give the dynamic purchasing systems whose last window ends before an hour, to open the next; held."""
    rows = await conn.fetch(QUERIES["ending_windows"], before, limit)
    return [Ending(**dict(row) | {"lots": tuple(row["lots"])}) for row in rows]


async def open_window(conn: asyncpg.Connection, principal: UUID, at: datetime) -> UUID | None:
    """Give the window in which a company applies to a dynamic purchasing system now; None where none is open."""
    found: UUID | None = await conn.fetchval(QUERIES["open_window"], principal, at)
    return found


async def invite(conn: asyncpg.Connection, identity: UUID, company: Company, letter: UUID) -> None:
    """Keep that a company is invited, and by which letter."""
    await conn.execute(QUERIES["invite"], identity, company.organisation, company.name, list(company.lots), letter)


async def invitation(conn: asyncpg.Connection, consultation: UUID, organisation: str) -> frozenset[str]:
    """Give the lots for which a company is invited to a round; none when it is not."""
    return frozenset(await conn.fetchval(QUERIES["invitation"], consultation, organisation) or ())


async def invited(conn: asyncpg.Connection, consultation: UUID) -> list[Company]:
    """Give who is invited to a round."""
    return _companies(await conn.fetch(QUERIES["invited"], consultation))


async def rounds(
    conn: asyncpg.Connection, principal: UUID | None, organisation: str | None, *, before: int | None, limit: int
) -> list[Round]:
    """Give the rounds of a procedure, newest first; of a company those to which it was invited, in any (None) or one."""
    rows = await conn.fetch(QUERIES["rounds"], principal, organisation, before, limit)
    return [Round(**dict(row) | {"lots": tuple(row["lots"])}) for row in rows]


async def open_at(conn: asyncpg.Connection, principal: UUID, at: datetime) -> list[UUID]:
    """Give the rounds of a procedure whose deadline was still ahead at an instant, oldest first; no window of applications."""
    return [row["id"] for row in await conn.fetch(QUERIES["open_at"], principal, at)]


async def previous(conn: asyncpg.Connection, principal: UUID) -> UUID | None:
    """Give the round whose offers are negotiated further; None: those of the procedure itself."""
    found: UUID | None = await conn.fetchval(QUERIES["previous"], principal)
    return found


def _companies(rows: Sequence[Any]) -> list[Company]:
    return [Company(row["organisation"], row["name"], tuple(row["lots"])) for row in rows]
