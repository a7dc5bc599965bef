"""Receipts: what the platform states of a deposit or a withdrawal, in one JSON text that a time-stamped journal proves.

The five legal items of the order of 22 March 2019, ECOM1831552A (annex 8 CCP): depositor, buyer, title and object of
the consultation, date and hour of receipt, detailed list of the documents. Checked offline with `verify_receipt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.bids.evidence.facts import FactKind
from services.bids.evidence.proof import Proof, ProofError, verify_proof
from services.bids.sealing.errors import SealingError
from services.bids.sealing.manifest import Hex
from services.bids.sealing.names import canonical

__all__ = [
    "PartyName", "Receipt", "ReceiptDocument", "ReceiptEnvelope", "ReceiptError", "ReceiptStatement", "verify_receipt",
]  # fmt: skip

ACTS = {"deposit": FactKind.DEPOSITED, "withdrawal": FactKind.WITHDRAWN}
"""The fact that proves each act."""


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


class ReceiptEnvelope(_Paper):
    """One envelope of the bid: an application or an offer, sealed and opened as one."""

    number: int
    kind: Literal["application", "offer"]
    lots: tuple[str, ...]
    sha256: Hex = Field(description="of the envelope's JSON text (RFC 8785)")


class ReceiptStatement(_Paper):
    """What is stated. It gives an hour, not a verdict: whether the bid is late is judged on the last deadline."""

    kind: Literal["halles-receipt-2"] = "halles-receipt-2"
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
    envelopes: tuple[ReceiptEnvelope, ...] = ()
    envelope_sha256: Hex
    key_fingerprint: Hex
    key_version: int = Field(default=1, ge=1, description="version of the key set in the consultation")
    sealed_by: Literal["bidder", "platform"] = Field(
        default="bidder",
        description="bidder: the platform never saw the content; platform: sealed while it arrived, which trusts the running code",
    )
    replaces: UUID | None = None

    @property
    def digest(self) -> bytes:
        """The SHA-256 digest that the journal holds (of its RFC 8785 JSON)."""
        return sha256(canonical(self.model_dump(mode="json"))).digest()


class Receipt(_Paper):
    """A statement, its hash, and its proof (none, or not stamped yet, while the authorities are away)."""

    statement: ReceiptStatement
    sha256: Hex
    timestamp: Literal["stamped", "pending"]
    proof: Proof | None = None
    stamped_at: AwareDatetime | None = None

    @classmethod
    def of(cls, statement: ReceiptStatement, proof: Proof | None = None) -> Receipt:
        """Give the receipt of a statement, with what proves it by now."""
        stamped_at = proof.stamped_at if proof else None
        return cls(
            statement=statement,
            sha256=statement.digest.hex(),
            timestamp="stamped" if stamped_at else "pending",
            proof=proof,
            stamped_at=stamped_at,
        )


def verify_receipt(receipt: Receipt, roots: Sequence[x509.Certificate] | None) -> datetime:
    """Check hash, path, link and time stamp offline; give the stamped time. Without roots, who stamped is not checked.

    Raises ReceiptError that says what is wrong, or that the time stamp is still pending.
    """
    if receipt.statement.digest.hex() != receipt.sha256:
        raise ReceiptError("the statement was altered: its hash is not the one of the receipt")
    if receipt.proof is None:
        raise ReceiptError("the time stamp is still pending: ask the platform for the completed receipt")
    _check_own(receipt, receipt.proof)
    try:
        return verify_proof(receipt.proof, roots)
    except ProofError as error:
        raise ReceiptError(str(error)) from error


def _check_own(receipt: Receipt, proof: Proof) -> None:
    """Let pass only the proof of this very receipt: one of another bid or act is a replay."""
    told, fact = receipt.statement, proof.fact
    if (fact.kind, fact.procedure, fact.bid) != (ACTS[told.act], told.procedure, told.bid_id):
        raise ReceiptError("the proof is of another bid, consultation or act: a receipt replayed under another name")
    if (fact.content.get("receipt"), fact.content.get("sha256")) != (str(told.receipt_id), receipt.sha256):
        raise ReceiptError(
            "the proof is of another receipt: this one was altered, or replayed with a proof not its own"
        )
    if fact.at.astimezone(UTC) != told.received_at.astimezone(UTC):
        raise ReceiptError("the hour of the receipt is not the one that the journal holds")
