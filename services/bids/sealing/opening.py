"""Opening, on the officers' side: their tool checks the proof that the deadline passed, then opens their shares.

What the platform serves (`ShareRequest`) and what the tool gives back (`OpenedShares`) are files: an officer can carry
them by hand. The private key never leaves the tool.
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
from services.bids.sealing import dealing
from services.bids.sealing.errors import EnvelopeError, ProofError, ShareError
from services.bids.sealing.hpke import HpkeError
from services.bids.sealing.keys import OfficerKey
from services.bids.sealing.manifest import Hex, SealedShare, ShareText, Text
from services.bids.sealing.names import EnvelopeName, canonical, from_text, to_text

__all__ = [
    "OpenedShare",
    "OpenedShares",
    "OpeningStatement",
    "RequestedShare",
    "ShareRequest",
    "Stage",
    "check_proof",
    "open_shares",
]


Stage = Literal["applications", "offers"]


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpeningStatement(_Paper):
    """What the time stamp of an opening is of: it can exist only once the opening was asked for."""

    opening: UUID
    consultation: UUID
    stage: Stage
    lots: tuple[str, ...] = Field(description="that it is about, sorted")
    deadline: AwareDatetime
    fingerprint: Hex = Field(description="of the key set that all its envelopes are sealed to")
    envelopes: tuple[str, ...] = Field(
        description="`<bid> <envelope number> <SHA-256 of its public paper>` of each envelope to open, sorted"
    )
    nonce: Hex

    @property
    def named(self) -> list[tuple[UUID, int]]:
        """The envelopes to open: bid and number."""
        return [(UUID(each.split(" ")[0]), int(each.split(" ")[1])) for each in self.envelopes]

    @property
    def digest(self) -> bytes:
        """The SHA-256 digest that is stamped (of its RFC 8785 JSON)."""
        return sha256(canonical(self.model_dump(mode="json"))).digest()


class RequestedShare(_Paper):
    """A sealed share of the officer."""

    bid: UUID
    envelope: int = Field(ge=1)
    part: int = Field(ge=0)
    segment: int = Field(ge=1)
    sealed: ShareText
    commitment: Hex


class ShareRequest(_Paper):
    """What the platform asks of one officer, with the proof that the deadline has passed."""

    officer: str
    statement: OpeningStatement
    token: Text = Field(description="RFC 3161 token over the statement's digest, base64url")
    shares: tuple[RequestedShare, ...]


class OpenedShare(_Paper):
    """One opened share, or why it could not be opened."""

    bid: UUID
    envelope: int = Field(ge=1)
    part: int = Field(ge=0)
    segment: int = Field(ge=1)
    share: ShareText | None = None
    problem: str | None = Field(default=None, max_length=200)


class OpenedShares(_Paper):
    """What the officer hands in."""

    opening: UUID
    officer: str
    shares: tuple[OpenedShare, ...] = Field(max_length=100_000)


def check_proof(statement: OpeningStatement, token: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """Check that the statement was stamped after its deadline; give the stamped time. Raises ProofError."""
    try:
        stamped = verify(token, statement.digest, roots)
    except TimestampError as error:
        raise ProofError(f"the time stamp of the opening is not valid: {error}") from error
    if stamped <= statement.deadline:
        raise ProofError(f"stamped at {stamped.isoformat()}, not after the deadline {statement.deadline.isoformat()}")
    return stamped


def open_shares(
    request: ShareRequest,
    key: OfficerKey,
    roots: Sequence[x509.Certificate],
    *,
    not_before: datetime | None = None,
    fingerprint: str | None = None,
) -> OpenedShares:
    """Open an officer's shares.

    `not_before` and `fingerprint` are what the officer knows by himself: the deadline as published, the key set as
    published. Raises ProofError when there is no valid stamp later than the deadline, EnvelopeError when the request
    is for another officer, another key set, or an envelope that the stamped statement does not name.
    """
    statement = request.statement
    if request.officer != key.officer:
        raise EnvelopeError(f"these shares are sealed to {request.officer}, not to {key.officer}")
    if fingerprint is not None and statement.fingerprint != fingerprint:
        raise EnvelopeError("the key set is not the one that was published")
    stamped = check_proof(statement, from_text(request.token), roots)
    if not_before is not None and stamped <= not_before:
        raise ProofError(f"stamped at {stamped.isoformat()}, not after {not_before.isoformat()}")
    named = set(statement.named)
    if any((each.bid, each.envelope) not in named for each in request.shares):
        raise EnvelopeError("an envelope is asked for that the stamped statement does not name")
    opened = tuple(_open(each, statement, key) for each in request.shares)
    return OpenedShares(opening=statement.opening, officer=key.officer, shares=opened)


def _open(asked: RequestedShare, statement: OpeningStatement, key: OfficerKey) -> OpenedShare:
    envelope = EnvelopeName(statement.consultation, asked.bid, asked.envelope, statement.fingerprint)
    name = envelope.segment(asked.part, asked.segment)
    place = {"bid": asked.bid, "envelope": asked.envelope, "part": asked.part, "segment": asked.segment}
    try:
        share = dealing.open_share(asked.sealed, name, (key.officer, key.private))
        sealed = SealedShare(officer=key.officer, sealed=asked.sealed, commitment=asked.commitment)
        dealing.check_share(share, name, sealed)
    except (HpkeError, EnvelopeError):
        return OpenedShare.model_validate({**place, "problem": "the sealed share does not open with the officer's key"})
    except ShareError:
        return OpenedShare.model_validate(
            {**place, "share": to_text(share), "problem": "the share does not match its commitment"}
        )
    return OpenedShare.model_validate({**place, "share": to_text(share)})
