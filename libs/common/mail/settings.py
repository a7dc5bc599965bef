"""The settings of services that send mails."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from libs.common.settings import Settings

__all__ = ["MailSettings", "ReturnSettings"]


class MailSettings(Settings):
    """Where mails go, and who they come from."""

    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:25")
    """The mail relay: `smtp://user:password@host:587?starttls=required`, `smtps://host:465`. Secret: it may hold a password."""
    mail_from: str = Field(
        default="Halles <alertes@halles.invalid>", pattern=r"^[^\r\n\x00]{1,100} <[^\s<>@]+@[^\s<>@]+>$"
    )
    """Who the mails come from."""

    @property
    def mail_domain(self) -> str:
        """The right part of Message-IDs."""
        return urlsplit(self.public_url).hostname or "halles.invalid"


class ReturnSettings(MailSettings):
    """Where mails come back that did not arrive, and how fast they leave."""

    return_mailbox: ClassVar[str] = "r"
    """Local part of return paths, before the subaddress: one for each service that reads what comes back, one letter."""
    mail_return_domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,190}$")
    """The domain whose mails are all delivered to `mail_returns`, subaddresses (`r+...@`, `d+...@`) included: reports of mails that
    did not arrive, and complaints, come back there. None: they go to `mail_from`, and nobody reads them for you."""
    mail_returns: Path | None = None
    """The Maildir where these reports lie; workers empty it."""
    mails_per_domain: int = Field(default=5, ge=1)
    """Mails on their way to one domain of addressees at once, in one process."""
    mails_per_second: float = Field(default=50, gt=0)
    """Mails a second to one domain of addressees, from one process."""

    notices_kept_months: int = Field(default=13, ge=2, le=120)
    """Months after a notice ended that it is kept here, with what it matched; longer where somebody follows its procedure."""
    previews_per_minute: int = Field(default=20, ge=1, le=1_000)
    """Searches that one caller may try out in a minute, in each process."""
