"""Questions of companies and public answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, IllegalTransition, InvalidInput, NotFound, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.question import Question
from services.notices.errors import QuestionsClosed, TooManyQuestions
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.questions import NewAnswer, NewClosing, NewQuestion
from services.notices.service import questions as service
from services.notices.service.procedures import readable_procedure
from services.notices.service.registers import require_own
from services.notices.store import questions as store
from services.notices.store.questions import Key
from services.notices.views.questions import (
    AnsweredView,
    AnswerView,
    ClosingView,
    OwnQuestionView,
    ReceivedQuestionView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
V = TypeVar("V")


@ROUTES.post(
    "/v1/questions",
    status=201,
    errors=[NotFound, Forbidden, QuestionsClosed, TooManyQuestions],
    tag="questions",
)
async def ask_question(uow: Uow, actor: Actor, body: NewQuestion) -> OwnQuestionView:
    """Ask the buyer a question, as a company: it and the company are known to the buyer alone; the answer is for all.

    After the closing it is marked as late; after the deadline it is refused.
    """
    return OwnQuestionView.of(await service.ask(uow, body.procedure_id, body.text, actor))


@ROUTES.get("/v1/procedures/{procedure_id}/questions", errors=[NotFound], tag="questions")
async def list_answers(runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PageQuery) -> Page[AnswerView]:
    """List the questions that were answered, and their answers, in the order they were published."""
    await readable_procedure(runtime, procedure_id, actor)
    after = _place(runtime, query.cursor, store.FIRST)
    async with runtime.read() as conn:
        found = await store.public_questions(conn, procedure_id, after, query.limit + 1)
    return _page(runtime, found, query.limit, AnswerView.of, by="first_answered_at")


@ROUTES.get("/v1/procedures/{procedure_id}/questions/received", errors=[NotFound, Forbidden], tag="questions")
async def list_received_questions(
    runtime: Runtime, actor: Actor, procedure_id: UUID, query: PageQuery
) -> Page[ReceivedQuestionView]:
    """List all the questions about a procedure of the caller's organisation, oldest first, with who asked."""
    after = _place(runtime, query.cursor, store.FIRST)
    async with runtime.read() as conn:
        await require_own(conn, procedure_id, actor, runtime.clock.now())
        found = await store.received_questions(conn, procedure_id, after, query.limit + 1)
    return _page(runtime, found, query.limit, ReceivedQuestionView.of, by="asked_at")


@ROUTES.get("/v1/procedures/{procedure_id}/questions/closing", errors=[NotFound], tag="questions")
async def get_closing(runtime: Runtime, actor: Actor | None, procedure_id: UUID) -> ClosingView:
    """Read until when questions are taken, with the rule and its steps: 6 days before the deadline, 4 if urgent (R2132-6)."""
    procedure, *_ = await readable_procedure(runtime, procedure_id, actor)
    async with runtime.read() as conn:
        closing = await service.closing(conn, procedure)
    return ClosingView.of(closing, runtime.clock.now())


@ROUTES.put(
    "/v1/procedures/{procedure_id}/questions/closing", errors=[NotFound, Forbidden, InvalidInput], tag="questions"
)
async def set_closing(uow: Uow, actor: Actor, procedure_id: UUID, body: NewClosing) -> ClosingView:
    """Say until when questions are taken, as the buyer; null gives the law's time back."""
    return ClosingView.of(await service.set_closing(uow, procedure_id, body.closes_at, actor), uow.now())


@ROUTES.get("/v1/questions", errors=[Forbidden], tag="questions")
async def list_own_questions(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[OwnQuestionView]:
    """List the questions of the caller's company, newest first, with their answers."""
    actor.require(OrganisationKind.COMPANY)
    before = _place(runtime, query.cursor, store.LAST)
    async with runtime.read() as conn:
        found = await store.own_questions(conn, actor.organisation, before, query.limit + 1)
    return _page(runtime, found, query.limit, OwnQuestionView.of, by="asked_at")


@ROUTES.put(
    "/v1/questions/{question_id}/answer",
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, InvalidInput],
    tag="questions",
)
async def answer_question(
    uow: Uow, actor: Actor, question_id: UUID, if_match: IfMatch, body: NewAnswer
) -> AnsweredView:
    """Publish an answer, with the question in words that do not name who asked; the same again corrects it.

    It is public at once, and mailed to those who asked to be told. So late an answer that bidders lack time proposes a
    new deadline (R2151-4).
    """
    command = service.AnswerQuestion(question_id, if_match, body.question, body.answer, actor)
    return AnsweredView.answered(*await service.answer(uow, command))


def _place(runtime: Runtime, cursor: str | None, start: Key) -> Key:
    if cursor is None:
        return start
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["asked"]), UUID(position["id"])


def _page(
    runtime: Runtime, found: Sequence[Question], limit: int, show: Callable[[Question], V], *, by: str
) -> Page[V]:
    shown, more = found[:limit], len(found) > limit
    last = {"asked": getattr(shown[-1], by), "id": shown[-1].question_id} if more else {}
    return Page(items=[show(each) for each in shown], next=Cursor.encode(runtime, last) if more else None)
