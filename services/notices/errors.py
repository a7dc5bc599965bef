"""The refusals of the notices service."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.errors import Conflict, FieldError, Forbidden, InvalidInput

__all__ = ["DuplicateNotice", "NotPublishable", "NoticeOfAnother", "NoticeRejected"]


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


class NoticeOfAnother(Forbidden):
    """The notice names another buyer than the caller's organisation."""

    slug = "notice-of-another-buyer"
    title, title_en = "Avis d'un autre acheteur", "Another buyer's notice"


class DuplicateNotice(Conflict):
    """A notice with this identifier is already known."""

    slug = "duplicate-notice"
    title, title_en = "Avis déjà connu", "Notice already known"
