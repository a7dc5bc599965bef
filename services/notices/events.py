"""From the aggregates to the messages of the service."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from libs.common.messages.notices import (
    AnswerPublishedV1,
    LotAbandonedV1,
    LotClosedV1,
    LotUnsuccessfulV1,
    NoticePublishedV1,
    ProcedureClosedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
    QuestionAskedV1,
)
from libs.common.messages.notices import Notice as PublicNotice
from libs.common.messages.publication import NoticeDisclosedV1
from services.notices.content import public_notice
from services.notices.domain.notice import Notice
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.domain.question import Question

__all__ = [
    "answer_published",
    "closed",
    "disclosed",
    "lot_abandoned",
    "lot_closed",
    "lot_unsuccessful",
    "published",
    "question_asked",
    "resumed",
    "suspended",
]


def published(notice: Notice) -> NoticePublishedV1:
    """Tell that a notice became public."""
    if notice.published_at is None:
        raise ValueError("a draft is not told of")
    return NoticePublishedV1(
        aggregate_id=notice.notice_id,
        aggregate_version=notice.version,
        organisation=notice.organisation,
        buyer=notice.organisation,
        procedure=notice.procedure_id,
        occurred_at=notice.published_at,
        notice=_public(notice, notice.published_at),
    )


def disclosed(notice: Notice, at: datetime) -> NoticeDisclosedV1:
    """Tell that withheld values of a notice are public from now on."""
    if notice.published_at is None:
        raise ValueError("a draft is not told of")
    return NoticeDisclosedV1(
        aggregate_id=notice.notice_id,
        aggregate_version=notice.version,
        organisation=notice.organisation,
        buyer=notice.organisation,
        procedure=notice.procedure_id,
        occurred_at=at,
        notice=_public(notice, notice.published_at),
    )


def _public(notice: Notice, published_at: datetime) -> PublicNotice:
    return public_notice(
        notice.notice_id, notice.version, notice.content, published_at=published_at, documents=notice.documents
    )


class _Told(TypedDict):
    aggregate_id: UUID
    aggregate_version: int
    organisation: str
    buyer: str
    procedure: UUID
    occurred_at: datetime


def _of(procedure: Procedure, at: datetime) -> _Told:
    return _Told(
        aggregate_id=procedure.procedure_id,
        aggregate_version=procedure.version,
        organisation=procedure.organisation,
        buyer=procedure.organisation,
        procedure=procedure.procedure_id,
        occurred_at=at,
    )


def closed(procedure: Procedure, at: datetime) -> ProcedureClosedV1:
    """Tell that the deadline of a procedure passed."""
    if procedure.notice_id is None or procedure.deadline is None:
        raise ValueError("a procedure without deadline does not close")
    return ProcedureClosedV1(**_of(procedure, at), notice_id=procedure.notice_id, deadline=procedure.deadline)


def suspended(procedure: Procedure, reason: str, explanation: str | None, at: datetime) -> ProcedureSuspendedV1:
    """Tell that a procedure is suspended."""
    return ProcedureSuspendedV1(**_of(procedure, at), reason=reason, explanation=explanation)


def resumed(procedure: Procedure, at: datetime) -> ProcedureResumedV1:
    """Tell that a procedure goes on, with its new deadline where bids are awaited."""
    deadline = procedure.deadline if procedure.phase is ProcedureState.OPEN else None
    return ProcedureResumedV1(**_of(procedure, at), deadline=deadline)


def lot_closed(procedure: Procedure, lot_id: str, at: datetime) -> LotClosedV1:
    """Tell that the deadline of a lot passed."""
    deadline = procedure.lot(lot_id).deadline
    if deadline is None:
        raise ValueError("a lot without deadline does not close")
    return LotClosedV1(**_of(procedure, at), lot_id=lot_id, deadline=deadline)


def lot_unsuccessful(procedure: Procedure, lot_id: str, at: datetime) -> LotUnsuccessfulV1:
    """Tell that a lot had no acceptable bid."""
    lot = procedure.lot(lot_id)
    return LotUnsuccessfulV1(
        **_of(procedure, at), lot_id=lot_id, reason=lot.reason or "other", explanation=lot.explanation
    )


def lot_abandoned(procedure: Procedure, lot_id: str, at: datetime) -> LotAbandonedV1:
    """Tell that a lot is given up, and why."""
    lot = procedure.lot(lot_id)
    return LotAbandonedV1(
        **_of(procedure, at), lot_id=lot_id, reason=lot.reason or "other", explanation=lot.explanation or ""
    )


def question_asked(question: Question, procedure: Procedure) -> QuestionAskedV1:
    """Tell the buyer of a question, without who asked it."""
    return QuestionAskedV1(
        aggregate_id=question.question_id,
        aggregate_version=question.version,
        organisation=procedure.organisation,
        buyer=procedure.organisation,
        procedure=procedure.procedure_id,
        occurred_at=question.asked_at,
        late=question.late,
    )


def answer_published(question: Question, procedure: Procedure) -> AnswerPublishedV1:
    """Tell the public answer of a question, without who asked it."""
    if question.question is None or question.answer is None or question.first_answered_at is None:
        raise ValueError("a question without answer is not told of")
    return AnswerPublishedV1(
        aggregate_id=question.question_id,
        aggregate_version=question.version,
        organisation=procedure.organisation,
        buyer=procedure.organisation,
        procedure=procedure.procedure_id,
        occurred_at=question.answered_at or question.first_answered_at,
        question=question.question,
        answer=question.answer,
        published_at=question.first_answered_at,
    )
