"""What is read of a notice of an old format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from services.notices.eforms.check import CheckedNotice

__all__ = ["LegacyNotice", "identity"]

_NAMESPACE: Final = UUID("5c0f9d1e-7a57-4f0b-9a5e-2f8f6f1f9b10")


@dataclass(frozen=True, slots=True)
class LegacyNotice:
    """A notice of an old format: its verdict, and what an eForms notice would not say."""

    checked: CheckedNotice
    published_at: datetime | None = None
    """Midnight of the day of its publication, in the country of the buyer."""
    follows: tuple[UUID, ...] = ()
    """Identifiers of the earlier notices of the same procedure that it names."""
    media_type: str = "application/json"


def identity(journal: str, number: str) -> UUID:
    """Give the identifier of a notice published in a journal: always the same, so that it is taken once."""
    return uuid5(_NAMESPACE, f"{journal}/{number}")
