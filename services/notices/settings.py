"""The settings of the notices service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from libs.common.mail.settings import ReturnSettings
from services.notices.publication.settings import ChannelSettings
from services.notices.search.settings import SearchSettings

__all__ = ["NoticesSettings"]


class NoticesSettings(ReturnSettings, ChannelSettings, SearchSettings):
    """Adds the limits of what buyers send to the settings of mails, of publication channels and of the search."""

    return_mailbox: ClassVar[str] = "d"
    max_document_bytes: int = Field(default=4 * 2**30, ge=1)
    """One tender document at most; 4 GiB holds the plans of a large building site."""
    register_days: int = Field(default=365, ge=1)
    """Days that names and addresses of the register of downloads, and of questions, are kept after the deadline."""
