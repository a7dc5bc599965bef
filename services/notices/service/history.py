"""Notices of before eForms, taken over as history: public from the day they were published elsewhere, never open for bids.

They pass no draft: nobody may change them, and no channel waits for them. Their procedure goes through its own graph, and is
closed at once where it would take bids. What history tells in another order than it happened (an award before its contract
notice) leaves the procedure as it is. No event tells of them: they are no news, and would wake the alerts of companies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

import asyncpg

from libs.common.errors import Conflict, FieldError, HallesError, InvalidInput
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.errors import NoticeRejected
from services.notices.legacy.contents import content_of
from services.notices.legacy.notice import LegacyNotice
from services.notices.service.imports import duplicate, keep_source, source_of
from services.notices.service.loading import LOADER
from services.notices.store import imports as store
from services.notices.store import notices as notice_store
from services.notices.store import procedures as procedure_store

__all__ = ["Recorded", "record"]

_PROCEDURES = UUID("0a3c7f1e-91b4-4c52-8f9e-6f0f5e2a7d44")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A notice of an old format, and what it was read from."""

    legacy: LegacyNotice
    data: bytes


async def record(runtime: Runtime, items: Sequence[Recorded]) -> list[HallesError | None]:
    """Take notices over, in one transaction; give the refusal of each, None for those that were taken.

    Where the database refuses the transaction, each is taken again in one of its own.
    """
    if not items:
        return []
    try:
        async with runtime.uow(actor=LOADER) as uow:
            return [await _recorded(uow, item) for item in items]
    except asyncpg.PostgresError as error:
        if len(items) == 1:
            told = f"La base de données ne peut pas garder cet avis : {error}."
            return [InvalidInput(told, f"The database cannot keep this notice: {error}.")]
        return [refusal for item in items for refusal in await record(runtime, [item])]


async def _recorded(uow: Uow, item: Recorded) -> HallesError | None:
    try:
        await _record(uow, item)
    except HallesError as error:  # raised before anything of it is written
        return error
    return None


async def _record(uow: Uow, item: Recorded) -> None:
    legacy, parsed = item.legacy, item.legacy.checked.notice
    if parsed is None or parsed.notice_id is None or legacy.published_at is None or not legacy.checked.accepted:
        raise NoticeRejected(
            [FieldError(f"{each.term} {each.path}", each.message, each.message_en) for each in legacy.checked.problems]
        )
    if legacy.published_at > uow.now():
        told = "La date de publication (BT-05) est à venir : un avis d'avant eForms est paru."
        raise NoticeRejected([FieldError("BT-05 /", told, "The date of publication (BT-05) is to come.")])
    if await notice_store.known_notices(uow.conn, [parsed.notice_id]):
        raise duplicate(parsed.notice_id)
    content = content_of(legacy, parsed)
    source = source_of(parsed.notice_id, item.data, legacy.media_type)
    notice = Notice(
        notice_id=parsed.notice_id,
        procedure_id=await _procedure_id(uow, legacy, parsed.notice_id, content.buyer.organisation),
        organisation=content.buyer.organisation,
        state=NoticeState.PUBLISHED,
        version=1,
        content=content,
        created_at=uow.now(),
        warnings=tuple(FieldError(each.term, each.message, each.message_en) for each in legacy.checked.warnings),
        source=source,
        published_at=legacy.published_at,
    )
    await _write(uow, notice, legacy.published_at)
    await keep_source(uow.runtime, source, item.data)


async def _procedure_id(uow: Uow, legacy: LegacyNotice, notice_id: UUID, organisation: str) -> UUID:
    """Give the procedure of the notice that this one follows, one of its own where that belongs to another buyer."""
    known = await notice_store.known_notices(uow.conn, legacy.follows) if legacy.follows else {}
    first = legacy.follows[0] if legacy.follows else notice_id
    wanted = next((known[each] for each in legacy.follows if each in known), uuid5(_PROCEDURES, str(first)))
    owners = await store.procedure_owners(uow.conn, [wanted])
    return wanted if owners.get(wanted, organisation) == organisation else uuid5(_PROCEDURES, str(notice_id))


async def _write(uow: Uow, notice: Notice, at: datetime) -> None:
    procedure = await procedure_store.ensure_procedure(
        uow.conn, notice.procedure_id, organisation=notice.organisation, title=notice.content.title, at=at
    )
    await notice_store.add_notices(uow.conn, [notice])
    following = _after(procedure, notice, at)
    if following is not procedure:
        await procedure_store.save_procedure(uow.conn, following, at)
    uow.audit("notice-recorded", str(notice.notice_id))


def _after(procedure: Procedure, notice: Notice, at: datetime) -> Procedure:
    """Give the procedure once the notice told of it, itself where its graph has no such edge; one that takes bids is closed.

    A correction of a competition that we do not know (it was published elsewhere) makes it closed.
    """
    try:
        following = procedure.with_notice(notice)
    except Conflict:
        if procedure.state is not ProcedureState.DRAFT:
            return procedure
        return replace(procedure, phase=ProcedureState.CLOSED, closed_at=at, version=procedure.version + 1)
    if following.state is not ProcedureState.OPEN:
        return following
    return replace(following.closed(following.deadline or at), version=following.version)
