"""The settings of services that send mails."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from libs.common.settings import Settings

__all__ = ["MailSettings"]


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
