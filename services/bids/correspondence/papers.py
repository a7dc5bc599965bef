"""The paper of a message: what was written, as it was written; nothing of it is read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.letters import Paper
from services.bids.documents.pdf import Block, Rows, Text, render

__all__ = ["REGISTER_COLUMNS", "WORDS", "MessageKind", "Written", "message_paper", "register_pdf"]

MessageKind = Literal[
    "clarification", "completion", "negotiation", "information", "reply", "invitation", "selection", "request"
]  # fmt: skip
WORDS: dict[str, tuple[str, str]] = {
    "clarification": ("Demande de précisions (art. R2161-5 et R2161-18 CCP)", "Request to clarify"),
    "completion": ("Demande de compléments (art. R2144-2, R2144-6 et R2152-2 CCP)", "Request to complete"),
    "negotiation": ("Négociation (art. L2124-3 et R2123-5 CCP)", "Negotiation"),
    "information": ("Courrier", "Letter"),
    "reply": ("Réponse d'une entreprise", "Answer of a company"),
    "invitation": ("Invitation (art. R2144-8 et R2144-9 CCP)", "Invitation"),
    "selection": ("Suite donnée à une candidature (art. R2181-1 CCP)", "Outcome of an application"),
    "request": (
        "Demande à un candidat (art. R2144-2, R2144-4, R2152-1, R2152-3 et R2161-5 CCP)",
        "Request to a bidder",
    ),
    "award": ("Lettre d'attribution", "Award letter"),
    "rejection": ("Lettre de rejet", "Rejection letter"),
    "notification": ("Notification du marché", "Notification of the contract"),
    "receipt": ("Accusé de réception", "Receipt"),
    "admission": ("Suite donnée à un pli hors délai", "Decision on a late bid"),
    "reminder": ("Rappel : clés d'ouverture à essayer", "Reminder: opening keys to try"),
    "incident": ("Incident de la plateforme", "Incident of the platform"),
}
"""What each kind of letter is called."""
REGISTER_COLUMNS = (
    "courrier", "nature", "objet", "de", "à", "lot", "envoyé le", "remis le", "remis par", "courriel non remis", "lu le", "réponse avant le",
    "pièces", "sha256",
)  # fmt: skip
"""Of the register, as CSV and as a paper."""
_WIDTHS = (0.09, 0.09, 0.11, 0.08, 0.08, 0.04, 0.08, 0.08, 0.05, 0.08, 0.08, 0.07, 0.03, 0.04)


@dataclass(frozen=True)
class Written:
    """A message as its author wrote it, with the files it holds (name, SHA-256)."""

    kind: MessageKind
    subject: str
    text: str
    author: str
    addressee: str
    title: str
    at: datetime
    zone: ZoneInfo
    answer_due_at: datetime | None = None
    files: tuple[tuple[str, str], ...] = ()


def message_paper(written: Written) -> Paper:
    """Give the paper of a message."""
    french, english = WORDS[written.kind]
    paragraphs = [each for each in written.text.splitlines() if each.strip()]
    if written.answer_due_at is not None:
        paragraphs.append(f"Réponse attendue avant le {french_hour(written.answer_due_at, written.zone)}.")
    head: list[Block] = [
        Text(f"De : {written.author}\nÀ : {written.addressee}\nLe {french_hour(written.at, written.zone)}"),
        Text(f"{french}. Consultation : {written.title}"),
    ]
    files: list[Block] = []
    if written.files:
        files = [Rows((("pièce jointe", "SHA-256"), *written.files), (0.4, 0.6))]
    summary = f"{english}; the text is in French."
    pdf = render(written.subject, [*head, *(Text(each) for each in paragraphs), *files, Text(summary)])
    return Paper(written.kind, written.subject, tuple(paragraphs), summary, pdf)


def register_pdf(title: str, at: datetime, zone: ZoneInfo, rows: Sequence[Sequence[str]]) -> bytes:
    """Give the PDF of the register of correspondence, as it is at an instant."""
    told = Text(f"Établi le {french_hour(at, zone)} ({zone.key}). « Lu » est la première lecture par le destinataire.")
    table = Rows((REGISTER_COLUMNS, *(tuple(each) for each in rows)), _WIDTHS)
    body = table if rows else Text("Aucun courrier. / No letter.")
    return render("Registre des échanges", [Text(title), told, body])
