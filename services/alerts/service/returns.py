"""Mails that come back: their addresses are written to no more, and whoever asked for the mail is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from libs.common.mail.receiving import Outcome, named
from libs.common.mail.reports import Kind, Report
from libs.common.mail.returns import Returned, digest_of
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.service.mails import tell_undelivered
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as store
from services.alerts.store import returns as return_store

__all__ = ["receive"]

SOFT_MOST: Final = 5
"""Mails that bounce softly within `SOFT_WITHIN` before an address is left alone for a while."""
SOFT_WITHIN: Final = timedelta(days=30)


async def receive(runtime: Runtime, raw: bytes) -> Outcome:
    """Take a report in. A forged one changes nothing, and so does one that came before."""
    settings = runtime.port(AlertsSettings)
    said = named(settings, raw)
    if isinstance(said, Outcome):
        return said
    report, returned = said
    async with runtime.uow() as uow:
        asked = await return_store.address_of_request(uow.conn, returned.mail_id)
        if asked is not None:
            return await _of_request(uow, digest_of(settings, asked), report, returned)
        return await _keep(uow, settings, report, returned)


async def _of_request(uow: Uow, digest: bytes, report: Report, returned: Returned) -> Outcome:
    """Leave an address alone that never confirmed anything; nobody is told: whoever typed it is a stranger."""
    if report.kind is not Kind.SOFT and returned.names(digest):
        await store.suppress(uow.conn, digest, report.kind, report.status, uow.now())
    return Outcome(report.kind)


async def _keep(uow: Uow, settings: AlertsSettings, report: Report, returned: Returned) -> Outcome:
    address = await return_store.address_of(uow.conn, returned.mail_id)
    digest = digest_of(settings, address) if address else None
    mine = digest if digest and returned.names(digest) else None  # another address was given since
    if not await return_store.keep(
        uow.conn, returned.mail_id, report.kind, mine or bytes(32), report.status, uow.now()
    ):
        return Outcome.KNOWN
    if report.kind is not Kind.COMPLAINT:
        closed = await return_store.bounce(uow.conn, returned.mail_id, f"{report.kind} bounce {report.status}")
        if closed is not None:
            await tell_undelivered(uow, closed.organisation, closed)
    if mine is not None and await _enough(uow, report.kind, mine):
        await store.suppress(uow.conn, mine, report.kind, report.status, uow.now())
    return Outcome(report.kind)


async def _enough(uow: Uow, kind: Kind, digest: bytes) -> bool:
    if kind is not Kind.SOFT:
        return True
    return await return_store.count_soft(uow.conn, digest, uow.now() - SOFT_WITHIN) >= SOFT_MOST
