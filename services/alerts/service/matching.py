"""A published notice against every distinct criteria, once; one mail to each organisation that it fits."""

from __future__ import annotations

from uuid import UUID

from libs.common.messages.notices import Notice
from libs.common.uow import Uow
from services.alerts.mails.metrics import NOTICES
from services.alerts.matching.anchors import EVERY
from services.alerts.matching.match import Reason, match
from services.alerts.service import digests
from services.alerts.store import searches as store
from services.alerts.store.digests import Told
from services.alerts.subject import subject_of

__all__ = ["match_notice"]


async def match_notice(uow: Uow, procedure: UUID | None, notice: Notice) -> None:
    """Write all the matches of a notice and queue its mails, in one transaction."""
    NOTICES.inc()
    subject = subject_of(notice)
    await store.keep_notice(
        uow.conn, notice, procedure=procedure, cpv=subject.cpv, departments=sorted(subject.has("departments"))
    )
    found: dict[UUID, list[Reason]] = {}
    for criteria_id, criteria in await store.candidates(uow.conn, [EVERY, *subject.features()]):
        reasons = match(criteria, subject)
        if reasons is not None:
            found[criteria_id] = reasons
    if not found:
        return
    await store.keep_matches(uow.conn, notice, found, uow.now())
    told = Told(notice.notice_id, procedure, notice.buyer.organisation)
    await digests.tell(uow, list(found), told, notice.title)
