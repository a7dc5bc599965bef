"""The way to the mail server, and what becomes of a mail there."""

from __future__ import annotations

from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from libs.common.jobs import MAX_ATTEMPTS

__all__ = ["Fate", "MailPostponedError", "MailRefusedError", "Mailer", "SmtpMailer", "hand_over"]

_PERMANENT = range(500, 600)
_TIMEOUT = 30.0  # seconds


class Fate(StrEnum):
    """What became of a mail that was handed over."""

    SENT = "sent"
    REFUSED = "refused"
    """The mail server refused it for good."""
    FAILED = "failed"
    """It could not be handed over, after many attempts."""


class MailRefusedError(Exception):
    """The mail server refuses this mail for good (SMTP 5xx): trying again is useless. Holds the code, not the address."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SMTP {code}")
        self.code = code


class MailPostponedError(Exception):
    """The mail server cannot take it now (SMTP 4xx). Holds the code only: answers often repeat the address."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SMTP {code}")


class Mailer(Protocol):
    """Hands mails to a mail server."""

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises MailRefusedError when it never will be taken; anything else: try again later."""
        ...


class SmtpMailer:
    """SMTP (RFC 5321). `smtp://host:587?starttls=required`, `smtps://host:465`; user and password in the address."""

    def __init__(self, url: str) -> None:
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

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises MailRefusedError, or what else went wrong."""
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._login[0] or None,
                password=self._login[1] or None,
                use_tls=self._tls,
                start_tls=None if self._tls else self._start_tls,
                timeout=_TIMEOUT,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            if all(code in _PERMANENT for code in codes):
                raise MailRefusedError(max(codes)) from None
            raise MailPostponedError(max(codes)) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailPostponedError(error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            if error.code in _PERMANENT:
                raise MailRefusedError(error.code) from None
            raise MailPostponedError(error.code) from None


async def hand_over(mailer: Mailer, message: EmailMessage, *, attempt: int) -> tuple[Fate, str | None]:
    """Make one attempt of a job at a mail: what became of it, and why. Raises what asks for another attempt."""
    try:
        await mailer.send(message)
    except MailRefusedError as error:
        return Fate.REFUSED, str(error)
    except (MailPostponedError, aiosmtplib.SMTPException, OSError) as error:
        if attempt < MAX_ATTEMPTS:
            raise
        return Fate.FAILED, type(error).__name__
    return Fate.SENT, None
