"""The words of mails about changes and answers, in French then English, as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.mail.message import Content, one_line
from libs.common.mail.words import english_time, french_time, render
from services.notices.store.documents import PublishedDocument

__all__ = ["About", "answer", "change", "standing"]

_PACKAGE: Final = "services.notices.mails"


@dataclass(frozen=True, slots=True)
class About:
    """What every mail of a procedure says."""

    title: str
    buyer: str
    deadline: datetime | None
    archive_url: str
    """Of the documents, under the addressee's name."""
    page_url: str
    withdraw_url: str


def change(about: About, description: str, documents: Sequence[PublishedDocument]) -> Content:
    """Give the mail of a change notice, with the documents that it brings."""
    subject = one_line(f"Consultation modifiée : {about.title}")
    brought = [(one_line(each.document.reference.name, 200), each.document.version) for each in documents]
    return render(_PACKAGE, "change", subject, _values(about) | {"description": description, "documents": brought})


def answer(about: About, question: str, text: str, *, corrected: bool) -> Content:
    """Give the mail of a public answer."""
    told = "Réponse corrigée" if corrected else "Réponse à une question"
    subject = one_line(f"{told} : {about.title}")
    return render(
        _PACKAGE, "answer", subject, _values(about) | {"question": question, "answer": text, "corrected": corrected}
    )


def standing(about: About, *, suspended: bool) -> Content:
    """Give the mail of a procedure that is suspended, or goes on."""
    subject = one_line(f"Consultation {'suspendue' if suspended else 'reprise'} : {about.title}")
    return render(_PACKAGE, "standing", subject, _values(about) | {"suspended": suspended})


def _values(about: About) -> dict[str, object]:
    return {
        "title": one_line(about.title, 400),
        "buyer": one_line(about.buyer, 200),
        "deadline_fr": french_time(about.deadline) if about.deadline else None,
        "deadline_en": english_time(about.deadline) if about.deadline else None,
        "archive_url": about.archive_url,
        "page_url": about.page_url,
        "withdraw_url": about.withdraw_url,
    }
