"""A question about a procedure, pure: private when it is asked, public without its author once it is answered."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.errors import FieldError, IllegalTransition, InvalidInput, StaleVersion

__all__ = ["ANSWERED", "QUESTION_TRANSITIONS", "Closing", "Question", "QuestionState"]


class QuestionState(StrEnum):
    """The life of a question."""

    ASKED = "asked"
    ANSWERED = "answered"


ANSWERED: Final = "notices.answer.published.v1"
QUESTION_TRANSITIONS: Final[dict[tuple[QuestionState, str], QuestionState]] = {
    (QuestionState.ASKED, ANSWERED): QuestionState.ANSWERED,
    (QuestionState.ANSWERED, ANSWERED): QuestionState.ANSWERED,
}
"""(state, event type): next state. An answer may be corrected: the new one is told as the first was."""
_SHORTEST_NAME: Final = 4
_SIREN: Final = 9


@dataclass(frozen=True, slots=True)
class Closing:
    """Until when questions are taken."""

    closes_at: datetime | None
    """None: as long as the procedure is open, which has no deadline."""
    text: str
    text_en: str
    source: str
    steps: tuple[tuple[str, str], ...] = ()
    set_by_buyer: bool = False

    def is_past(self, at: datetime) -> bool:
        """Say whether a question comes late."""
        return self.closes_at is not None and self.closes_at < at


@dataclass(frozen=True, slots=True)
class Question:
    """A question."""

    question_id: UUID
    procedure_id: UUID
    version: int
    state: QuestionState
    asked: str = field(repr=False)
    """In the company's words."""
    asked_at: datetime
    late: bool
    organisation: str | None = field(default=None, repr=False)
    """Who asked; None once erased."""
    person: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    question: str | None = None
    """In the words published."""
    answer: str | None = None
    first_answered_at: datetime | None = None
    answered_at: datetime | None = None

    def answered(self, question: str, answer: str, at: datetime) -> Question:
        """Give the question with its public answer, or with a corrected one.

        Raises InvalidInput where what is to be published names who asked, IllegalTransition.
        """
        state = QUESTION_TRANSITIONS.get((self.state, ANSWERED))
        if state is None:
            raise IllegalTransition("Cette question ne reçoit plus de réponse.", "This question takes no more answer.")
        self._refuse_names({"question": question, "answer": answer})
        return replace(
            self,
            state=state,
            version=self.version + 1,
            question=question,
            answer=answer,
            first_answered_at=self.first_answered_at or at,
            answered_at=at,
        )

    def require_version(self, version: int) -> None:
        """Let only an answer to the present version pass. Raises StaleVersion."""
        if version != self.version:
            raise StaleVersion(
                f"La question en est à la version {self.version} : relisez-la, puis refaites votre réponse.",
                f"The question is at version {self.version}: read it again, then redo your answer.",
            )

    def _refuse_names(self, published: dict[str, str]) -> None:
        french = "Ce texte nomme qui a posé la question : retirez-en le nom et le numéro, il sera public."
        english = "This text names who asked: take the name and the number out of it, it will be public."
        faults = [FieldError(f"body/{name}", french, english) for name, text in published.items() if self._names(text)]
        if faults:
            raise InvalidInput(french, english, errors=faults)

    def _names(self, text: str) -> bool:
        """Say whether a text tells who asked: the number of the company (SIREN) or the person's name."""
        number = re.sub(r"\D", "", self.organisation or "")[:_SIREN]
        named = _plain(self.name or "")
        return (len(number) == _SIREN and number in re.sub(r"[\s.\-]", "", text)) or (
            len(named) >= _SHORTEST_NAME and re.search(rf"\b{re.escape(named)}\b", _plain(text)) is not None
        )


def _plain(text: str) -> str:
    """Give a text without accents, cases and runs of space."""
    stripped = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return " ".join(stripped.casefold().split())
