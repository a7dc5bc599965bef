"""The words of mails, in French then English (the other way round for those who ask), as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.common.mail.message import Content, one_line
from libs.common.mail.words import english_time, french_time, page, render
from services.alerts.domain import Found, News
from services.alerts.mails.reasons import tell

__all__ = [
    "INCIDENT_SUBJECT",
    "LETTER_SUBJECT",
    "NEWS_SUBJECTS",
    "alert",
    "alert_subject",
    "letter",
    "news",
    "unsubscribe_page",
]

LETTER_SUBJECT = "Un courrier vous attend / A letter waits for you"
"""Neither the kind nor the object of the letter: a mail is read by others."""
INCIDENT_SUBJECT = "Incident près de votre date limite / Incident near your deadline"
NEWS_SUBJECTS = {"change": "Consultation modifiée", "answer": "Réponse à une question"}
_PACKAGE = "services.alerts.mails"


def alert_subject(title: str) -> str:
    """Give the subject of an alert: the notice's title, made safe for a header."""
    return one_line(f"Nouvel avis : {title}")


def alert(subject: str, found: Sequence[Found], *, language: str, notice_url: str, unsubscribe_url: str) -> Content:
    """Give the mail of a notice that one or more searches of the addressee found."""
    notice = found[0]
    return render(
        _PACKAGE,
        "alert",
        subject,
        {
            "title": one_line(notice.title, 400),
            "buyer": one_line(notice.buyer_name, 200),
            "departments": ", ".join(notice.departments),
            "deadline_fr": french_time(notice.deadline) if notice.deadline else None,
            "deadline_en": english_time(notice.deadline) if notice.deadline else None,
            "found": [_reasons(each) for each in found],
            "notice_url": notice_url,
            "unsubscribe_url": unsubscribe_url,
        },
        language=language,
    )


def letter(subject: str, letter_id: UUID, *, language: str, letter_url: str, procedure: UUID | None) -> Content:
    """Give the mail that tells of a letter, never its content."""
    values = {"letter_id": str(letter_id), "letter_url": letter_url, "procedure": str(procedure) if procedure else None}
    return render(_PACKAGE, "letter", subject, values, language=language)


def news(found: News, *, language: str, page_url: str, unsubscribe_url: str | None) -> Content:
    """Give the mail of a change or an answer; it does not say whether its addressee deposited."""
    title = found.title or ""
    subject = one_line(f"{NEWS_SUBJECTS[found.kind]} : {title}" if title else NEWS_SUBJECTS[found.kind])
    values = {
        "kind": found.kind,
        "title": one_line(title, 400),
        "buyer": one_line(found.buyer_name or "", 200),
        "deadline_fr": french_time(found.deadline) if found.deadline else None,
        "deadline_en": english_time(found.deadline) if found.deadline else None,
        "question": found.question,
        "told": found.told,
        "page_url": page_url,
        "unsubscribe_url": unsubscribe_url,
    }
    return render(_PACKAGE, "news", subject, values, language=language)


def unsubscribe_page(*, done: bool) -> str:
    """Give the page that asks to confirm an unsubscription, or says that it is done."""
    return page(_PACKAGE, "unsubscribe", done=done)


def _reasons(found: Found) -> dict[str, str]:
    return {
        "name": one_line(found.search),
        "summary": found.summary,
        "summary_en": found.summary_en,
        "why_fr": tell(found.reasons, "fr"),
        "why_en": tell(found.reasons, "en"),
    }
