"""Questions and answers: to everybody, to who asked, to the buyer."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from services.notices.domain.question import Closing, Question, QuestionState
from services.notices.rules.deadlines import LegalDate
from services.notices.views.base import View

__all__ = ["AnswerView", "AnsweredView", "ClosingView", "OwnQuestionView", "ReceivedQuestionView"]


class AnswerView(View):
    """A question and its answer, as everybody reads them: nothing of who asked, nor when."""

    question_id: UUID
    question: str
    answer: str
    published_at: datetime
    corrected_at: datetime | None

    @classmethod
    def of(cls, question: Question) -> Self:
        """Show an answered question."""
        first, last = question.first_answered_at, question.answered_at
        said = {"question": question.question, "answer": question.answer, "published_at": first}
        return cls.model_validate(
            said | {"question_id": question.question_id, "corrected_at": last if last != first else None}
        )


class OwnQuestionView(View):
    """A question, to the organisation that asked it."""

    question_id: UUID
    procedure_id: UUID
    version: int
    state: QuestionState
    text: str
    asked_at: datetime
    late: bool = Field(description="it came after the closing: the buyer may leave it unanswered")
    question: str | None = Field(description="in the words published")
    answer: str | None
    answered_at: datetime | None

    @classmethod
    def of(cls, question: Question) -> Self:
        """Show a question."""
        return cls.model_validate(_told(question))


class ReceivedQuestionView(OwnQuestionView):
    """A question, to the buyer."""

    organisation: str | None = Field(description="who asked; null once erased")
    name: str | None


class AnsweredView(ReceivedQuestionView):
    """A question just answered, to the buyer."""

    proposed_deadline: datetime | None = Field(
        description="the deadline proposed after so late an answer; null if none"
    )
    proposed_because: str | None
    proposed_because_en: str | None

    @classmethod
    def answered(cls, question: Question, proposed: LegalDate | None) -> Self:
        """Show an answered question, and the deadline to be put off if there is cause."""
        return cls.model_validate(
            _told(question)
            | {
                "proposed_deadline": proposed.at if proposed else None,
                "proposed_because": f"{proposed.text} ({proposed.source})" if proposed else None,
                "proposed_because_en": proposed.text_en if proposed else None,
            }
        )


def _told(question: Question) -> dict[str, object]:
    return {
        "question_id": question.question_id,
        "procedure_id": question.procedure_id,
        "version": question.version,
        "state": question.state,
        "text": question.asked,
        "asked_at": question.asked_at,
        "late": question.late,
        "question": question.question,
        "answer": question.answer,
        "answered_at": question.answered_at,
        "organisation": question.organisation,
        "name": question.name,
    }


class ClosingStepView(View):
    """A step of the computation."""

    text: str
    text_en: str


class ClosingView(View):
    """Until when questions are taken, and why."""

    closes_at: datetime | None
    open: bool = Field(description="false: questions are taken until the deadline, marked as late")
    set_by_buyer: bool
    text: str
    text_en: str
    source: str
    steps: list[ClosingStepView]

    @classmethod
    def of(cls, closing: Closing, now: datetime) -> Self:
        """Show the closing of questions."""
        return cls(
            closes_at=closing.closes_at,
            open=not closing.is_past(now),
            set_by_buyer=closing.set_by_buyer,
            text=closing.text,
            text_en=closing.text_en,
            source=closing.source,
            steps=[ClosingStepView(text=french, text_en=english) for french, english in closing.steps],
        )
