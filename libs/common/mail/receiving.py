"""Reports that come back: taken out of the operator's mailbox, each by one worker; forged ones change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

import structlog
from prometheus_client import Counter

from libs.common.mail import maildir
from libs.common.mail.reports import Report, read
from libs.common.mail.returns import Returned, read_return_path
from libs.common.mail.settings import ReturnSettings
from libs.common.runtime import Runtime

__all__ = ["Outcome", "Receive", "named", "take_in"]

_AT_ONCE: Final = 500  # taken in by one turn
_log = structlog.get_logger(__name__)
REPORTS = Counter("halles_mail_reports", "Reports of mails that did not arrive", ["outcome"])


class Outcome(StrEnum):
    """What became of a report."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    KNOWN = "known"
    """Reported before, or of a mail that is gone."""
    FORGED = "forged"
    """It names no mail of ours: nothing changed."""
    UNREADABLE = "unreadable"
    """No report of a mail that did not arrive: nothing changed."""


Receive = Callable[[Runtime, bytes], Awaitable[Outcome]]
"""Takes one report in."""


def named(settings: ReturnSettings, raw: bytes) -> tuple[Report, Returned] | Outcome:
    """Give what a report says and the mail that it names under our signature; why not, where it does not."""
    report = read(raw)
    if report is None:
        return Outcome.UNREADABLE
    returned = next((found for path in report.return_paths if (found := read_return_path(settings, path))), None)
    return Outcome.FORGED if returned is None else (report, returned)


async def take_in(runtime: Runtime, settings: ReturnSettings, receive: Receive) -> None:
    """Empty the mailbox of a service; a report that cannot be taken in now is tried again later."""
    folder = settings.mail_returns
    if folder is None:
        return
    for path, raw in await asyncio.to_thread(lambda: list(maildir.claim(folder, _AT_ONCE))):
        outcome = await receive(runtime, raw)
        REPORTS.labels(outcome).inc()
        _log.info("mail_report", outcome=outcome)
        await asyncio.to_thread(maildir.done, path)
