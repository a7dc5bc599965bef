"""Mails leave: claimed from their queue by priority, composed, handed over, their fates written many at once.

A worker that dies loses its leases; another sends what was in its hands again, under the same Message-ID.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import aiosmtplib
import structlog

from libs.common.db import Wake
from libs.common.jobs import BACKOFF, MAX_ATTEMPTS
from libs.common.mail.domains import Domains
from libs.common.mail.returns import digest_of
from libs.common.mail.smtp import Mailer, MailPostponedError, MailRefusedError
from libs.common.runtime import Runtime
from libs.common.service import Loop
from libs.common.stop import ringing
from services.alerts.domain import Claimed, MailState
from services.alerts.in_hand import InHand
from services.alerts.service import mails as mail_service
from services.alerts.service import writing
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as store
from services.alerts.store.mails import Ending, Later

__all__ = ["SENDING"]

MOST: Final = 400
"""Mails in the hands of one process."""
LEASE: Final = 60.0  # seconds
_TIME_LIMIT = 45.0  # seconds of one mail at the mail server
_FULL = timedelta(seconds=10)
"""Before a mail whose domain has enough in hand is looked at again."""
_log = structlog.get_logger(__name__)


class _Sender(InHand):
    """The mails in hand of one process."""

    not_taken = "mails_not_taken"

    def __init__(self, runtime: Runtime, wake: Wake | None = None) -> None:
        super().__init__(runtime, wake)
        settings = runtime.port(AlertsSettings)
        self._domains = Domains(at_once=settings.mails_per_domain, per_second=settings.mails_per_second)
        self._ended: list[Ending] = []
        self._later: list[Later] = []

    async def take(self) -> int:
        """Claim what there is room for and begin it; give how many mails that were."""
        room = MOST - len(self._running)
        if room <= MOST // 4:
            return 0
        async with self._runtime.read() as conn:
            claimed = await store.claim(
                conn, now=self._runtime.clock.now(), most=room, lease=self._lease, seconds=LEASE
            )
        prepared = await writing.prepare(self._runtime, claimed) if claimed else []
        for each, what in zip(claimed, prepared, strict=True):
            self._begin(each, what)
        return len(claimed)

    def _begin(self, claimed: Claimed, what: writing.Write | Ending | writing.NotYet) -> None:
        mail = claimed.mail
        if isinstance(what, Ending):
            self._ended.append(what)
        elif isinstance(what, writing.NotYet):
            self._postpone(claimed, "what it tells never came")
        elif self._domains.full(_domain(claimed)):
            self._later.append(Later(mail.mail_id, _FULL, tried=False))
        elif mail.mail_id not in self._running:
            self._domains.enter(_domain(claimed))
            task = asyncio.create_task(self._send(claimed, what), name="mail")
            self._running[mail.mail_id] = task
            task.add_done_callback(lambda _: self._done(mail.mail_id))

    def _done(self, mail_id: UUID) -> None:
        del self._running[mail_id]
        if self._wake is not None:
            self._wake.set()

    async def _send(self, claimed: Claimed, write: writing.Write) -> None:
        """Hand one mail over; whatever happens, its fate or its delay is noted."""
        mail_id = claimed.mail.mail_id
        mailer = self._runtime.port(Mailer)  # type: ignore[type-abstract]  # a port is named by its protocol
        try:
            async with self._domains.turn(_domain(claimed)), asyncio.timeout(_TIME_LIMIT):
                await mailer.send(write())
        except asyncio.CancelledError:
            self._later.append(Later(mail_id, timedelta(), tried=False))
            raise
        except MailRefusedError as error:
            self._ended.append(Ending(mail_id, MailState.REFUSED, str(error), self._bad_address(claimed, error)))
        except (MailPostponedError, aiosmtplib.SMTPException, OSError) as error:
            _log.info("mail_postponed", mail_id=str(mail_id), attempt=claimed.attempt, reason=_told(error))
            self._postpone(claimed, _told(error))
        except Exception:  # noqa: BLE001  # a loop: one mail that cannot be composed stops no other
            _log.exception("mail_not_written", mail_id=str(mail_id), attempt=claimed.attempt)
            self._postpone(claimed, "it could not be written")
        else:
            self._ended.append(Ending(mail_id, MailState.SENT))

    def _bad_address(self, claimed: Claimed, error: MailRefusedError) -> bytes | None:
        contact = claimed.mail.contact
        return digest_of(self._runtime.port(AlertsSettings), contact.email) if error.bad_address and contact else None

    def _postpone(self, claimed: Claimed, reason: str) -> None:
        """Try again later, for about a day."""
        if claimed.attempt >= MAX_ATTEMPTS:
            self._ended.append(Ending(claimed.mail.mail_id, MailState.FAILED, reason))
            return
        delay = BACKOFF[min(claimed.attempt, len(BACKOFF)) - 1]
        self._later.append(Later(claimed.mail.mail_id, delay, tried=True))

    async def write(self) -> None:
        """Write the fates gathered; what cannot be written now is kept for the next time."""
        ended, self._ended = self._ended, []
        later, self._later = self._later, []
        try:
            if ended:
                await mail_service.close(self._runtime, ended, self._lease)
                ended = []
            if later:
                async with self._runtime.uow() as uow:
                    await store.postpone(uow.conn, later, self._lease)
        except BaseException:
            self._ended, self._later = ended + self._ended, later + self._later
            raise

    async def step(self) -> int:
        """Take first: mails that end as they are taken are written with the others."""
        taken = await self.take()
        await self.write()
        return taken

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Keep the leases of the mails in hand."""
        task = asyncio.create_task(self._keep_leases(), name="mail leases")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE / 4)
            try:
                async with self._runtime.read() as conn:
                    await store.keep_leases(conn, list(self._running), self._lease, LEASE)
            except Exception:  # noqa: BLE001  # a loop: the next beat comes before the lease ends
                _log.exception("mail_leases_not_kept")


def _domain(claimed: Claimed) -> str:
    contact = claimed.mail.contact
    return contact.email.rpartition("@")[2].lower() if contact else ""


def _told(error: Exception) -> str:
    """Give what may be logged: mail servers repeat addresses in their answers."""
    known = isinstance(error, MailPostponedError | MailRefusedError)
    return f"{type(error).__name__}: {error}" if known else type(error).__name__


async def _run(runtime: Runtime, stop: asyncio.Event) -> None:
    async with runtime.database.listen("mail") as wake, ringing(stop, wake.set):
        sender = _Sender(runtime, wake)
        async with sender.heartbeat():
            while not stop.is_set():
                await sender.turn()
            await sender.finish()


async def _drain(runtime: Runtime) -> int:
    return await _Sender(runtime).empty()


SENDING = Loop(_run, _drain)
