"""Published notices and answers are kept, then each slot of searches is held against them once.

What a notice matched, the mails of it and the mark that a slot was held against it are one transaction: whoever is killed,
whoever else holds the same slot for a moment, each match is told once and none is missed (docs/adr/0044).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.common.messages.notices import AnswerPublishedV1, Notice, NoticePublishedV1
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.mails import compose
from services.alerts.mails.metrics import NOTICES
from services.alerts.matching.match import Reason
from services.alerts.matching.notice import Subject
from services.alerts.service import digests
from services.alerts.settings import AlertsSettings
from services.alerts.store import matching as store
from services.alerts.store.digests import Told
from services.alerts.store.matching import Early, Kept, Waiting
from services.alerts.subject import phase_of, said_of, subject_of_said

__all__ = ["ALL", "PREVIEWED", "SLOTS", "feature_number", "forget_old", "keep_answer", "keep_notice", "slot_of", "take_early", "tell"]  # fmt: skip

SLOTS: Final = 16
"""Parts of all searches; a worker holds some of them."""
ALL: Final = (1 << SLOTS) - 1
"""Every slot, a bit each."""
PREVIEWED: Final = timedelta(days=30)
"""How far back a search is tried out."""
_ANSWER: Final = "answer"
_MONTH: Final = timedelta(days=30.5)
_AT_ONCE: Final = 1_000


def slot_of(criteria_id: UUID) -> int:
    """Give the slot of criteria: the first hexadecimal digit of their random identifier."""
    return criteria_id.int >> 124


def feature_number(feature: str) -> int:
    """Give the number of a feature as previews look it up: CRC-32, signed."""
    number = zlib.crc32(feature.encode())
    return number - (1 << 32) if number >= 1 << 31 else number


async def keep_notice(uow: Uow, event: NoticePublishedV1) -> None:
    """Keep a published notice and have it matched, unless this version or a newer one is kept already."""
    notice = event.notice
    if await _keep(uow, _kept(notice, event.procedure), phase_of(notice), said_of(notice)):
        NOTICES.inc()


async def keep_answer(uow: Uow, event: AnswerPublishedV1) -> None:
    """Have an answer matched as its notice is, in the phase of answers; one that comes before its notice waits for it."""
    if event.procedure is not None:
        identity = uuid5(NAMESPACE_URL, f"urn:halles:alert:answer:{event.aggregate_id}")
        early = Early(identity, event.procedure, event.aggregate_version, event.published_at)
        if not await _keep_answer(uow, early):
            await store.keep_early(uow.conn, early)


async def take_early(runtime: Runtime) -> None:
    """Have answers matched that came before their notice, now that it is there."""
    async with runtime.uow() as uow:
        for early in await store.take_early(uow.conn, _AT_ONCE):
            await _keep_answer(uow, early)


async def tell(runtime: Runtime, notice: Waiting, slots: int, found: Mapping[UUID, Sequence[Reason]]) -> None:
    """Write what some slots (a bit each) found in a notice, queue its mails and mark these slots: all of it, or nothing.

    Slots that were marked meanwhile are left out; so is all of it when another version of the notice came.
    """
    async with runtime.uow() as uow:
        done = await store.lock_waiting(uow.conn, notice.notice_id, notice.version)
        if done is None:
            return
        due = slots & ~done
        fits = {criteria_id: why for criteria_id, why in found.items() if due >> slot_of(criteria_id) & 1}
        if fits:
            await store.keep_matches(uow.conn, notice, fits, uow.now())
            told = Told(notice.notice_id, notice.procedure, notice.buyer)
            await digests.tell(uow, list(fits), told, compose.alert_subject(notice.title, notice.kind))
        await store.mark_matched(uow.conn, notice.notice_id, done | slots, last=done | slots == ALL)


async def forget_old(runtime: Runtime) -> None:
    """Forget what was said in notices that ended so many months ago, and the features of those too old for previews."""
    now = runtime.clock.now()
    before = now - runtime.port(AlertsSettings).notices_kept_months * _MONTH
    async with runtime.uow() as uow:
        await store.forget_early(uow.conn, before)
    for forget, until in ((store.forget_features, now - PREVIEWED), (store.forget_notices, before)):
        gone = _AT_ONCE
        while gone == _AT_ONCE:
            async with runtime.uow() as uow:
                gone = await forget(uow.conn, until, _AT_ONCE)


async def _keep_answer(uow: Uow, early: Early) -> bool:
    """Keep an answer as a notice of its own; False when no notice of its procedure is known yet."""
    row = await store.last_notice(uow.conn, early.procedure)
    if row is None:
        return False
    about = dict(row)
    said, notice_id = about.pop("said"), about.pop("notice_id")
    title = compose.answer_title(about.pop("title"))
    kept = Kept(
        notice_id=early.answer_id,
        version=early.version,
        kind=_ANSWER,
        title=title,
        published_at=early.published_at,
        about=notice_id,
        **about,
    )
    await _keep(uow, kept, _ANSWER, said)
    return True


async def _keep(uow: Uow, kept: Kept, phase: str, said: Mapping[str, Any]) -> bool:
    subject = subject_of_said(said, phase=phase, at=kept.published_at, deadline=kept.deadline)
    return await store.keep_notice(uow.conn, kept, phase, said, _features(subject))


def _kept(notice: Notice, procedure: UUID | None) -> Kept:
    said = said_of(notice)
    return Kept(
        notice_id=notice.notice_id,
        version=notice.version,
        procedure=procedure,
        kind=notice.kind,
        title=notice.title,
        buyer_name=notice.buyer.name,
        cpv=said["cpv"],
        departments=sorted(said["terms"]["departments"]),
        deadline=notice.deadline,
        published_at=notice.published_at,
        buyer=notice.buyer.organisation,
    )


def _features(subject: Subject) -> list[int]:
    return sorted({feature_number(each) for each in subject.features()})
