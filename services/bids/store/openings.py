"""Openings, the officers' presence, the plaintext after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.messages.base import DocumentReference
from services.bids.domain.states import OpeningState
from services.bids.scanning import Verdict
from services.bids.sealing.names import from_text, to_text
from services.bids.sealing.opening import OpenedShare, OpeningStatement, Stage
from services.bids.signatures.verdict import FileSignature
from services.bids.store.queries import QUERIES

__all__ = [
    "OpenedFile", "Opening", "Presence", "Progress", "Work", "add", "add_file", "add_presence", "add_work", "begun",
    "complete", "find", "find_file", "forget_shares", "keep_key", "keep_paper", "lock", "of_procedure", "presences",
    "presences_for", "progress", "report_paper", "set_state", "work_done", "works", "wrapped_key",
]  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """An opening of the bids of a consultation."""

    id: UUID
    version: int
    procedure: UUID
    state: OpeningState
    stage: Stage
    key_fingerprint: str
    statement: OpeningStatement
    token: bytes
    stamped_at: datetime
    started_at: datetime
    completed_at: datetime | None
    report: dict[str, Any] | None
    report_sha256: str | None


@dataclass(frozen=True)
class Presence:
    """An officer who presented his shares; they are forgotten when the opening is completed."""

    officer: str
    presented_at: datetime
    shares: tuple[OpenedShare, ...]
    deputy: str | None = None
    """Who came in his place."""


@dataclass(frozen=True)
class OpenedFile:
    """A file that an opening found: what its bidder says it is, its plaintext's size (bytes) and SHA-256."""

    name: str
    media_type: str
    size: int
    sha256: str
    envelope: int
    secrets: bytes
    """Of its segments, sealed under the key of the opening."""
    verdict: Verdict
    signatures: tuple[FileSignature, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give what is kept until the report is drawn up."""
        return asdict(self) | {"secrets": to_text(self.secrets), "signatures": self.told_signatures}

    @property
    def told_signatures(self) -> list[dict[str, Any]]:
        """What is told of its signatures."""
        return [each.model_dump(mode="json") for each in self.signatures]

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> OpenedFile:
        """Read what `to_json` gave."""
        signatures = tuple(FileSignature.model_validate(each) for each in told.get("signatures", ()))
        read = {"secrets": from_text(told["secrets"]), "verdict": Verdict(**told["verdict"]), "signatures": signatures}
        return cls(**{**told, **read})


@dataclass(frozen=True)
class Work:
    """An envelope that the worker opens; `outcome` when it is done."""

    bid: UUID
    envelope: int
    outcome: dict[str, Any] | None


@dataclass(frozen=True)
class Progress:
    """How many envelopes there are to open, and how many are done."""

    envelopes: int
    done: int


async def add(conn: asyncpg.Connection, opening: Opening) -> None:
    """Start an opening."""
    statement = opening.statement.model_dump(mode="json")
    await conn.execute(
        QUERIES["add_opening"], opening.id, opening.procedure, opening.stage, opening.key_fingerprint, statement,
        opening.token, opening.stamped_at, opening.started_at,
    )  # fmt: skip


async def find(conn: asyncpg.Connection, opening: UUID) -> Opening | None:
    """Give an opening."""
    return _read(await conn.fetchrow(QUERIES["find_opening"], opening))


async def lock(conn: asyncpg.Connection, opening: UUID) -> Opening | None:
    """Give an opening and hold it until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["lock_opening"], opening))


async def of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[Opening]:
    """Give the openings of a consultation that were not replaced, in the order in which they started."""
    rows = await conn.fetch(QUERIES["openings_of_procedure"], procedure)
    return [found for row in rows if (found := _read(row)) is not None]


async def begun(conn: asyncpg.Connection, procedure: UUID) -> bool:
    """Say whether envelopes of a consultation are opened, or being opened: its deadline is fixed from there on."""
    return bool(await conn.fetchval(QUERIES["openings_begun"], procedure))


async def add_work(conn: asyncpg.Connection, opening: Opening) -> None:
    """Note which envelopes the worker has to open."""
    await conn.executemany(QUERIES["add_opening_work"], [(opening.id, *each) for each in opening.statement.named])


async def work_done(
    conn: asyncpg.Connection, opening: UUID, envelope: tuple[UUID, int], at: datetime, outcome: dict[str, Any]
) -> None:
    """Note what came of an envelope; told again, it changes nothing."""
    await conn.execute(QUERIES["opening_work_done"], opening, *envelope, at, outcome)


async def works(conn: asyncpg.Connection, opening: UUID) -> list[Work]:
    """Give the envelopes of an opening under way, with what came of them."""
    return [Work(**dict(row)) for row in await conn.fetch(QUERIES["opening_works"], opening)]


async def progress(conn: asyncpg.Connection, opening: UUID) -> Progress:
    """Give how far the worker is."""
    return Progress(**dict(await conn.fetchrow(QUERIES["opening_progress"], opening)))


async def set_state(conn: asyncpg.Connection, opening: UUID, state: OpeningState) -> None:
    """Change the state."""
    await conn.execute(QUERIES["set_opening_state"], opening, state)


async def complete(conn: asyncpg.Connection, opening: UUID, at: datetime, report: dict[str, Any], digest: str) -> int:
    """Keep the report; give the new version."""
    state = OpeningState.COMPLETED
    return int(await conn.fetchval(QUERIES["complete_opening"], opening, state, at, report, digest))


async def add_presence(conn: asyncpg.Connection, opening: UUID, presence: Presence) -> None:
    """Keep an officer's opened shares until the completion."""
    shares = [each.model_dump(mode="json") for each in presence.shares]
    await conn.execute(
        QUERIES["add_presence"], opening, presence.officer, presence.presented_at, shares, presence.deputy
    )


async def presences(conn: asyncpg.Connection, opening: UUID) -> list[Presence]:
    """Give the officers who presented themselves."""
    return _presences(await conn.fetch(QUERIES["presences"], opening))


async def presences_for(conn: asyncpg.Connection, opening: UUID, bid: UUID, envelope: int) -> list[Presence]:
    """Give the officers with their shares of one envelope only."""
    return _presences(await conn.fetch(QUERIES["presences_for_envelope"], opening, str(bid), envelope))


def _presences(rows: Sequence[Any]) -> list[Presence]:
    return [
        Presence(
            row["officer"],
            row["presented_at"],
            tuple(OpenedShare.model_validate(each) for each in row["shares"] or []),
            row["deputy"],
        )
        for row in rows
    ]


async def forget_shares(conn: asyncpg.Connection, opening: UUID) -> None:
    """Forget the opened shares."""
    await conn.execute(QUERIES["forget_shares"], opening)


async def keep_key(conn: asyncpg.Connection, opening: UUID, wrapped: bytes) -> None:
    """Keep the wrapped key of an opening."""
    await conn.execute(QUERIES["keep_wrapped_key"], opening, wrapped)


async def wrapped_key(conn: asyncpg.Connection, opening: UUID) -> bytes | None:
    """Give the wrapped key of an opening; None once it was destroyed."""
    found: bytes | None = await conn.fetchval(QUERIES["wrapped_key"], opening)
    return found


async def keep_paper(conn: asyncpg.Connection, opening: UUID, paper: DocumentReference) -> DocumentReference:
    """Keep the report's PDF, unless there is one; give the one that is kept."""
    told = await conn.fetchval(QUERIES["keep_report_paper"], opening, paper.model_dump(mode="json"))
    return DocumentReference.model_validate(told)


async def report_paper(conn: asyncpg.Connection, opening: UUID) -> DocumentReference | None:
    """Give the report's PDF, once it was drawn up."""
    told = await conn.fetchval(QUERIES["report_paper"], opening)
    return None if told is None else DocumentReference.model_validate(told)


async def add_file(conn: asyncpg.Connection, opening: UUID, bid: UUID, number: int, file: OpenedFile) -> None:
    """Note a file that was opened."""
    await conn.execute(
        QUERIES["add_opened_file"], opening, bid, number, file.name, file.media_type, file.size, file.sha256,
        file.secrets, file.verdict.scan, file.verdict.threat, file.told_signatures,
    )  # fmt: skip


async def find_file(conn: asyncpg.Connection, opening: UUID, bid: UUID, number: int) -> OpenedFile | None:
    """Give what is noted of a file that was opened."""
    row = await conn.fetchrow(QUERIES["opened_file"], opening, bid, number)
    if row is None:
        return None
    values = dict(row)
    verdict = Verdict(values.pop("scan"), values.pop("threat"))
    signatures = tuple(FileSignature.model_validate(each) for each in values.pop("signatures"))
    return OpenedFile(**values, verdict=verdict, signatures=signatures)


def _read(row: Any) -> Opening | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    values = dict(row)
    return Opening(
        **values
        | {
            "state": OpeningState(values["state"]),
            "statement": OpeningStatement.model_validate(values["statement"]),
        }
    )
