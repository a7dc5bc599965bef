"""Mails, handed to the mail server by workers."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from libs.common.mail.domains import Domains
from libs.common.mail.message import build
from libs.common.mail.smtp import Fate, Mailer, hand_over
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs
from libs.common.uow import Uow
from services.notices.service import questions, returns, telling
from services.notices.store import registers as store

__all__ = ["JOBS"]

JOBS = Jobs()


@JOBS.on(telling.JOB)
async def send_mail(runtime: Runtime, job: Job) -> Completion | None:
    """Compose a mail with the address of this moment and hand it over, under the same Message-ID each time."""
    mail_id = UUID(job.payload["mail_id"])
    async with runtime.read() as conn:
        mail = await store.due_mail(conn, mail_id)
    if mail is None:
        return None
    written = await telling.write(runtime, mail)
    if written is None:
        return _closing(mail_id, None, "no longer wanted")
    mailer = runtime.port(Mailer)  # type: ignore[type-abstract]  # a port is named by its protocol
    domains, posting = runtime.port(Domains), build(*written)
    domain = posting.recipient.rpartition("@")[2].lower()
    domains.enter(domain)
    async with domains.turn(domain):
        handed = await hand_over(mailer, posting, attempt=job.attempt)
    if handed.bad_address:
        return partial(returns.refused, mail_id, handed)
    return _closing(mail_id, handed.fate, handed.reason)


@JOBS.on(questions.TELL_JOB)
async def tell_of_question(runtime: Runtime, job: Job) -> Completion:
    """Tell the buyer that a question came."""

    async def tell(uow: Uow) -> None:
        await questions.tell_buyer(uow, UUID(job.payload["question_id"]))

    return tell


def _closing(mail_id: UUID, fate: Fate | None, reason: str | None) -> Completion:
    async def close(uow: Uow) -> None:
        await telling.close(uow, mail_id, fate, reason)

    return close
