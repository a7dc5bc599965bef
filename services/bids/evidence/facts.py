"""Facts: what happened to a deposit, to a consultation, or to the platform itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

import rfc8785

__all__ = ["Fact", "FactKind", "fact_text", "leaf"]


class FactKind(StrEnum):
    """What a fact tells."""

    UPLOAD_CREATED = "upload_created"
    """An upload was announced: file, length."""
    UPLOAD_STARTED = "upload_started"
    """Its first byte arrived."""
    UPLOAD_RESUMED = "upload_resumed"
    """It goes on from an offset, after an interruption."""
    UPLOAD_PAUSED = "upload_paused"
    """A request ended well, before the end of the file: offset."""
    UPLOAD_INTERRUPTED = "upload_interrupted"
    """An error, of either side: reason, offset kept."""
    UPLOAD_COMPLETED = "upload_completed"
    """Its last byte arrived."""
    CHECKSUM_REFUSED = "checksum_refused"
    """A part was not what its sender said: cut. The values themselves are never kept."""
    UPLOAD_REMOVED = "upload_removed"
    """Its sender took it back, or it expired."""
    DEPOSIT_REFUSED = "deposit_refused"
    """A deposit was asked for and refused: reason."""
    DEPOSITED = "deposited"
    """A deposit was completed: receipt."""
    WITHDRAWN = "withdrawn"
    """A bid was withdrawn: receipt."""
    DEADLINE_SET = "deadline_set"
    """A version of the deadline was heard of."""
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    """The procedure was suspended; goes on."""
    INCIDENT = "incident"
    """The operator declares that the platform did not work as it should: from, until, what."""
    HEARTBEAT = "heartbeat"
    """A process serves: its silence is an interruption of the service."""
    OPENING_STEP = "opening_step"
    """A step of an opening: started, officer present, completed."""
    MESSAGE_SENT = "message_sent"
    """A message of the correspondence was put at its addressee's disposal: its hash, those of its files."""
    ADMISSION = "admission"
    """A reasoned decision of the buyer on a late deposit, or one received by another channel."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `content` holds identifiers, lengths, offsets, hashes of ciphertext, reasons: no personal data, no secret.

    Its values are text, whole numbers, booleans, lists and objects of them (RFC 8785 knows no decimal fractions).
    """

    procedure: UUID | None
    """None: of the platform itself."""
    bid: UUID | None
    kind: FactKind
    at: datetime
    """Domain time."""
    content: Mapping[str, Any] = field(default_factory=dict)


def fact_text(identity: UUID, fact: Fact) -> bytes:
    """Give the one text of a fact (RFC 8785). Its random identifier keeps its hash from being guessed."""
    return rfc8785.dumps(
        {
            "scheme": "halles-fact-1",
            "id": str(identity),
            "procedure": str(fact.procedure) if fact.procedure else None,
            "bid": str(fact.bid) if fact.bid else None,
            "kind": fact.kind.value,
            "at": fact.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "content": dict(fact.content),
        }
    )


def leaf(identity: UUID, fact: Fact) -> bytes:
    """Give the hash of a fact as a leaf (RFC 6962, 2.1: a leaf is never mistaken for a node)."""
    return sha256(b"\x00" + fact_text(identity, fact)).digest()
