"""The words of mails, in French then English (the other way round for those who ask), as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.mail.message import Content, one_line
from libs.common.mail.words import english_time, french_time, page, render
from services.alerts.domain import Found, Mail, News
from services.alerts.mails.reasons import tell
from services.alerts.mails.sections import Section, sorted_out
from services.alerts.mails.topics import TOPICS

__all__ = [
    "DIGEST_SUBJECT",
    "INCIDENT_SUBJECT",
    "LETTER_SUBJECT",
    "NEWS_SUBJECTS",
    "DigestLinks",
    "alert",
    "alert_subject",
    "answer_title",
    "digest",
    "letter",
    "news",
    "service",
    "unsubscribe_page",
]

LETTER_SUBJECT = "Un courrier vous attend / A letter waits for you"
"""Neither the kind nor the object of the letter: a mail is read by others."""
INCIDENT_SUBJECT = "Incident près de votre date limite / Incident near your deadline"
NEWS_SUBJECTS = {
    "change": "Consultation modifiée",
    "answer": "Réponse à une question",
    "abandonment": "Déclaration sans suite",
    "award": "Résultat de la consultation",
}
_NEWS_ENGLISH = {
    "change": "Procedure changed",
    "answer": "Answer to a question",
    "abandonment": "Procedure or lots abandoned",
    "award": "Result of the procedure",
}
DIGEST_SUBJECT = "Vos alertes"
MAX_TOLD = 50
"""Notices of one section; the others are counted, and read on the platform."""
_SECTIONS = {
    Section.LAST_CHANCE: ("Derniers jours pour répondre", "Last days to answer"),
    Section.NEW: ("Nouveaux avis", "New notices"),
    Section.CHANGED: ("Consultations modifiées", "Changed procedures"),
    Section.AWARDED: ("Marchés attribués", "Awarded contracts"),
}
_PACKAGE = "services.alerts.mails"


@dataclass(frozen=True, slots=True)
class DigestLinks:
    """Where the links of a digest lead."""

    root: str
    unsubscribe: str
    manage: str | None
    """Where a person without an account changes what they are told of."""


def alert_subject(title: str, kind: str = "contract") -> str:
    """Give the subject of an alert: the notice's title, or that of an answer, made safe for a header."""
    return one_line(title if kind == "answer" else f"Nouvel avis : {title}")


def answer_title(title: str) -> str:
    """Give the title under which an answer is told, from that of its notice."""
    return f"Réponse à une question / Answer to a question : {title}"


def alert(subject: str, found: Sequence[Found], *, language: str, notice_url: str, unsubscribe_url: str) -> Content:
    """Give the mail of a notice that one or more searches of the addressee found."""
    values = {**_notice(found), "notice_url": notice_url, "unsubscribe_url": unsubscribe_url}
    return render(_PACKAGE, "alert", subject, values, language=language)


def letter(subject: str, letter_id: UUID, *, language: str, letter_url: str, procedure: UUID | None) -> Content:
    """Give the mail that tells of a letter, never its content."""
    values = {"letter_id": str(letter_id), "letter_url": letter_url, "procedure": str(procedure) if procedure else None}
    return render(_PACKAGE, "letter", subject, values, language=language)


def news(found: News, *, language: str, page_url: str, unsubscribe_url: str | None) -> Content:
    """Give the mail of a change or an answer; it does not say whether its addressee deposited."""
    title = found.title or ""
    subject = one_line(f"{NEWS_SUBJECTS[found.kind]} : {title}" if title else NEWS_SUBJECTS[found.kind])
    values = {
        "heading_fr": NEWS_SUBJECTS[found.kind],
        "heading_en": _NEWS_ENGLISH[found.kind],
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


def digest(found: Sequence[Sequence[Found]], *, language: str, now: datetime, links: DigestLinks) -> Content:
    """Give the mail of a run: each notice, with all the searches of the person that found it, in its section."""
    sections = sorted_out(found, now)
    count = sum(len(each) for _, each in sections)
    subject = (
        f"{DIGEST_SUBJECT} : {count} avis" if language == "fr" else f"Your alerts: {count} notice{'s' * (count > 1)}"
    )
    values = {
        "sections": [
            (_SECTIONS[section], [_told(each, links) for each in notices[:MAX_TOLD]]) for section, notices in sections
        ],
        "count": count,
        "left_out": sum(len(notices[MAX_TOLD:]) for _, notices in sections),
        "root_url": links.root,
        "unsubscribe_url": links.unsubscribe,
        "manage_url": links.manage,
    }
    return render(_PACKAGE, "digest", subject, values, language=language)


def _told(found: Sequence[Found], links: DigestLinks) -> dict[str, Any]:
    return {**_notice(found), "notice_url": f"{links.root}/notices/v1/notices/{found[0].shown}"}


def _notice(found: Sequence[Found]) -> dict[str, Any]:
    """Give what mails say of a notice and of the searches that found it."""
    notice = found[0]
    return {
        "title": one_line(notice.title, 400),
        "buyer": one_line(notice.buyer_name, 200),
        "departments": ", ".join(notice.departments),
        "deadline_fr": french_time(notice.deadline) if notice.deadline else None,
        "deadline_en": english_time(notice.deadline) if notice.deadline else None,
        "found": [_reasons(each) for each in found],
    }


def service(mail: Mail, *, language: str, public_url: str) -> Content:
    """Give a service mail: that something happened and where it is read, never what."""
    topic = TOPICS[mail.topic or ""]
    values = {
        "topic": topic,
        "link": public_url + topic.path.format(procedure=mail.procedure, subject=mail.subject_id),
        "procedure": str(mail.procedure) if mail.procedure else None,
    }
    return render(_PACKAGE, "service", topic.subject, values, language=language)


def unsubscribe_page(*, one: bool, done: bool, stale: bool) -> str:
    """Give the page that asks to confirm an unsubscription, from `one` search or all; or says that it is done, or why not."""
    return page(_PACKAGE, "unsubscribe", one=one, done=done, stale=stale)


def _reasons(found: Found) -> dict[str, str]:
    return {
        "name": one_line(found.search),
        "summary": found.summary,
        "summary_en": found.summary_en,
        "why_fr": tell(found.reasons, "fr"),
        "why_en": tell(found.reasons, "en"),
    }
