"""A person as alerts know one: an address that wants them, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

__all__ = ["Purpose", "Request", "Subscriber"]


class Purpose(StrEnum):
    """What a link that was mailed does."""

    SUBSCRIBE = "subscribe"
    """Save a search of the person."""
    FOLLOW = "follow"
    """Follow a procedure."""
    ACCOUNT = "account"
    """Make the address that of somebody who is identified."""
    LINK = "link"
    """Nothing: the mail brings the link that manages what there is."""
    ERASE = "erase"
    """Erase all that is known of the address."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An address that alerts go to, and when."""

    subscriber_id: UUID
    email: str = field(repr=False)
    language: str
    zone: str
    digest_hour: int
    working_days: bool
    organisation: str | None
    """Of the account that the person has, if any."""
    account: str | None
    confirmed_at: datetime | None
    alerts: bool
    generation: int
    """Links of an older one no longer act."""
    paused_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for in the name of an address, until its reader confirms it."""

    request_id: UUID
    subscriber_id: UUID
    purpose: Purpose
    wish: dict[str, Any] = field(repr=False)
    language: str
    expires_at: datetime
    used_at: datetime | None
