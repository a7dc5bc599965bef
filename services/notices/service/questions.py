"""Questions of companies before the deadline, and their public answers (R2132-6 CCP).

A question is known to who asks and to the buyer; its answer to everybody, without who asked. That a question was asked is
told by no event: only answers are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput, NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import drafting, events
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.domain.question import Closing, Question, QuestionState
from services.notices.domain.roles import Permission
from services.notices.errors import QuestionsClosed, TooManyQuestions
from services.notices.rules.deadlines import LegalDate, answers_due, extension
from services.notices.rules.situation import Situation
from services.notices.service import roles
from services.notices.service.registers import require_own
from services.notices.settings import NoticesSettings
from services.notices.store import notices as notice_store
from services.notices.store import procedures as procedure_store
from services.notices.store import questions as store

__all__ = ["TELL_JOB", "AnswerQuestion", "answer", "ask", "closing", "forget_old", "set_closing", "tell_buyer"]

TELL_JOB: Final = "question"

_MOST: Final = 100
"""Questions of one organisation about one procedure."""
_TAKES: Final = frozenset({ProcedureState.PLANNED, ProcedureState.OPEN, ProcedureState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """An answer to be published, with the question in the words to be published (None: those of who asked)."""

    question_id: UUID
    version: int
    question: str | None
    answer: str
    actor: Actor


async def ask(uow: Uow, procedure_id: UUID, text: str, actor: Actor) -> Question:
    """Keep a question of a company: in time, or marked late. Raises Forbidden, NotFound, QuestionsClosed, TooManyQuestions."""
    actor.require(OrganisationKind.COMPANY)
    procedure = await _public(uow.conn, procedure_id)
    if procedure.state not in _TAKES or (procedure.deadline is not None and procedure.deadline <= uow.now()):
        raise QuestionsClosed
    if await store.count_questions(uow.conn, procedure_id, actor.organisation) >= _MOST:
        raise TooManyQuestions(_MOST)
    late = (await closing(uow.conn, procedure)).is_past(uow.now())
    question = Question(
        question_id=uuid4(),
        procedure_id=procedure_id,
        version=1,
        state=QuestionState.ASKED,
        asked=text,
        asked_at=uow.now(),
        late=late,
        organisation=actor.organisation,
        person=actor.subject,
        name=actor.name,
    )
    await store.add_question(uow.conn, question)
    uow.enqueue(TELL_JOB, key=str(question.question_id), payload={"question_id": str(question.question_id)})
    return question


async def tell_buyer(uow: Uow, question_id: UUID) -> None:
    """Tell that a question came: in a transaction of nobody's, so that no journal keeps who asked."""
    question = await store.get_question(uow.conn, question_id)
    procedure = await procedure_store.get_procedure(uow.conn, question.procedure_id) if question else None
    if question is not None and procedure is not None:
        uow.emit(events.question_asked(question, procedure))


async def answer(uow: Uow, command: AnswerQuestion) -> tuple[Question, LegalDate | None]:
    """Publish an answer, or a corrected one; and give the new deadline that so late an answer asks for, if it does.

    Raises NotFound, Forbidden, StaleVersion, IllegalTransition, InvalidInput where the text names who asked.
    """
    command.actor.require(OrganisationKind.BUYER)
    question = await store.lock_question(uow.conn, command.question_id)
    procedure = await procedure_store.get_procedure(uow.conn, question.procedure_id) if question else None
    if question is None or procedure is None:
        raise _no_question()
    buyer = procedure.organisation
    given = await roles.permissions(uow.conn, command.actor, buyer, procedure.procedure_id, uow.now())
    if Permission.READ not in given:
        raise _no_question()
    roles.refuse_without(given, Permission.PUBLISH, command.actor, buyer)
    question.require_version(command.version)
    published = command.question or question.question or question.asked
    answered = question.answered(published, command.answer, uow.now())
    await store.save_question(uow.conn, answered)
    uow.emit(events.answer_published(answered, procedure))
    uow.audit("answer-published", str(question.question_id))
    situation = await _situation(uow.conn, procedure)
    return answered, extension(situation, uow.now()) if situation else None


def _no_question() -> NotFound:
    return NotFound(
        "Vous n'avez reçu aucune question de cet identifiant.", "You received no question of this identifier."
    )


async def set_closing(uow: Uow, procedure_id: UUID, closes_at: datetime | None, actor: Actor) -> Closing:
    """Say until when questions are taken; None: until the law's time. Raises NotFound, Forbidden, InvalidInput."""
    procedure = await require_own(uow.conn, procedure_id, actor, uow.now(), Permission.PUBLISH)
    if closes_at is not None and (
        closes_at <= uow.now() or (procedure.deadline is not None and closes_at > procedure.deadline)
    ):
        told = (
            "La clôture des questions doit être à venir, et au plus tard la date limite de la consultation.",
            "The closing of questions must be to come, and at the latest the deadline of the procedure.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/closes_at", *told)])
    await store.keep_closing(uow.conn, procedure_id, closes_at, uow.now())
    uow.audit("questions-closing-set", str(procedure_id))
    return await closing(uow.conn, procedure)


async def closing(conn: asyncpg.Connection, procedure: Procedure) -> Closing:
    """Give until when questions about a procedure are taken, and by which rule."""
    chosen = await store.chosen_closing(conn, procedure.procedure_id)
    if chosen is not None:
        return Closing(chosen, "Fixée par l'acheteur.", "Set by the buyer.", "", set_by_buyer=True)
    situation = await _situation(conn, procedure)
    due = answers_due(situation) if situation else None
    if due is None:
        told = ("Jusqu'à la date limite de la consultation.", "Until the deadline of the procedure.")
        return Closing(procedure.deadline, *told, "")
    steps = tuple((each.text, each.text_en) for each in due.steps)
    return Closing(due.at, due.text, due.text_en, due.source, steps)


async def _situation(conn: asyncpg.Connection, procedure: Procedure) -> Situation | None:
    """Give what the rules look at: the contract notice, with the deadline of this moment."""
    notice = await notice_store.get_notice(conn, procedure.notice_id) if procedure.notice_id else None
    if notice is None or notice.dispatched_on is None:
        return None
    sent_on = notice.content.legal_day(notice.dispatched_on)
    return replace(drafting.situation(notice.content, sent_on), deadline=procedure.deadline)


async def _public(conn: asyncpg.Connection, procedure_id: UUID) -> Procedure:
    procedure = await procedure_store.get_procedure(conn, procedure_id)
    if procedure is None or procedure.state is ProcedureState.DRAFT:
        raise NotFound(
            "Aucune consultation publique ne porte cet identifiant.", "No public procedure has this identifier."
        )
    return procedure


async def forget_old(runtime: Runtime) -> None:
    """Erase who asked, once kept long enough (HALLES_REGISTER_DAYS)."""
    before = runtime.clock.now() - timedelta(days=runtime.port(NoticesSettings).register_days)
    erased = 1
    while erased:
        async with runtime.uow() as uow:
            erased = await store.forget_before(uow.conn, before)
