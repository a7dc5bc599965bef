"""The refusals of the notices service."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.errors import Conflict, FieldError, Forbidden, InvalidInput
from libs.common.grants import RoleMissing

__all__ = [
    "AmendmentOfClosed",
    "DuplicateNotice",
    "LastAdministrator",
    "MissingTermsError",
    "NotPublishable",
    "NoticeOfAnother",
    "NoticeRejected",
    "QuestionsClosed",
    "RoleMissing",
    "TooManyQuestions",
]


class NoticeRejected(InvalidInput):
    """The eForms notice cannot be taken; every problem names its business term."""

    slug = "notice-rejected"
    title, title_en = "Avis refusé", "Notice rejected"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "L'avis ne peut pas être repris : corrigez les points signalés, puis recommencez.",
            "The notice cannot be taken: mend what is listed, then try again.",
            errors=errors,
        )


class NotPublishable(InvalidInput):
    """Something is missing before the notice can be published."""

    slug = "not-publishable"
    title, title_en = "Avis à compléter avant publication", "Notice to be completed before publication"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "L'avis ne peut pas encore être publié : complétez les points signalés.",
            "The notice cannot be published yet: complete what is listed.",
            errors=errors,
        )


class MissingTermsError(InvalidInput):
    """The notice cannot be written as eForms yet; every problem names its business term and where to give it."""

    slug = "missing-terms"
    title, title_en = "Avis à compléter pour eForms", "Notice to be completed for eForms"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "L'avis ne peut pas encore être écrit au format eForms : complétez les points signalés.",
            "The notice cannot be written as eForms yet: complete what is listed.",
            errors=errors,
        )


class NoticeOfAnother(Forbidden):
    """The notice names another buyer than the caller's organisation."""

    slug = "notice-of-another-buyer"
    title, title_en = "Avis d'un autre acheteur", "Another buyer's notice"


class DuplicateNotice(Conflict):
    """A notice with this identifier is already known."""

    slug = "duplicate-notice"
    title, title_en = "Avis déjà connu", "Notice already known"


class LastAdministrator(Conflict):
    """Nobody would be left to give roles."""

    slug = "last-administrator"
    title, title_en = "Dernier administrateur", "Last administrator"

    def __init__(self) -> None:
        super().__init__(
            "C'est le dernier administrateur sans date de fin de votre organisation : nommez-en un autre, puis recommencez.",
            "This is your organisation's last administrator without an end date: name another one, then try again.",
        )


class AmendmentOfClosed(Conflict):
    """The notice corrects a competition that is closed."""

    slug = "amendment-of-closed"
    title, title_en = "Consultation close", "Closed procedure"


class QuestionsClosed(Conflict):
    """The procedure takes no more questions."""

    slug = "questions-closed"
    title, title_en = "Questions closes", "Questions closed"

    def __init__(self) -> None:
        super().__init__(
            "Cette consultation ne reçoit plus de questions : elle n'est plus ouverte, ou sa date limite est passée.",
            "This procedure takes no more questions: it is no longer open, or its deadline has passed.",
        )


class TooManyQuestions(Conflict):
    """The organisation asked as many questions as one may."""

    slug = "too-many-questions"
    title, title_en = "Trop de questions", "Too many questions"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Votre organisation a posé {most} questions sur cette consultation : c'est le plus qu'une organisation peut poser.",
            f"Your organisation asked {most} questions about this procedure: no organisation may ask more.",
        )
