"""A rehearsal before the deadline: whether an officer's key is the one that was published, and opens.

The challenge is a segment dealt like any other, to the whole key set, under a bid that cannot exist. No bid is touched.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.common.messages.notices import OpeningKeySet
from libs.common.possession import PossessionError, signed_by
from services.bids.sealing import dealing, shamir
from services.bids.sealing.errors import EnvelopeError, SealingError
from services.bids.sealing.keys import OfficerKey, check_key_set
from services.bids.sealing.manifest import Hex, Text
from services.bids.sealing.names import EnvelopeName, canonical

__all__ = ["Rehearsal", "check_rehearsal", "rehearse"]

_NO_BID = UUID(int=0)


class Rehearsal(BaseModel):
    """What an officer's tool states after a rehearsal, signed with the officer's key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["halles-rehearsal-1"] = "halles-rehearsal-1"
    consultation: UUID
    fingerprint: Hex
    officer: str
    at: AwareDatetime
    signature: Text = ""

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        return canonical(self.model_dump(mode="json", exclude={"signature"}))


def rehearse(key: OfficerKey, consultation: UUID, keys: OpeningKeySet, at: datetime) -> Rehearsal:
    """Check an officer's key against a published key set, by a challenge; give the signed statement.

    Raises EnvelopeError when the key set cannot work, or the key published under the officer's name is another one;
    HpkeError or ShareError when the key does not open.
    """
    check_key_set(keys)
    published = next((each for each in keys.officers if each.officer == key.officer), None)
    if published is None or published.public_key != key.public_text:
        raise EnvelopeError(f"the key published for {key.officer} is not the one in this file: tell the buyer")
    name = EnvelopeName(consultation, _NO_BID, 1, keys.fingerprint).segment(1, 1)
    dealt = dealing.deal(os.urandom(shamir.SECRET_SIZE), name, keys)
    (mine,) = (each for each in dealt.shares if each.officer == key.officer)
    dealing.check_share(dealing.open_share(mine.sealed, name, (key.officer, key.private)), name, mine)
    told = Rehearsal(consultation=consultation, fingerprint=keys.fingerprint, officer=key.officer, at=at)
    return told.model_copy(update={"signature": key.sign(told.signed)})


def check_rehearsal(told: Rehearsal, consultation: UUID, keys: OpeningKeySet) -> None:
    """Check that an officer of this key set rehearsed for this consultation. Raises SealingError."""
    if (told.consultation, told.fingerprint) != (consultation, keys.fingerprint):
        raise EnvelopeError("the rehearsal was of another consultation or key set")
    published = next((each for each in keys.officers if each.officer == told.officer), None)
    if published is None:
        raise EnvelopeError("not an officer of this key set")
    try:
        signed_by(published.public_key, told.signed, told.signature)
    except PossessionError as error:
        raise SealingError(f"{told.officer}: {error}") from error
