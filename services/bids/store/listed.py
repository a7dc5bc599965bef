"""Whose letters and contracts a list shows."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

__all__ = ["Listed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A company's own, or those of a buyer's consultations. The fields are the first parameters of the queries."""

    company: str | None = None
    buyer: str | None = None
    procedures: tuple[UUID, ...] | None = None
    """The consultations of the buyer; None: all."""
    shared: tuple[UUID, ...] = ()
    """Consultations of others, read as a member of joint purchases."""
