"""Mails to those who took documents, come back: an address that is not there, or calls them unwanted, is told nothing more."""

from __future__ import annotations

from uuid import UUID

from libs.common.mail.receiving import Outcome, named
from libs.common.mail.reports import Kind, Report
from libs.common.mail.returns import Returned, digest_of
from libs.common.mail.smtp import Handed
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.service import telling
from services.notices.settings import NoticesSettings
from services.notices.store import registers as store

__all__ = ["receive", "refused"]


async def receive(runtime: Runtime, raw: bytes) -> Outcome:
    """Take a report in. A forged one changes nothing, and so does one that came before."""
    said = named(runtime.port(NoticesSettings), raw)
    if isinstance(said, Outcome):
        return said
    async with runtime.uow() as uow:
        return await _keep(uow, *said)


async def _keep(uow: Uow, report: Report, returned: Returned) -> Outcome:
    if not await store.returned(uow.conn, returned.mail_id, f"{report.kind} {report.status or ''}".strip()):
        return Outcome.KNOWN
    if report.kind is not Kind.SOFT:
        await _leave_alone(uow, returned.mail_id, returned)
    return Outcome(report.kind)


async def refused(mail_id: UUID, handed: Handed, uow: Uow) -> None:
    """Keep that the mail server calls an address unknown, and write to it no more."""
    await telling.close(uow, mail_id, handed.fate, handed.reason)
    await _leave_alone(uow, mail_id, None)


async def _leave_alone(uow: Uow, mail_id: UUID, returned: Returned | None) -> None:
    """End the consent of whoever has the address, and forget it: it served nothing else. Registering again gives a new one."""
    to = await store.registrant_of_mail(uow.conn, mail_id)
    if to is None or to.email is None:
        return
    digest = digest_of(uow.runtime.port(NoticesSettings), to.email)
    if returned is None or returned.names(digest):  # else another address was given since
        await store.withdraw_consent(uow.conn, to.registrant_id, to.generation, uow.now())
        uow.audit("notices.register.returned", str(to.registrant_id))
