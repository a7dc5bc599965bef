"""The tables of the open data service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.grants import Scope
from libs.common.messages.bids import Contract
from services.opendata.decp.check import Problem
from services.opendata.domain import Essentials, Exemption, State
from services.opendata.ocds.release import Identity

__all__ = [
    "Filter",
    "KeptRelease",
    "add",
    "by_uid",
    "lock",
    "next_identity",
    "page",
    "records",
    "releases",
    "releases_of",
    "save",
    "save_release",
    "uid_taken",
    "unpublished",
]

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
_TICK = timedelta(milliseconds=1)

Key = tuple[datetime, UUID]
"""Where a page begins: notification, contract."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which contracts to list."""

    state: State = State.PUBLISHED
    buyer: str | None = None
    winner: str | None = None
    procedure: UUID | None = None


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """An OCDS release as published."""

    position: int
    date: datetime
    body: dict[str, Any]
    validated_with: str


async def add(conn: asyncpg.Connection, data: Essentials) -> bool:
    """Keep a contract just notified; False when it is known already."""
    contract, exemption = data.contract, data.exemption
    answer = await conn.execute(
        _QUERIES["insert_contract"],
        contract.contract_id,
        data.version,
        data.state,
        data.uid,
        data.buyer,
        [winner.organisation for winner in contract.winners],
        data.procedure,
        contract.model_dump(mode="json"),
        _told(data.problems),
        _told(data.warnings),
        exemption.reason if exemption else None,
        exemption.reason_en if exemption else None,
        data.record,
        data.validated_with,
        contract.notified_at,
        data.published_at,
    )
    return bool(answer == "INSERT 0 1")


async def save(conn: asyncpg.Connection, data: Essentials) -> None:
    """Write what changed of a contract whose row is locked."""
    await conn.execute(
        _QUERIES["update_contract"],
        data.contract.contract_id,
        data.version,
        data.state,
        data.contract.model_dump(mode="json"),
        _told(data.problems),
        _told(data.warnings),
        data.record,
        data.validated_with,
        data.published_at,
    )


async def lock(conn: asyncpg.Connection, contract_id: UUID) -> Essentials | None:
    """Give a contract, its row locked; None when there is none such."""
    row = await conn.fetchrow(_QUERIES["lock_contract"], contract_id)
    return _essentials(row) if row else None


async def uid_taken(conn: asyncpg.Connection, uid: str, contract_id: UUID) -> bool:
    """Tell whether another published contract has this identifier."""
    return bool(await conn.fetchval(_QUERIES["uid_taken"], uid, contract_id))


async def page(conn: asyncpg.Connection, wanted: Filter, after: Key, limit: int) -> list[Essentials]:
    """Give contracts in order of notification."""
    values = (wanted.state, wanted.buyer, wanted.winner, wanted.procedure, *after, limit)
    return [_essentials(row) for row in await conn.fetch(_QUERIES["page"], *values)]


async def unpublished(conn: asyncpg.Connection, scope: Scope, after: Key, limit: int) -> list[Essentials]:
    """Give the contracts that somebody may read for a buyer whose data wait, or are not due."""
    values = (*astuple(scope), *after, limit)
    return [_essentials(row) for row in await conn.fetch(_QUERIES["unpublished"], *values)]


async def by_uid(conn: asyncpg.Connection, uid: str) -> Essentials | None:
    """Give a published contract."""
    row = await conn.fetchrow(_QUERIES["by_uid"], uid)
    return _essentials(row) if row else None


async def records(
    conn: asyncpg.Connection, buyer: str | None, after: Key, limit: int
) -> tuple[list[dict[str, Any]], Key]:
    """Give official records in order of notification, and where the next ones begin."""
    rows = await conn.fetch(_QUERIES["records"], buyer, *after, limit)
    following = (rows[-1]["notified_at"], rows[-1]["contract_id"]) if rows else after
    return [row["record"] for row in rows], following


async def next_identity(conn: asyncpg.Connection, ocid: str, procedure: UUID, now: datetime) -> Identity:
    """Lock a process and give the identity of its next release: dates of one ocid strictly increase."""
    await conn.execute(_QUERIES["open_process"], ocid, procedure)
    row = await conn.fetchrow(_QUERIES["lock_process"], ocid)
    last: datetime | None = row["last_date"]
    date = now if last is None else max(now, last + _TICK)
    date = date.replace(microsecond=date.microsecond // 1000 * 1000)
    await conn.execute(_QUERIES["advance_process"], ocid, row["releases"] + 1, date)
    return Identity(ocid, row["releases"] + 1, date)


async def save_release(
    conn: asyncpg.Connection, identity: Identity, *, buyer: str, body: dict[str, Any], validated_with: str
) -> None:
    """Keep a release."""
    values = (identity.release_id, identity.ocid, buyer, identity.date, body, validated_with)
    await conn.execute(_QUERIES["insert_release"], *values)


async def releases(conn: asyncpg.Connection, after: int, buyer: str | None, limit: int) -> list[KeptRelease]:
    """Give releases in order of publication."""
    rows = await conn.fetch(_QUERIES["releases"], after, buyer, limit)
    return [KeptRelease(**dict(row)) for row in rows]


async def releases_of(conn: asyncpg.Connection, ocid: str) -> list[KeptRelease]:
    """Give the releases of one process, oldest first."""
    rows = await conn.fetch(_QUERIES["releases_of"], ocid)
    return [KeptRelease(**dict(row)) for row in rows]


def _essentials(row: asyncpg.Record) -> Essentials:
    exemption = Exemption(row["reason"], row["reason_en"]) if row["reason"] else None
    return Essentials(
        contract=Contract.model_validate(row["contract"]),
        buyer=row["buyer"],
        procedure=row["procedure"],
        state=State(row["state"]),
        version=row["version"],
        problems=_problems(row["problems"]),
        warnings=_problems(row["warnings"]),
        exemption=exemption,
        record=row["record"],
        validated_with=row["validated_with"],
        published_at=row["published_at"],
    )


def _told(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [asdict(problem) for problem in problems]


def _problems(rows: Sequence[dict[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem(tuple(row["path"]), row["name"], row["message"], row["message_en"]) for row in rows)
