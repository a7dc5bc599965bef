"""Receipts: what the platform states of a deposit or a withdrawal, in one JSON text whose hash is time-stamped.

The five legal items of the order of 22 March 2019, ECOM1831552A (annex 8 CCP): depositor, buyer, title and object of
the consultation, date and hour of receipt, detailed list of the documents. Checked offline with `verify_receipt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.timestamp import TimestampError, verify
from services.bids.sealing.errors import SealingError
from services.bids.sealing.manifest import Hex, Text
from services.bids.sealing.names import canonical, from_text

__all__ = ["PartyName", "Receipt", "ReceiptDocument", "ReceiptError", "ReceiptStatement", "verify_receipt"]


class ReceiptError(SealingError):
    """The receipt is not what the platform gave, or nothing proves when."""


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartyName(_Paper):
    """An organisation of a receipt."""

    organisation: str
    name: str


class ReceiptDocument(_Paper):
    """One document as received: sealed, so its size and hash are those of the ciphertext."""

    number: int
    name: str
    size: int = Field(description="bytes of ciphertext")
    sha256: Hex = Field(description="of the ciphertext")


class ReceiptStatement(_Paper):
    """What is stated. It gives an hour, not a verdict: whether the bid is late is judged on the last deadline."""

    kind: Literal["halles-receipt-1"] = "halles-receipt-1"
    act: Literal["deposit", "withdrawal"]
    receipt_id: UUID
    bid_id: UUID
    depositor: PartyName
    buyer: PartyName
    procedure: UUID
    title: str
    object: str
    lots: tuple[str, ...]
    received_at: AwareDatetime = Field(description="end of the upload, to the second, legal time of the buyer's place")
    time_zone: str
    documents: tuple[ReceiptDocument, ...]
    envelope_sha256: Hex
    key_fingerprint: Hex
    sealed_by: Literal["bidder"] = "bidder"
    replaces: UUID | None = None

    @property
    def digest(self) -> bytes:
        """The SHA-256 digest that is stamped (of its RFC 8785 JSON)."""
        return sha256(canonical(self.model_dump(mode="json"))).digest()


class Receipt(_Paper):
    """A statement, its hash, and its time stamp (none yet while the authorities are away)."""

    statement: ReceiptStatement
    sha256: Hex
    timestamp: Literal["stamped", "pending"]
    token: Text | None = Field(default=None, description="RFC 3161 token over the hash, base64url")
    stamped_at: AwareDatetime | None = None


def verify_receipt(receipt: Receipt, roots: Sequence[x509.Certificate]) -> datetime:
    """Check hash and time stamp offline; give the stamped time.

    Raises ReceiptError that says what is wrong, or that the time stamp is still pending.
    """
    digest = receipt.statement.digest
    if digest.hex() != receipt.sha256:
        raise ReceiptError("the statement was altered: its hash is not the one of the receipt")
    if receipt.token is None:
        raise ReceiptError("the time stamp is still pending: ask the platform for the completed receipt")
    try:
        stamped = verify(from_text(receipt.token), digest, roots)
    except TimestampError as error:
        raise ReceiptError(f"the time stamp is not valid: {error}") from error
    if stamped.replace(microsecond=0) < receipt.statement.received_at:
        raise ReceiptError("the time stamp is earlier than the hour of the receipt")
    return stamped
