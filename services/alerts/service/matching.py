"""A published notice against every distinct criteria, once; one mail to each organisation that it fits."""

from __future__ import annotations

from uuid import UUID

from libs.common.messages.notices import Notice
from libs.common.uow import Uow
from services.alerts.domain import MailState
from services.alerts.mails.compose import alert_subject
from services.alerts.matching.match import Reason, match
from services.alerts.service.mails import enqueue
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as store
from services.alerts.subject import subject_of

__all__ = ["match_notice"]


async def match_notice(uow: Uow, procedure: UUID | None, notice: Notice) -> None:
    """Write all the matches of a notice and queue its mails, in one transaction."""
    subject = subject_of(notice)
    await store.keep_notice(uow.conn, notice, procedure=procedure, cpv=subject.cpv, departments=subject.departments)
    found: dict[UUID, list[Reason]] = {}
    for criteria_id, criteria in await store.candidates(uow.conn, sorted(subject.terms())):
        reasons = match(criteria, subject)
        if reasons is not None:
            found[criteria_id] = reasons
    if not found:
        return
    now = uow.now()
    await store.keep_matches(uow.conn, notice, found, now)
    queued = await mail_store.queue_alerts(
        uow.conn,
        list(found),
        notice_id=notice.notice_id,
        procedure=procedure,
        subject=alert_subject(notice.title),
        at=now,
    )
    for mail in queued:
        if mail.state is MailState.DUE:
            enqueue(uow, mail.mail_id, kind="alert")
