"""Mails: queued with what causes them, composed and handed over by a job, their fate recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from libs.common.mail.message import Content, Envelope
from libs.common.mail.tokens import write_token
from libs.common.messages.alerts import AlertSentV1
from libs.common.messages.bids import IncidentDeclaredV1, LetterSentV1, RequestSentV1
from libs.common.messages.rounds import MessageSentV1
from libs.common.uow import Uow
from services.alerts.domain import Contact, Found, Mail, MailState, News
from services.alerts.mails import compose
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as store

__all__ = [
    "JOB", "close", "enqueue", "incident_near", "letter_waits", "message_waits", "request_waits", "write_alert", "write_letter",
    "write_news",
]  # fmt: skip

JOB = "mail"
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Transactional mails are due since ever: workers take the oldest due jobs first, so they leave ahead of all alerts."""
_SENDER_KNOWS = frozenset({"award", "rejection", "notification"})
"""Letters that the buyer itself wrote. Of a deposit receipt it may know nothing before the opening (R2132-9 CCP)."""


async def letter_waits(uow: Uow, event: LetterSentV1) -> None:
    """Tell the addressee that a letter waits; without an address, say so to the operator and to the sender."""
    await _letter_of(uow, event, event.buyer if event.kind in _SENDER_KNOWS else None)


async def request_waits(uow: Uow, event: RequestSentV1) -> None:
    """Tell a bidder that a request of the buyer waits; without an address, say so to the operator and to the buyer."""
    await _letter_of(uow, event, event.buyer)


async def _letter_of(uow: Uow, event: LetterSentV1 | RequestSentV1, sender: str | None) -> None:
    queued = await store.queue_letter(
        uow.conn,
        event.organisation,
        letter_id=event.letter_id,
        procedure=event.procedure,
        sender=sender,
        subject=compose.LETTER_SUBJECT,
        at=uow.now(),
    )
    if queued and queued.state is MailState.DUE:
        enqueue(uow, queued.mail_id, kind="letter")


async def message_waits(uow: Uow, event: MessageSentV1) -> None:
    """Tell the addressee that a message waits; of one that nobody read, by the same mail again."""
    if event.reminder:
        for mail_id, times in await store.requeue_letter(uow.conn, event.letter_id):
            enqueue(uow, mail_id, kind="letter", times=times)
        return
    queued = await store.queue_letter(
        uow.conn,
        event.organisation,
        letter_id=event.letter_id,
        procedure=event.procedure,
        sender=event.buyer,
        subject=compose.LETTER_SUBJECT,
        at=uow.now(),
    )
    if queued and queued.state is MailState.DUE:
        enqueue(uow, queued.mail_id, kind="letter")


async def incident_near(uow: Uow, event: IncidentDeclaredV1) -> None:
    """Tell a buyer that a letter about an incident of the platform waits."""
    queued = await store.queue_letter(
        uow.conn,
        event.organisation,
        letter_id=event.aggregate_id,
        procedure=event.procedure,
        sender=None,
        subject=compose.INCIDENT_SUBJECT,
        at=uow.now(),
    )
    if queued and queued.state is MailState.DUE:
        enqueue(uow, queued.mail_id, kind="letter")


def enqueue(uow: Uow, mail_id: UUID, *, kind: str, times: int = 0) -> None:
    """Ask for a mail to be handed over; letters go ahead of alerts."""
    due_at = _FIRST if kind == "letter" else None
    uow.enqueue(JOB, key=f"{mail_id}:{times}", payload={"mail_id": str(mail_id)}, due_at=due_at)


def write_alert(settings: AlertsSettings, mail: Mail, contact: Contact, found: list[Found]) -> tuple[Envelope, Content]:
    """Compose an alert, with its one-click unsubscription."""
    token = write_token(settings.secret.get_secret_value(), contact.contact_id, contact.generation)
    unsubscribe = f"{settings.public_url}/alerts/v1/unsubscribe/{token}"
    content = compose.alert(
        mail.subject,
        found,
        language=contact.language,
        notice_url=f"{settings.public_url}/notices/v1/notices/{mail.subject_id}",
        unsubscribe_url=unsubscribe,
    )
    return _envelope(settings, mail, contact, unsubscribe), content


def write_letter(settings: AlertsSettings, mail: Mail, contact: Contact) -> tuple[Envelope, Content]:
    """Compose the mail that tells of a letter."""
    content = compose.letter(
        mail.subject,
        mail.subject_id,
        language=contact.language,
        letter_url=f"{settings.public_url}/bids/v1/letters/{mail.subject_id}",
        procedure=mail.procedure,
    )
    return _envelope(settings, mail, contact, None), content


def write_news(settings: AlertsSettings, mail: Mail, contact: Contact, found: News) -> tuple[Envelope, Content]:
    """Compose the mail of a change or an answer; with its unsubscription where it was subscribed to."""
    token = write_token(settings.secret.get_secret_value(), contact.contact_id, contact.generation)
    unsubscribe = None if found.needed else f"{settings.public_url}/alerts/v1/unsubscribe/{token}"
    page = f"{settings.public_url}/notices/v1/procedures/{found.procedure}"
    content = compose.news(found, language=contact.language, page_url=page, unsubscribe_url=unsubscribe)
    return _envelope(settings, mail, contact, unsubscribe), content


async def close(uow: Uow, mail_id: UUID, state: MailState, reason: str | None = None) -> None:
    """Record what became of a mail, and tell the platform of one that was handed over."""
    now = uow.now()
    at = now if state is MailState.SENT else None
    closed = await store.close(uow.conn, mail_id, state, reason=reason, at=at)
    if closed is None or state is not MailState.SENT:
        return
    uow.emit(
        AlertSentV1(
            aggregate_id=mail_id,
            aggregate_version=1,
            organisation=closed.organisation,
            procedure=closed.procedure,
            occurred_at=now,
            mail_id=mail_id,
            kind=closed.kind,
            letter_id=closed.subject_id if closed.kind == "letter" else None,
        )
    )


def _envelope(settings: AlertsSettings, mail: Mail, contact: Contact, unsubscribe: str | None) -> Envelope:
    return Envelope(mail.mail_id, settings.mail_from, contact.email, settings.mail_domain, unsubscribe)
