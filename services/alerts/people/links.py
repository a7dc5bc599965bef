"""The links of mails to people: each is signed for one thing, and acts on the wish it was written under.

`write_token` (libs/common/mail/tokens.py) signs who, since which wish, and what for: no link can be made up, or used
for what another one does.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from libs.common.mail.tokens import read_token, write_token
from libs.common.settings import Settings
from services.alerts.domain import Search

__all__ = [
    "CONFIRM",
    "CONTACT",
    "FEED",
    "MANAGE",
    "PERSON",
    "SEARCH",
    "confirm",
    "feed",
    "leave",
    "manage",
    "read",
    "stop",
    "unsubscribe",
]

CONTACT: Final = "unsubscribe"
"""Stops the alerts to the contact of an organisation."""
PERSON: Final = "unsubscribe person"
"""Stops all alerts to an address."""
SEARCH: Final = "unsubscribe search"
"""Stops one search."""
MANAGE: Final = "manage"
CONFIRM: Final = "confirm"
FEED: Final = "feed"


def leave(settings: Settings, contact_id: UUID, generation: int) -> str:
    """Give the address that stops the alerts to the contact of an organisation, in one click (RFC 8058)."""
    return f"{_alerts(settings)}/unsubscribe/{_token(settings, contact_id, generation, CONTACT)}"


def unsubscribe(settings: Settings, subscriber_id: UUID, generation: int) -> str:
    """Give the address that stops all alerts to a person, in one click (RFC 8058)."""
    return f"{_alerts(settings)}/unsubscribe/{_token(settings, subscriber_id, generation, PERSON)}"


def stop(settings: Settings, search_id: UUID, generation: int) -> str:
    """Give the address that stops one search, in one click (RFC 8058); `generation` is the search's."""
    return f"{_alerts(settings)}/unsubscribe/{_token(settings, search_id, generation, SEARCH)}"


def manage(settings: Settings, subscriber_id: UUID, generation: int) -> str:
    """Give the address of the page where a person sees and changes all their alerts."""
    return f"{_alerts(settings)}/people/{_token(settings, subscriber_id, generation, MANAGE)}/page"


def confirm(settings: Settings, request_id: UUID) -> str:
    """Give the address that confirms what was asked in the name of an address."""
    return f"{_alerts(settings)}/confirmations/{_token(settings, request_id, 0, CONFIRM)}"


def feed(settings: Settings, search: Search, name: str) -> str:
    """Give the address of a feed of a search."""
    return f"{_alerts(settings)}/feeds/{_token(settings, search.search_id, search.feed, FEED)}/{name}"


def read(settings: Settings, token: str, purpose: str) -> tuple[UUID, int] | None:
    """Give whom or what a link is for, since which wish; None when it is none of ours for this."""
    return read_token(settings.secret.get_secret_value(), token, purpose=purpose)


def _token(settings: Settings, identity: UUID, generation: int, purpose: str) -> str:
    return write_token(settings.secret.get_secret_value(), identity, generation, purpose=purpose)


def _alerts(settings: Settings) -> str:
    return f"{settings.public_url}/alerts/v1"
