"""What workers do outside the database: hand mails to the mail server, call partners."""

from __future__ import annotations

from uuid import UUID

from libs.common.mail.message import Content, Envelope, build
from libs.common.mail.smtp import Mailer, hand_over
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs
from libs.common.uow import Uow
from services.alerts.domain import Contact, Mail, MailState
from services.alerts.service import mails as mail_service
from services.alerts.service import webhooks as webhook_service
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import news as news_store
from services.alerts.store import webhooks as webhook_store
from services.alerts.webhooks.client import Call, Caller

__all__ = ["JOBS"]

JOBS = Jobs()


@JOBS.on(mail_service.JOB)
async def send_mail(runtime: Runtime, job: Job) -> Completion | None:
    """Compose a mail with the address of this moment and hand it over, under the same Message-ID each time."""
    mail_id = UUID(job.payload["mail_id"])
    async with runtime.read() as conn:
        mail = await mail_store.get(conn, mail_id)
    if mail is None or mail.state is not MailState.DUE:
        return None
    written = await _write(runtime, mail)
    if isinstance(written, MailState):
        return _closing(mail_id, written)
    mailer = runtime.port(Mailer)  # type: ignore[type-abstract]  # a port is named by its protocol
    fate, reason = await hand_over(mailer, build(*written), attempt=job.attempt)
    return _closing(mail_id, MailState(fate), reason)


@JOBS.on(webhook_service.JOB)
async def call_webhook(runtime: Runtime, job: Job) -> Completion | None:
    """Make one attempt at a delivery; its identity at the partner is the event's own."""
    async with runtime.read() as conn:
        delivery = await webhook_store.delivery(conn, UUID(job.payload["delivery_id"]))
    if delivery is None:
        return None
    secret = webhook_service.secret_of(runtime.port(AlertsSettings), delivery.webhook_id)
    call = Call(delivery.url, str(delivery.event_id), delivery.body.encode(), secret)
    answer = await runtime.port(Caller).post(call)

    async def keep(uow: Uow) -> None:
        await webhook_service.record(uow, delivery, answer)

    return keep


async def _write(runtime: Runtime, mail: Mail) -> tuple[Envelope, Content] | MailState:
    """Compose a mail, or say why it does not leave any more."""
    settings, contact = runtime.port(AlertsSettings), mail.contact
    if contact is None:
        return MailState.UNDELIVERABLE
    if mail.kind == "letter":
        return mail_service.write_letter(settings, mail, contact)
    if mail.kind == "news":
        return await _write_news(runtime, mail, contact)
    if not contact.alerts:
        return MailState.SUPPRESSED
    async with runtime.read() as conn:
        found = await mail_store.why(conn, mail.mail_id)
    if not found:
        return MailState.SUPPRESSED
    return mail_service.write_alert(settings, mail, contact, found)


class NewsNotKnownError(Exception):
    """The services tell of a news in any order: what it says has not come yet. The job is tried again."""


async def _write_news(runtime: Runtime, mail: Mail, contact: Contact) -> tuple[Envelope, Content] | MailState:
    async with runtime.read() as conn:
        found = await news_store.of_mail(conn, mail.mail_id)
    if found is None:
        raise NewsNotKnownError(mail.subject_id)
    if not (found.needed or contact.alerts):
        return MailState.SUPPRESSED
    return mail_service.write_news(runtime.port(AlertsSettings), mail, contact, found)


_WHY = {MailState.UNDELIVERABLE: "no contact", MailState.SUPPRESSED: "no longer wanted"}


def _closing(mail_id: UUID, state: MailState, reason: str | None = None) -> Completion:
    async def close(uow: Uow) -> None:
        await mail_service.close(uow, mail_id, state, reason or _WHY.get(state))

    return close
