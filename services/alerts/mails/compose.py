"""The words of mails, in French then English (the other way round for those who ask), as text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import jinja2

from services.alerts.domain import Found
from services.alerts.mails.message import Content, one_line
from services.alerts.mails.reasons import tell

__all__ = ["LETTER_SUBJECT", "alert", "alert_subject", "letter", "unsubscribe_page"]

LETTER_SUBJECT = "Un courrier vous attend / A letter waits for you"
"""Neither the kind nor the object of the letter: a mail is read by others."""
_PARIS = ZoneInfo("Europe/Paris")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def alert_subject(title: str) -> str:
    """Give the subject of an alert: the notice's title, made safe for a header."""
    return one_line(f"Nouvel avis : {title}")


def alert(subject: str, found: Sequence[Found], *, language: str, notice_url: str, unsubscribe_url: str) -> Content:
    """Give the mail of a notice that one or more searches of the addressee found."""
    notice = found[0]
    return _render(
        "alert",
        subject,
        language,
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
    )


def letter(subject: str, letter_id: UUID, *, language: str, letter_url: str, procedure: UUID | None) -> Content:
    """Give the mail that tells of a letter, never its content."""
    values = {"letter_id": str(letter_id), "letter_url": letter_url, "procedure": str(procedure) if procedure else None}
    return _render("letter", subject, language, values)


def unsubscribe_page(*, done: bool) -> str:
    """Give the page that asks to confirm an unsubscription, or says that it is done."""
    return _templates().get_template("unsubscribe.html").render(done=done)


def french_time(at: datetime) -> str:
    """Give an instant as people of metropolitan France say it."""
    local = at.astimezone(_PARIS)
    day = "1er" if local.day == 1 else str(local.day)
    return f"{day} {_MONTHS[local.month - 1]} {local.year} à {local.hour}h{local.minute:02d} (heure de Paris)"


def english_time(at: datetime) -> str:
    """Give an instant in English, in Paris time."""
    return at.astimezone(_PARIS).strftime("%d %B %Y, %H:%M (Paris time)")


def _reasons(found: Found) -> dict[str, str]:
    return {
        "name": one_line(found.search),
        "summary": found.summary,
        "summary_en": found.summary_en,
        "why_fr": tell(found.reasons, "fr"),
        "why_en": tell(found.reasons, "en"),
    }


def _render(name: str, subject: str, language: str, values: Mapping[str, Any]) -> Content:
    languages = ["en", "fr"] if language == "en" else ["fr", "en"]
    given = {**values, "subject": subject, "languages": languages, "first": languages[0]}
    text = _templates().get_template(f"{name}.txt").render(given)
    return Content(subject, text.strip() + "\n", _templates().get_template(f"{name}.html").render(given))


@cache
def _templates() -> jinja2.Environment:
    """HTML is escaped, text is not; a name that a template misspells is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("services.alerts.mails"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
