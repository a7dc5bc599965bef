"""The mails to people that are no alerts: the link that confirms, the link to all their alerts."""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import UUID

from libs.common.mail.message import Content, Envelope, build
from libs.common.mail.returns import digest_of, return_path
from libs.common.mail.smtp import Mailer, hand_over
from libs.common.mail.words import render
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.alerts.people import links, store
from services.alerts.people.domain import Purpose, Request, Subscriber
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store

__all__ = ["send_request"]

_PACKAGE: Final = "services.alerts.people"
_SUBJECTS: Final = {
    Purpose.SUBSCRIBE: ("Confirmez votre alerte", "Confirm your alert"),
    Purpose.FOLLOW: ("Confirmez le suivi d'une consultation", "Confirm that you follow a procedure"),
    Purpose.ACCOUNT: ("Confirmez votre adresse", "Confirm your address"),
    Purpose.LINK: ("Vos alertes", "Your alerts"),
    Purpose.ERASE: ("Confirmez l'effacement de vos données", "Confirm the erasure of your data"),
}


async def send_request(runtime: Runtime, job: Job) -> Completion | None:
    """Mail the link of a request; nothing when it is done, forgotten, or the address has no alerts to be linked to."""
    async with runtime.read() as conn:
        asked = await store.request(conn, UUID(job.payload["request_id"]))
        person = await store.subscriber(conn, asked.subscriber_id) if asked else None
    if asked is None or person is None or asked.used_at is not None:
        return None
    if asked.purpose is Purpose.LINK and person.confirmed_at is None:
        return None
    settings = runtime.port(AlertsSettings)
    envelope = Envelope(
        asked.request_id,
        settings.mail_from,
        person.email,
        settings.mail_domain,
        return_path=return_path(settings, asked.request_id, person.email),
    )
    mailer = runtime.port(Mailer)  # type: ignore[type-abstract]  # a port is named by its protocol
    handed = await hand_over(mailer, build(envelope, _content(settings, asked, person)), attempt=job.attempt)
    return partial(_leave_alone, digest_of(settings, person.email)) if handed.bad_address else None


async def _leave_alone(digest: bytes, uow: Uow) -> None:
    await mail_store.suppress(uow.conn, digest, "hard", None, uow.now())


def _content(settings: AlertsSettings, asked: Request, person: Subscriber) -> Content:
    known = asked.purpose is Purpose.LINK
    language = person.language if known else asked.language
    link = (
        links.manage(settings, person.subscriber_id, person.generation)
        if known
        else links.confirm(settings, asked.request_id)
    )
    values = {"purpose": asked.purpose.value, "link": link}  # none of the asker's words: a stranger may read them
    return render(_PACKAGE, "request", _SUBJECTS[asked.purpose][language == "en"], values, language=language)
