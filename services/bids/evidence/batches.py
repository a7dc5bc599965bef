"""Facts as kept, and the batches that chain them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.bids.evidence.facts import Fact

__all__ = ["Batch", "Head", "Recorded"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact as kept."""

    id: UUID
    fact: Fact
    batch: UUID | None = None
    position: int | None = None
    """Of its leaf in the batch."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain of batches."""

    number: int
    """Batches chained."""
    hash: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts hashed into one tree, linked to the batch before."""

    id: UUID
    number: int
    seed: bytes
    """Makes the leaves that fill the tree: see merkle.py."""
    leaves: tuple[bytes, ...]
    previous: bytes
    root: bytes
    head: bytes
    closed_at: datetime
    token: bytes | None = None
    stamped_at: datetime | None = None
