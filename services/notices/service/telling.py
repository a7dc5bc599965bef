"""Changes and answers, told by mail to those who took the documents under their name and asked to be told.

What is told is read when the mail leaves, and so is the address: who withdrew meanwhile gets nothing.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from libs.common.mail.message import Content, Envelope
from libs.common.mail.returns import return_path
from libs.common.mail.smtp import Fate
from libs.common.messages.notices import (
    AnswerPublishedV1,
    NoticePublishedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.procedure import ProcedureState
from services.notices.mails import compose
from services.notices.service import registers
from services.notices.settings import NoticesSettings
from services.notices.store import documents as document_store
from services.notices.store import notices as notice_store
from services.notices.store import procedures as procedure_store
from services.notices.store import questions as question_store
from services.notices.store import registers as store
from services.notices.store.registers import DueMail, Registrant

__all__ = ["JOB", "close", "tell_of_answer", "tell_of_change", "tell_of_standing", "write"]

JOB: Final = "mail"


async def tell_of_change(uow: Uow, event: NoticePublishedV1) -> None:
    """Queue the mails of a change notice: of documents, of dates, of whatever it corrects; not of a running contract's."""
    if event.notice.kind == "change" and event.notice.modification is None and event.procedure is not None:
        await _queue(uow, event.procedure, "change", event.notice.notice_id, 1)


async def tell_of_standing(uow: Uow, event: ProcedureSuspendedV1 | ProcedureResumedV1) -> None:
    """Queue the mails of a procedure that is suspended, or goes on."""
    await _queue(uow, event.aggregate_id, "change", event.aggregate_id, event.aggregate_version)


async def tell_of_answer(uow: Uow, event: AnswerPublishedV1) -> None:
    """Queue the mails of a public answer; of each correction of it too."""
    if event.procedure is not None:
        await _queue(uow, event.procedure, "answer", event.aggregate_id, event.aggregate_version)


async def _queue(uow: Uow, procedure_id: UUID, kind: str, subject_id: UUID, version: int) -> None:
    for mail_id in await store.queue_mails(uow.conn, procedure_id, kind, subject_id, version, uow.now()):
        uow.enqueue(JOB, key=str(mail_id), payload={"mail_id": str(mail_id)})


async def write(runtime: Runtime, mail: DueMail) -> tuple[Envelope, Content] | None:
    """Compose a mail; None when it is wanted no more, or its subject is gone or was corrected since."""
    if not mail.to.consent or mail.to.email is None:
        return None
    written = await (_answer if mail.kind == "answer" else _change)(runtime, mail)
    if written is None:
        return None
    settings = runtime.port(NoticesSettings)
    withdraw_url = _withdraw_url(runtime, mail.to)
    back = return_path(settings, mail.mail_id, mail.to.email)
    return Envelope(mail.mail_id, settings.mail_from, mail.to.email, settings.mail_domain, withdraw_url, back), written


async def _answer(runtime: Runtime, mail: DueMail) -> Content | None:
    async with runtime.read() as conn:
        question = await question_store.get_question(conn, mail.subject_id)
    if (
        question is None
        or question.question is None
        or question.answer is None
        or question.version > mail.subject_version
    ):
        return None
    about = await _about(runtime, mail.to)
    corrected = question.answered_at != question.first_answered_at
    return compose.answer(about, question.question, question.answer, corrected=corrected) if about else None


async def _standing(runtime: Runtime, mail: DueMail) -> Content | None:
    async with runtime.read() as conn:
        procedure = await procedure_store.get_procedure(conn, mail.subject_id)
    about = await _about(runtime, mail.to)
    if procedure is None or about is None:
        return None
    return compose.standing(about, suspended=procedure.state is ProcedureState.SUSPENDED)


async def _change(runtime: Runtime, mail: DueMail) -> Content | None:
    if mail.subject_id == mail.to.procedure_id:
        return await _standing(runtime, mail)
    async with runtime.read() as conn:
        notice = await notice_store.get_notice(conn, mail.subject_id)
        found = await document_store.published_documents(conn, mail.to.procedure_id)
    about = await _about(runtime, mail.to)
    if notice is None or about is None:
        return None
    told = notice.content.change.description if notice.content.change else None
    brought = [each for each in found if each.notice_id == notice.notice_id]
    return compose.change(about, told or "", brought)


async def _about(runtime: Runtime, to: Registrant) -> compose.About | None:
    async with runtime.read() as conn:
        procedure = await procedure_store.get_procedure(conn, to.procedure_id)
        notice_id = procedure.notice_id if procedure else None
        notice = await notice_store.get_notice(conn, notice_id) if notice_id else None
    if procedure is None:
        return None
    root = f"{runtime.settings.public_url}/notices/v1"
    key = registers.download_key(runtime, to)
    return compose.About(
        title=procedure.title,
        buyer=notice.content.buyer.name if notice else "",
        deadline=procedure.deadline,
        archive_url=f"{root}/procedures/{procedure.procedure_id}/documents.zip?key={key}",
        page_url=f"{root}/notices/{notice_id}/page" if notice_id else f"{root}/procedures/{procedure.procedure_id}",
        withdraw_url=_withdraw_url(runtime, to),
    )


def _withdraw_url(runtime: Runtime, to: Registrant) -> str:
    return f"{runtime.settings.public_url}/notices/v1/consent/{registers.consent_token(runtime, to)}"


async def close(uow: Uow, mail_id: UUID, fate: Fate | None, reason: str | None) -> None:
    """Record what became of a mail; `fate` None: it was wanted no more."""
    sent_at = uow.now() if fate is Fate.SENT else None
    await store.close_mail(uow.conn, mail_id, fate or "suppressed", reason, sent_at)
