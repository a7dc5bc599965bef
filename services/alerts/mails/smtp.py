"""The way to the mail server."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from services.alerts.errors import MailRefusedError

__all__ = ["MailPostponedError", "Mailer", "SmtpMailer"]

_PERMANENT = range(500, 600)
_TIMEOUT = 30.0  # seconds


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


class MailPostponedError(Exception):
    """The mail server cannot take it now (SMTP 4xx). Holds the code only: answers often repeat the address."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SMTP {code}")
