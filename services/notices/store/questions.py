"""Questions and answers in PostgreSQL: functions over a connection."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.domain.question import Question, QuestionState

__all__ = [
    "FIRST",
    "LAST",
    "Key",
    "add_question",
    "chosen_closing",
    "count_questions",
    "forget_before",
    "get_question",
    "keep_closing",
    "lock_question",
    "own_questions",
    "public_questions",
    "received_questions",
    "save_question",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))
_AT_ONCE: Final = 1000

Key = tuple[datetime, UUID]
"""Where a page begins."""
FIRST: Final[Key] = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
LAST: Final[Key] = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


async def add_question(conn: asyncpg.Connection, question: Question) -> None:
    """Write a new question."""
    await conn.execute(
        _SQL["question_add"],
        question.question_id,
        question.procedure_id,
        question.version,
        question.state,
        question.organisation,
        question.person,
        question.name,
        question.asked,
        question.asked_at,
        question.late,
    )


async def save_question(conn: asyncpg.Connection, question: Question) -> None:
    """Write a locked question back, with its answer."""
    await conn.execute(
        _SQL["question_save"],
        question.question_id,
        question.version,
        question.state,
        question.question,
        question.answer,
        question.first_answered_at,
        question.answered_at,
    )


async def lock_question(conn: asyncpg.Connection, question_id: UUID) -> Question | None:
    """Give a question and keep it until the end of the transaction."""
    row = await conn.fetchrow(_SQL["question_lock"], question_id)
    return _question(row) if row else None


async def get_question(conn: asyncpg.Connection, question_id: UUID) -> Question | None:
    """Give a question."""
    row = await conn.fetchrow(_SQL["question_get"], question_id)
    return _question(row) if row else None


async def received_questions(conn: asyncpg.Connection, procedure_id: UUID, after: Key, limit: int) -> list[Question]:
    """Give the questions of a procedure, oldest first: for its buyer."""
    return [_question(row) for row in await conn.fetch(_SQL["questions_received"], procedure_id, *after, limit)]


async def public_questions(conn: asyncpg.Connection, procedure_id: UUID, after: Key, limit: int) -> list[Question]:
    """Give the answered questions of a procedure, in the order of their first answers."""
    return [_question(row) for row in await conn.fetch(_SQL["questions_public"], procedure_id, *after, limit)]


async def own_questions(conn: asyncpg.Connection, organisation: str, before: Key, limit: int) -> list[Question]:
    """Give the questions of an organisation, newest first."""
    return [_question(row) for row in await conn.fetch(_SQL["questions_own"], organisation, *before, limit)]


async def count_questions(conn: asyncpg.Connection, procedure_id: UUID, organisation: str) -> int:
    """Count the questions of an organisation about a procedure."""
    return int(await conn.fetchval(_SQL["questions_count"], procedure_id, organisation))


async def chosen_closing(conn: asyncpg.Connection, procedure_id: UUID) -> datetime | None:
    """Give until when the buyer takes questions, None where the law's time holds."""
    found: datetime | None = await conn.fetchval(_SQL["closing_get"], procedure_id)
    return found


async def keep_closing(conn: asyncpg.Connection, procedure_id: UUID, closes_at: datetime | None, at: datetime) -> None:
    """Keep until when the buyer takes questions; None: the law's time again."""
    if closes_at is None:
        await conn.execute(_SQL["closing_forget"], procedure_id)
    else:
        await conn.execute(_SQL["closing_set"], procedure_id, closes_at, at)


async def forget_before(conn: asyncpg.Connection, at: datetime) -> int:
    """Erase who asked some of the questions of procedures that ended before; gives how many, 0 when none is left."""
    return int((await conn.execute(_SQL["forget_old"], at, _AT_ONCE)).split()[-1])


def _question(row: Any) -> Question:  # noqa: ANN401  # a row of asyncpg
    values = dict(row)
    return Question(**{**values, "state": QuestionState(values["state"])})
