"""The way to the mail server over connections that are kept, and what becomes of a mail there."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from libs.common.jobs import MAX_ATTEMPTS
from libs.common.mail.message import Posting
from libs.common.mail.session import Session

__all__ = ["Fate", "Handed", "MailPostponedError", "MailRefusedError", "Mailer", "SmtpMailer", "hand_over"]

CONNECTIONS = 20
"""Open at once by one process, as many as relays grant without a word."""
_PERMANENT = range(500, 600)
_TIMEOUT = 30.0  # seconds
_IDLE = 10.0  # seconds a connection is kept without a mail: relays close theirs after some more
_FRESH = 1.0  # seconds after which a kept connection is tried (RSET) before it is trusted with a mail
_LEAVING = 421  # the server closes the connection (RFC 5321, 3.8)
_MOST = 200  # mails of one connection: relays bound them
_BAD_ADDRESS = re.compile(r"5\.1\.\d")


class Fate(StrEnum):
    """What became of a mail that was handed over."""

    SENT = "sent"
    REFUSED = "refused"
    """The mail server refused it for good."""
    FAILED = "failed"
    """It could not be handed over, after many attempts."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of a mail that was handed over, and why."""

    fate: Fate
    reason: str | None = None
    bad_address: bool = False
    """The address itself is at fault."""


class MailRefusedError(Exception):
    """The mail server refuses this mail for good (SMTP 5xx): trying again is useless. Holds the code, not the address."""

    def __init__(self, code: int, *, bad_address: bool = False) -> None:
        super().__init__(f"SMTP {code}")
        self.code = code
        self.bad_address = bad_address
        """The address itself is at fault (RFC 3463, 5.1.x), not what is sent nor who sends it."""


class MailPostponedError(Exception):
    """The mail server cannot take it now (SMTP 4xx). Holds the code only: answers often repeat the address."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SMTP {code}")


class Mailer(Protocol):
    """Hands mails to a mail server."""

    async def send(self, posting: Posting) -> None:
        """Hand a mail over. Raises MailRefusedError when it never will be taken; anything else: try again later."""
        ...


@dataclass
class _Kept:
    """A connection, how many mails it took, and since when it rests."""

    session: Session
    mails: int = 0
    rests: float = 0.0

    @property
    def usable(self) -> bool:
        return self.session.is_open and self.mails < _MOST and time.monotonic() - self.rests < _IDLE


class SmtpMailer:
    """SMTP (RFC 5321). `smtp://host:587?starttls=required`, `smtps://host:465`; user and password in the address.

    Connections are kept between mails, closed after a while without any. A mail that met a connection which the server
    had closed meanwhile begins again on a new one: nothing of it had been taken.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        address = urlsplit(url)
        if address.scheme not in {"smtp", "smtps"} or not address.hostname:
            raise ValueError("HALLES_SMTP_URL: smtp://host:port or smtps://host:port is expected")
        starttls = parse_qs(address.query).get("starttls", ["opportunistic"])[0]
        if starttls not in {"opportunistic", "required", "no"}:
            raise ValueError("HALLES_SMTP_URL: starttls is opportunistic, required or no")
        self._host = address.hostname
        self._tls = address.scheme == "smtps"
        self._port = address.port or (465 if self._tls else 25)
        self._start_tls = {"opportunistic": None, "required": True, "no": False}[starttls]
        self._login = (unquote(address.username or ""), unquote(address.password or ""))
        self._resting: list[_Kept] = []
        self._free = asyncio.Semaphore(connections)
        self._closer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, posting: Posting) -> None:
        """Hand a mail over. Raises MailRefusedError, or what else went wrong."""
        try:
            async with self._free, self._begun(posting) as session:
                await session.finish(posting)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailPostponedError(error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error) from None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._closer is not None:
            self._closer.cancel()
        resting, self._resting = self._resting, []
        await asyncio.gather(*(_quit(each) for each in resting), *self._closing)

    @asynccontextmanager
    async def _begun(self, posting: Posting) -> AsyncIterator[Session]:
        """Lend a connection on which a mail is begun; one that fails is reset for the next mail, or closed."""
        kept = await self._kept()
        try:
            if not await _begins(kept, posting):
                kept.session.close()
                kept = _Kept(Session(await self._connect()))
                await kept.session.begin(posting)
            yield kept.session
        except aiosmtplib.SMTPResponseException:
            try:
                await kept.session.reset()
            except (aiosmtplib.SMTPException, OSError):
                kept.session.close()
            else:
                self._rest(kept)
            raise
        except BaseException:  # cancelled or cut in the middle of a mail: what the server expects next is unknown
            kept.session.close()
            raise
        self._rest(kept)

    async def _kept(self) -> _Kept:
        """Give a connection that rests and is there, else a new one."""
        while self._resting:
            kept = self._resting.pop()
            if not kept.usable:
                await _quit(kept)
                continue
            with suppress(aiosmtplib.SMTPException, OSError):
                if time.monotonic() - kept.rests > _FRESH:
                    await kept.session.reset()
                return kept
            kept.session.close()
        return _Kept(Session(await self._connect()))

    async def _connect(self) -> aiosmtplib.SMTP:
        smtp = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._login[0] or None,
            password=self._login[1] or None,
            use_tls=self._tls,
            start_tls=None if self._tls else self._start_tls,
            timeout=_TIMEOUT,
        )
        try:
            await smtp.connect()
            if not smtp.last_ehlo_response:
                await smtp.ehlo()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _rest(self, kept: _Kept) -> None:
        kept.mails, kept.rests = kept.mails + 1, time.monotonic()
        self._resting.append(kept)
        if self._closer is None:
            self._closer = asyncio.get_running_loop().call_later(_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        usable = [kept for kept in self._resting if kept.usable]
        for kept in self._resting:
            if not kept.usable:
                task = asyncio.ensure_future(_quit(kept))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        self._resting, self._closer = usable, None
        if usable:
            self._closer = asyncio.get_running_loop().call_later(_IDLE, self._close_idle)


async def _begins(kept: _Kept, posting: Posting) -> bool:
    """Begin a mail; False where the server left a connection that was kept: nothing of the mail is taken."""
    try:
        await kept.session.begin(posting)
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPResponseException) as error:
        left = not isinstance(error, aiosmtplib.SMTPResponseException) or error.code == _LEAVING
        if kept.mails == 0 or not left:
            raise
        return False
    return True


async def _quit(kept: _Kept) -> None:
    with suppress(aiosmtplib.SMTPException, OSError):
        await kept.session.quit()
    kept.session.close()


def _refusal(error: aiosmtplib.SMTPResponseException) -> MailRefusedError | MailPostponedError:
    if error.code not in _PERMANENT:
        return MailPostponedError(error.code)
    return MailRefusedError(error.code, bad_address=bool(_BAD_ADDRESS.match(error.message)))


async def hand_over(mailer: Mailer, posting: Posting, *, attempt: int) -> Handed:
    """Make one attempt at a mail: what became of it, and why. Raises what asks for another attempt."""
    try:
        await mailer.send(posting)
    except MailRefusedError as error:
        return Handed(Fate.REFUSED, str(error), bad_address=error.bad_address)
    except (MailPostponedError, aiosmtplib.SMTPException, OSError) as error:
        if attempt < MAX_ATTEMPTS:
            raise
        return Handed(Fate.FAILED, type(error).__name__)
    return Handed(Fate.SENT)
