"""Shares handed to a deputy: sealed again by the absent officer's tool, signed by him, so that who carries them changes nothing.

The signature is of the officer's own key, the one that was published: whoever has not got it can neither make such a paper nor
put another deputy's key in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.common.messages.notices import OpeningKey, OpeningKeySet
from libs.common.possession import PossessionError, signed_by, verify_possession
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.keys import OfficerKey
from services.bids.sealing.manifest import Text
from services.bids.sealing.names import canonical, from_text
from services.bids.sealing.opening import OpenedShares, ShareRequest, open_shares, reseal

__all__ = ["ResealedShares", "check_resealed", "hand_over", "key_digest", "open_resealed"]


class ResealedShares(BaseModel):
    """What an absent officer's tool writes for his deputy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["halles-resealed-1"] = "halles-resealed-1"
    request: ShareRequest
    deputy_key: OpeningKey
    at: AwareDatetime
    signature: Text = ""

    @property
    def signed(self) -> bytes:
        """What the officer's signature is of."""
        return canonical(self.model_dump(mode="json", exclude={"signature"}))


def key_digest(key: OpeningKey) -> str:
    """Give what a deputy reads out to the officer: the SHA-256 of his public key, in hexadecimal."""
    return sha256(from_text(key.public_key)).hexdigest()


def hand_over(
    request: ShareRequest,
    key: OfficerKey,
    deputy: OpeningKey,
    roots: Sequence[x509.Certificate],
    *,
    at: datetime,
    not_before: datetime | None = None,
    fingerprint: str | None = None,
    deputy_digest: str | None = None,
) -> ResealedShares:
    """Seal an officer's shares again to his deputy, and sign that.

    `deputy_digest`: what the deputy read out. Raises what `reseal` does, and EnvelopeError when the deputy's key is another one.
    """
    if deputy_digest is not None and key_digest(deputy) != deputy_digest:
        raise EnvelopeError(
            f"the key given for {deputy.officer} is not the one he read out: ask him for his file again"
        )
    made = reseal(request, key, deputy, roots, not_before=not_before, fingerprint=fingerprint)
    told = ResealedShares(request=made, deputy_key=deputy, at=at)
    return told.model_copy(update={"signature": key.sign(told.signed)})


def check_resealed(told: ResealedShares, keys: OpeningKeySet) -> None:
    """Check that the officer of a key set signed this, for a deputy who holds his key. Raises EnvelopeError."""
    published = next((each for each in keys.officers if each.officer == told.request.officer), None)
    if published is None:
        raise EnvelopeError(f"{told.request.officer} is no officer of this key set")
    if told.request.deputy != told.deputy_key.officer:
        raise EnvelopeError("the deputy named is not the one whose key is given")
    try:
        signed_by(published.public_key, told.signed, told.signature)
        verify_possession(told.deputy_key.officer, told.deputy_key.public_key, told.deputy_key.proof or "")
    except PossessionError as error:
        raise EnvelopeError(f"{told.request.officer} for {told.deputy_key.officer}: {error}") from error


def open_resealed(
    told: ResealedShares,
    key: OfficerKey,
    roots: Sequence[x509.Certificate],
    *,
    keys: OpeningKeySet | None = None,
    not_before: datetime | None = None,
    fingerprint: str | None = None,
) -> OpenedShares:
    """Open, as the deputy, what an officer handed over; with `keys`, only what he signed. Raises what `open_shares` does."""
    if told.deputy_key.public_key != key.public_text:
        raise EnvelopeError(f"these shares are sealed to another key of {told.deputy_key.officer}: tell the officer")
    if keys is not None:
        check_resealed(told, keys)
        fingerprint = fingerprint or keys.fingerprint
    return open_shares(told.request, key, roots, not_before=not_before, fingerprint=fingerprint)
