"""Methods, judgements, marks, scorings and requests: added, read, never changed but for the state of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.base import DocumentReference
from services.bids.domain.states import RequestState
from services.bids.evaluation.method import Method
from services.bids.evaluation.verdicts import RequestKind, Verdict

__all__ = [
    "DecisionRow", "EvaluatorMarks", "Judgement", "MethodRow", "Request", "Scoring", "add_judgement", "add_marks", "add_method",
    "add_request", "add_scoring", "decision", "find_request", "judgements", "last_step", "lock_request", "marks", "method",
    "note_decider",
    "request_of_letter", "requests", "save_request", "scorings",
]  # fmt: skip

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
Lot = tuple[UUID, str]
"""The procedure, and the lot."""


@dataclass(frozen=True)
class MethodRow:
    """The method in force."""

    method: Method
    step: int
    set_at: datetime


@dataclass(frozen=True)
class Judgement:
    """What a bid was judged to be."""

    bid: UUID
    verdict: Verdict
    reason: str
    judged_at: datetime
    step: int


@dataclass(frozen=True)
class EvaluatorMarks:
    """The marks of one evaluator."""

    evaluator: str
    marks: list[dict[str, str]]
    """Each with `bid`, `criterion`, `mark`, `comment`."""
    given_at: datetime
    step: int


@dataclass(frozen=True)
class Scoring:
    """A version of the scores of a lot, with all they rest on."""

    id: UUID
    lot: str
    version: int
    step: int
    content: dict[str, Any]
    scored_at: datetime


@dataclass(frozen=True)
class Request:
    """Something asked of a bidder."""

    id: UUID
    procedure: UUID
    lot: str
    bid: UUID
    bidder: str
    kind: RequestKind
    text: str
    asked_at: datetime
    due_at: datetime
    letter: UUID
    version: int = 1
    state: RequestState = RequestState.SENT
    answer: str | None = None
    documents: tuple[DocumentReference, ...] = field(default=())
    answered_at: datetime | None = None
    reason: str | None = None
    settled_at: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether the buyer has still to say what came of it."""
        return self.state in {RequestState.SENT, RequestState.ANSWERED}


@dataclass(frozen=True)
class DecisionRow:
    """The decision on a lot, as kept."""

    id: UUID
    bid: UUID
    decision: dict[str, Any]
    decided_at: datetime
    standstill_until: datetime | None
    standstill_reason: str


async def add_method(conn: asyncpg.Connection, lot: Lot, method: Method, at: datetime, by: str) -> None:
    """Set the method of a lot; the former one stays in the record."""
    await conn.execute(QUERIES["add_method"], *lot, method.model_dump(mode="json"), at, by)


async def method(conn: asyncpg.Connection, lot: Lot) -> MethodRow | None:
    """Give the method in force."""
    row = await conn.fetchrow(QUERIES["method"], *lot)
    return None if row is None else MethodRow(Method.model_validate(row["method"]), row["step"], row["set_at"])


async def add_judgement(
    conn: asyncpg.Connection, lot: Lot, bid: UUID, verdict: Verdict, *, reason: str, at: datetime, by: str
) -> None:
    """Judge a bid; a former judgement stays in the record."""
    await conn.execute(QUERIES["add_judgement"], *lot, bid, verdict, reason, at, by)


async def judgements(conn: asyncpg.Connection, lot: Lot) -> dict[UUID, Judgement]:
    """Give the judgement that holds of each bid of a lot."""
    rows = await conn.fetch(QUERIES["judgements"], *lot)
    return {row["bid"]: Judgement(**dict(row) | {"verdict": Verdict(row["verdict"])}) for row in rows}


async def add_marks(
    conn: asyncpg.Connection, lot: Lot, evaluator: str, given: list[dict[str, str]], at: datetime
) -> None:
    """Keep all the marks of an evaluator; former ones stay in the record."""
    await conn.execute(QUERIES["add_marks"], *lot, evaluator, given, at)


async def marks(conn: asyncpg.Connection, lot: Lot) -> list[EvaluatorMarks]:
    """Give the marks that hold, of each evaluator."""
    return [EvaluatorMarks(**dict(row)) for row in await conn.fetch(QUERIES["marks"], *lot)]


async def add_scoring(
    conn: asyncpg.Connection, lot: Lot, identity: UUID, content: Mapping[str, Any], at: datetime, by: str
) -> int:
    """Keep a scoring; give its version."""
    return int(await conn.fetchval(QUERIES["add_scoring"], identity, *lot, dict(content), at, by))


async def scorings(conn: asyncpg.Connection, lot: Lot, *, before: int | None = None, limit: int = 1) -> list[Scoring]:
    """Give the scorings of a lot, the newest first."""
    return [Scoring(**dict(row)) for row in await conn.fetch(QUERIES["scorings"], *lot, before, limit)]


async def last_step(conn: asyncpg.Connection, lot: Lot) -> int:
    """Give the last step of what a scoring rests on; 0 when nothing was done."""
    return int(await conn.fetchval(QUERIES["last_step"], *lot) or 0)


async def add_request(conn: asyncpg.Connection, request: Request) -> None:
    """Keep a new request."""
    await conn.execute(
        QUERIES["add_request"], request.id, request.procedure, request.lot, request.bid, request.bidder, request.kind,
        request.text, request.asked_at, request.due_at, request.letter,
    )  # fmt: skip


async def find_request(conn: asyncpg.Connection, request: UUID) -> Request | None:
    """Give a request."""
    return _request(await conn.fetchrow(QUERIES["find_request"], request))


async def request_of_letter(conn: asyncpg.Connection, letter: UUID) -> Request | None:
    """Give the request that a letter carries."""
    return _request(await conn.fetchrow(QUERIES["request_of_letter"], letter))


async def lock_request(conn: asyncpg.Connection, request: UUID) -> Request | None:
    """Give a request and hold it until the end of the transaction."""
    return _request(await conn.fetchrow(QUERIES["lock_request"], request))


async def requests(conn: asyncpg.Connection, lot: Lot) -> list[Request]:
    """Give the requests of a lot, the oldest first."""
    found = (_request(row) for row in await conn.fetch(QUERIES["requests_of_lot"], *lot))
    return [each for each in found if each is not None]


async def save_request(conn: asyncpg.Connection, request: Request) -> int:
    """Keep what became of a request; give the new version."""
    documents = [each.model_dump(mode="json") for each in request.documents]
    return int(
        await conn.fetchval(
            QUERIES["save_request"], request.id, request.state, request.answer, documents, request.answered_at,
            request.reason, request.settled_at,
        )
    )  # fmt: skip


async def decision(conn: asyncpg.Connection, lot: Lot) -> DecisionRow | None:
    """Give the decision on a lot."""
    row = await conn.fetchrow(QUERIES["decision_of_lot"], *lot)
    return None if row is None else DecisionRow(**dict(row))


async def note_decider(conn: asyncpg.Connection, award: UUID, subject: str) -> None:
    """Note who recorded a decision."""
    await conn.execute(QUERIES["note_decider"], award, subject)


def _request(row: Any) -> Request | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    values = dict(row)
    documents = tuple(DocumentReference.model_validate(each) for each in values["documents"])
    return Request(
        **values | {"kind": RequestKind(values["kind"]), "state": RequestState(values["state"]), "documents": documents}
    )
