"""Opening, on the officers' side: their tool checks the proof that the deadline passed, then opens their shares.

What the platform serves (`ShareRequest`) and what the tool gives back (`OpenedShares`) are files: an officer can carry
them by hand. The private key never leaves the tool.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.messages.notices import OpeningKey
from libs.common.possession import PossessionError, verify_possession
from libs.common.timestamp import TimestampError, verify
from services.bids.sealing import dealing, hpke
from services.bids.sealing.errors import EnvelopeError, ProofError, ShareError
from services.bids.sealing.hpke import HpkeError
from services.bids.sealing.keys import OfficerKey
from services.bids.sealing.manifest import Hex, SealedShare, ShareText, Text
from services.bids.sealing.names import EnvelopeName, SegmentName, canonical, from_text, to_text

__all__ = [
    "OpenedShare",
    "OpenedShares",
    "OpeningStatement",
    "RequestedShare",
    "ShareRequest",
    "Stage",
    "check_proof",
    "open_shares",
    "reseal",
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
    deputy: str | None = Field(default=None, description="to whom the officer sealed these shares again")


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
    deputy: str | None = Field(default=None, description="who opened them in the officer's place")


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
    """Open an officer's shares; those sealed again to a deputy, with the deputy's key.

    `not_before` and `fingerprint` are what the officer knows by himself: the deadline as published, the key set as
    published. Raises ProofError when there is no valid stamp later than the deadline, EnvelopeError when the request
    is for another officer, another key set, or an envelope that the stamped statement does not name.
    """
    addressee = request.deputy or request.officer
    if addressee != key.officer:
        raise EnvelopeError(f"these shares are sealed to {addressee}, not to {key.officer}")
    _check(request, roots, not_before, fingerprint)
    opened = tuple(_open(request, each, key) for each in request.shares)
    statement = request.statement
    return OpenedShares(opening=statement.opening, officer=request.officer, shares=opened, deputy=request.deputy)


def reseal(
    request: ShareRequest,
    key: OfficerKey,
    deputy: OpeningKey,
    roots: Sequence[x509.Certificate],
    *,
    not_before: datetime | None = None,
    fingerprint: str | None = None,
) -> ShareRequest:
    """Seal an absent officer's shares again, to his deputy: shown to nobody, no key of a bid rebuilt.

    On the same proof that the deadline passed as `open_shares`. What does not open is left as it is: the deputy will claim
    it. Raises what `open_shares` does, and EnvelopeError when the deputy's key comes without proof of possession.
    """
    if request.deputy is not None or request.officer != key.officer:
        raise EnvelopeError(f"these shares are not sealed to {key.officer}")
    try:
        verify_possession(deputy.officer, deputy.public_key, deputy.proof or "")
    except PossessionError as error:
        raise EnvelopeError(f"{deputy.officer}: {error}") from error
    _check(request, roots, not_before, fingerprint)
    shares = tuple(_reseal(request, each, key, deputy) for each in request.shares)
    return request.model_copy(update={"shares": shares, "deputy": deputy.officer})


def _check(
    request: ShareRequest, roots: Sequence[x509.Certificate], not_before: datetime | None, fingerprint: str | None
) -> None:
    statement = request.statement
    if fingerprint is not None and statement.fingerprint != fingerprint:
        raise EnvelopeError("the key set is not the one that was published")
    stamped = check_proof(statement, from_text(request.token), roots)
    if not_before is not None and stamped <= not_before:
        raise ProofError(f"stamped at {stamped.isoformat()}, not after {not_before.isoformat()}")
    named = set(statement.named)
    if any((each.bid, each.envelope) not in named for each in request.shares):
        raise EnvelopeError("an envelope is asked for that the stamped statement does not name")


def _name(request: ShareRequest, asked: RequestedShare) -> SegmentName:
    statement = request.statement
    envelope = EnvelopeName(statement.consultation, asked.bid, asked.envelope, statement.fingerprint)
    return envelope.segment(asked.part, asked.segment)


def _reseal(request: ShareRequest, asked: RequestedShare, key: OfficerKey, deputy: OpeningKey) -> RequestedShare:
    name = _name(request, asked)
    try:
        share = dealing.open_share(asked.sealed, name, (key.officer, key.private))
    except (HpkeError, EnvelopeError):
        return asked
    info = name.context("reseal", key.officer, deputy.officer)
    sealed = hpke.seal(share, from_text(deputy.public_key), info=info, seed=os.urandom(32))
    return asked.model_copy(update={"sealed": to_text(sealed)})


def _unseal(request: ShareRequest, asked: RequestedShare, key: OfficerKey) -> bytes:
    name = _name(request, asked)
    if request.deputy is None:
        return dealing.open_share(asked.sealed, name, (key.officer, key.private))
    info = name.context("reseal", request.officer, request.deputy)
    return hpke.open_sealed(from_text(asked.sealed), key.private, info=info)


def _open(request: ShareRequest, asked: RequestedShare, key: OfficerKey) -> OpenedShare:
    place = {"bid": asked.bid, "envelope": asked.envelope, "part": asked.part, "segment": asked.segment}
    try:
        share = _unseal(request, asked, key)
        sealed = SealedShare(officer=request.officer, sealed=asked.sealed, commitment=asked.commitment)
        dealing.check_share(share, _name(request, asked), sealed)
    except (HpkeError, EnvelopeError):
        return OpenedShare.model_validate({**place, "problem": "the sealed share does not open with the officer's key"})
    except ShareError:
        return OpenedShare.model_validate(
            {**place, "share": to_text(share), "problem": "the share does not match its commitment"}
        )
    return OpenedShare.model_validate({**place, "share": to_text(share)})
