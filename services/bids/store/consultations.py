"""Consultations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from libs.common.calendar import territory_of
from libs.common.messages.notices import Lot, Notice, OpeningKeySet, OpeningRules
from services.bids.sealing.opening import Stage
from services.bids.store.queries import QUERIES

__all__ = [
    "Consultation", "KeySetVersion", "add", "find", "key_set", "key_sets", "lock", "note_lot", "note_suspension",
    "publish_keys", "share", "stamp_key_set", "update",
]  # fmt: skip


@dataclass(frozen=True)
class KeySetVersion:
    """A key set as published, with the time stamp of its fingerprint."""

    version: int
    fingerprint: str
    keys: OpeningKeySet
    published_at: datetime
    token: bytes | None
    stamped_at: datetime | None


@dataclass(frozen=True)
class Consultation:
    """A published contract notice that takes electronic bids."""

    procedure: UUID
    version: int
    buyer: str
    deadline: datetime
    notice: Notice
    keys: OpeningKeySet
    """The key set in force: new bids are sealed to it."""
    suspended: bool = False
    abandoned: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    """The lots declared unsuccessful, as their buyer knows."""
    principal: UUID | None = None
    """Of a round: the procedure that it goes on from."""

    @property
    def announced(self) -> UUID:
        """The procedure as it was published: what roles are given for, and what its timeline is of."""
        return self.principal or self.procedure

    @property
    def rules(self) -> OpeningRules:
        """How bids are deposited and opened, as last published."""
        told = self.notice.opening or self.keys
        return told.rules or OpeningRules()

    @property
    def adds_up(self) -> bool:
        """Whether a later deposit replaces nothing: in concessions, unless the notice says otherwise."""
        said = self.rules.deposits_add_up
        return self.notice.contract_kind == "concession" if said is None else said

    @property
    def stages(self) -> tuple[Stage, Stage]:
        """The order of the stages: offers first in an open procedure only, where the buyer chose it (R2161-4 CCP)."""
        first = self.rules.order == "offers-first" and self.notice.procedure_type == "open"
        return ("offers", "applications") if first else ("applications", "offers")

    @property
    def zone(self) -> ZoneInfo:
        """The legal time of the buyer's place."""
        return territory_of(self.notice.buyer.department).zone

    def lot(self, lot_id: str) -> Lot | None:
        """Give one of its lots."""
        return next((each for each in self.notice.lots if each.lot_id == lot_id), None)


async def find(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation."""
    return _read(await conn.fetchrow(QUERIES["find_consultation"], procedure))


async def lock(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation and hold it alone until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["lock_consultation"], procedure))


async def share(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation that nobody may change until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["share_consultation"], procedure))


async def add(conn: asyncpg.Connection, notice: Notice, procedure: UUID, keys: OpeningKeySet, at: datetime) -> None:
    """Open a consultation for a notice with a deadline and keys."""
    content, told = notice.model_dump(mode="json"), keys.model_dump(mode="json")
    await conn.execute(
        QUERIES["add_consultation"], procedure, notice.buyer.organisation, notice.deadline, content, told, at
    )
    await conn.execute(QUERIES["add_key_set"], procedure, keys.fingerprint, told, at)


async def publish_keys(conn: asyncpg.Connection, procedure: UUID, keys: OpeningKeySet, at: datetime) -> None:
    """Publish another key set: a new version, to which new bids are sealed; the former ones stay."""
    told = keys.model_dump(mode="json")
    await conn.execute(QUERIES["publish_keys"], procedure, told)
    await conn.execute(QUERIES["add_key_set"], procedure, keys.fingerprint, told, at)


async def key_sets(conn: asyncpg.Connection, procedure: UUID) -> list[KeySetVersion]:
    """Give every key set that was published for a consultation, oldest first."""
    rows = await conn.fetch(QUERIES["key_sets"], procedure)
    return [KeySetVersion(**dict(row) | {"keys": OpeningKeySet.model_validate(row["keys"])}) for row in rows]


async def key_set(conn: asyncpg.Connection, procedure: UUID, fingerprint: str) -> KeySetVersion:
    """Give the version of the key set with that fingerprint. Raises LookupError."""
    found = next((each for each in await key_sets(conn, procedure) if each.fingerprint == fingerprint), None)
    if found is None:
        raise LookupError(f"no key set {fingerprint} was published for {procedure}")
    return found


async def stamp_key_set(conn: asyncpg.Connection, procedure: UUID, version: int, token: bytes, at: datetime) -> None:
    """Keep the time stamp of a key set; one that has it keeps it."""
    await conn.execute(QUERIES["stamp_key_set"], procedure, version, token, at)


async def update(conn: asyncpg.Connection, notice: Notice, procedure: UUID) -> None:
    """Follow a newer notice; for its keys see `publish_keys`."""
    await conn.execute(QUERIES["update_consultation"], procedure, notice.deadline, notice.model_dump(mode="json"))


async def note_suspension(
    conn: asyncpg.Connection, procedure: UUID, *, version: int, since: datetime | None, deadline: datetime | None
) -> datetime | None:
    """Keep that a procedure is suspended since an instant, or goes on (None) with a deadline put off.

    Gives since when it was suspended, if this ends it; older versions change nothing and give None.
    """
    was: datetime | None = await conn.fetchval(QUERIES["suspended_since"], procedure, version)
    await conn.execute(QUERIES["note_suspension"], procedure, version, since is not None, since, deadline)
    return was if since is None else None


async def note_lot(conn: asyncpg.Connection, procedure: UUID, lot: str, *, abandoned: bool) -> None:
    """Keep that a lot leads to no contract: given up, else unsuccessful."""
    named: tuple[list[str], list[str]] = ([lot], []) if abandoned else ([], [lot])
    await conn.execute(QUERIES["note_lot"], procedure, *named)


def _read(row: Any) -> Consultation | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    return Consultation(
        row["procedure"],
        row["version"],
        row["buyer"],
        row["deadline"],
        Notice.model_validate(row["notice"]),
        OpeningKeySet.model_validate(row["keys"]),
        row["suspended"],
        frozenset(row["abandoned"]),
        frozenset(row["failed"]),
        row["principal"],
    )
