"""What of a notice is public: what it withholds at its publication, its disclosure when the day comes, and its public file."""

from __future__ import annotations

from typing import Final

import structlog

from libs.common.actor import Actor
from libs.common.errors import Conflict
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import events
from services.notices.disclosure import public_file, public_xml, read_withheld
from services.notices.domain.notice import Notice
from services.notices.domain.withheld import Withheld
from services.notices.eforms import xml
from services.notices.eforms.apart import apart
from services.notices.service import representations, roles
from services.notices.service.sources import source_of
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store

__all__ = ["asked_by", "disclose_due", "public_eforms", "readable_file", "withheld"]

_AT_ONCE: Final = 50
_MARK: Final = b"FieldsPrivacy"
"""Without it in its bytes, a notice withholds nothing, and need not be parsed."""
_log = structlog.get_logger(__name__)


async def withheld(uow: Uow, notice: Notice) -> tuple[Withheld, ...]:
    """Give what a notice asks to be withheld: what its file says, or that of the notice it corrects."""
    return await asked_by(await source_of(uow.runtime, uow.conn, notice))


async def asked_by(source: bytes | None) -> tuple[Withheld, ...]:
    """Give what an eForms file asks to be withheld."""
    return await apart(lambda: read_withheld(xml.parse(source))) if source and _MARK in source else ()


async def disclose_due(runtime: Runtime) -> None:
    """Make public the withheld values whose day came."""
    while True:
        async with runtime.read() as conn:
            due = await store.to_reveal(conn, runtime.clock.now(), _AT_ONCE)
        for notice_id in due:
            async with runtime.uow() as uow:
                notice = await store.lock_notice(uow.conn, notice_id)
                if notice is not None and any(not each.holds(uow.now()) for each in notice.withheld):
                    await _disclose(uow, notice)
        if len(due) < _AT_ONCE:
            return


async def _disclose(uow: Uow, notice: Notice) -> None:
    disclosed = notice.disclosed(uow.now())
    await store.save_notice(uow.conn, disclosed, uow.now())
    await representations.keep(uow.conn, disclosed, uow.now())
    if disclosed.content.results != notice.content.results:
        await _tell_procedure(uow, disclosed)
    uow.emit(events.disclosed(disclosed, uow.now()))
    uow.audit("notice-disclosed", str(notice.notice_id))


async def _tell_procedure(uow: Uow, notice: Notice) -> None:
    """Have the procedure follow results that were withheld; where it went on meanwhile, it stays as it is."""
    procedure = await procedure_store.lock_procedure(uow.conn, notice.procedure_id)
    if procedure is None:
        return
    try:
        following = procedure.with_notice(notice)
    except Conflict:
        _log.warning("disclosed_results_came_late", notice_id=str(notice.notice_id))
        return
    await procedure_store.save_procedure(uow.conn, following, uow.now())


async def readable_file(runtime: Runtime, notice: Notice, actor: Actor | None) -> bytes | None:
    """Give the file that a notice was imported from as the caller may read it; None where it was not imported.

    To the buyer's people byte for byte; to the public without what is withheld and without personal data.
    """
    if notice.source is None:
        return None
    data = await runtime.storage.read(notice.source.key, notice.source.size)
    if await _is_own(runtime, notice, actor):
        return data
    return await apart(public_file, data, notice.source.media_type, runtime.clock.now())


async def public_eforms(runtime: Runtime, notice: Notice, written: bytes, actor: Actor | None) -> bytes:
    """Give the eForms XML of a notice as the caller may read it."""
    if await _is_own(runtime, notice, actor):
        return written
    return await apart(public_xml, written, runtime.clock.now())


async def _is_own(runtime: Runtime, notice: Notice, actor: Actor | None) -> bool:
    async with runtime.read() as conn:
        return await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
