"""The proof of one fact: its text, the path to the root of its batch, the link to the chain, the time stamp.

Pure: checked offline, by anybody, with the roots of the time stamp authorities alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.timestamp import TimestampError, claimed_time, verify
from services.bids.evidence import merkle
from services.bids.evidence.batches import Batch, Recorded
from services.bids.evidence.facts import Fact, FactKind, leaf
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.names import from_text, to_text

__all__ = ["CLOCK_TOLERANCE", "FactPaper", "Proof", "ProofError", "prove", "verify_proof"]

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far our clock and an authority's may differ before somebody must look (ETSI EN 319 421 asks authorities for 1 s)."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=100_000)]


class ProofError(Exception):
    """The proof does not hold; the message says what."""


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FactPaper(_Paper):
    """A fact, as a proof or a report tells it."""

    id: UUID
    procedure: UUID | None
    bid: UUID | None
    kind: FactKind
    at: AwareDatetime
    content: Mapping[str, Any]

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """Present a fact as kept."""
        fact = recorded.fact
        return cls(
            id=recorded.id, procedure=fact.procedure, bid=fact.bid, kind=fact.kind, at=fact.at, content=fact.content
        )

    @property
    def leaf(self) -> bytes:
        """Its hash as a leaf."""
        return leaf(self.id, Fact(self.procedure, self.bid, self.kind, self.at, self.content))


class Proof(_Paper):
    """What proves a fact. `path`, `previous` and `token` are as described in docs/evidence.md."""

    fact: FactPaper
    batch: UUID
    position: int = Field(ge=0, description="of the leaf in the tree, from 0")
    path: tuple[Hash, ...] = Field(max_length=32, description="sibling hashes from the leaf up to the root")
    previous: Hash = Field(description="head of the chain before this batch")
    head: Hash = Field(description="SHA-256 of the head before and the root: what is stamped")
    token: Token | None = Field(default=None, description="RFC 3161 token over the head, base64url; none while pending")
    stamped_at: AwareDatetime | None = None


def prove(recorded: Recorded, batch: Batch) -> Proof:
    """Give the proof of a fact of a batch."""
    if recorded.position is None:
        raise ValueError("the fact is in no batch")
    return Proof(
        fact=FactPaper.of(recorded),
        batch=batch.id,
        position=recorded.position,
        path=tuple(each.hex() for each in merkle.path(batch.leaves, recorded.position)),
        previous=batch.previous.hex(),
        head=batch.head.hex(),
        token=None if batch.token is None else to_text(batch.token),
        stamped_at=batch.stamped_at,
    )


def verify_proof(proof: Proof, roots: Sequence[x509.Certificate] | None) -> datetime:
    """Check path, link and time stamp; give the stamped time. Raises ProofError.

    Without roots (None) nothing says who wrote the time stamp: only that it claims this time for this fact.
    """
    try:
        root = merkle.root_of(proof.fact.leaf, proof.position, [bytes.fromhex(each) for each in proof.path])
    except ValueError as error:
        raise ProofError(f"the path is not one of this fact: {error}") from error
    head = merkle.head_of(bytes.fromhex(proof.previous), root)
    if head.hex() != proof.head:
        raise ProofError("the fact or its path was altered: they do not lead to the stamped head of the chain")
    if proof.token is None:
        raise ProofError("the time stamp is still pending: ask the platform for the completed paper")
    try:
        token = from_text(proof.token)
        stamped = claimed_time(token, head) if roots is None else verify(token, head, roots)
    except (TimestampError, EnvelopeError) as error:
        raise ProofError(f"the time stamp is not valid: {error}") from error
    if stamped < proof.fact.at - CLOCK_TOLERANCE:
        raise ProofError("the time stamp is earlier than the fact that it stamps: the hour of the fact is wrong")
    return stamped
