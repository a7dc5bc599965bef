"""Who can open the bids, as a buyer gives it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from libs.common.messages.notices import (
    OpeningKey,
    OpeningKeySet,
    key_set_fingerprint,
)
from services.notices.inputs.fields import (
    Input,
)

__all__ = ["NewOfficer", "NewOpening"]


class NewOfficer(Input):
    """The public key of one opening officer."""

    officer: str = Field(
        min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="a function, no name"
    )
    public_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="X25519 public key, base64url without padding")


class NewOpening(Input):
    """Who can open the bids, and how many are needed."""

    threshold: int = Field(ge=1, le=20)
    officers: list[NewOfficer] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = {each.officer for each in self.officers}
        keys = {each.public_key for each in self.officers}
        if len(names) < len(self.officers) or len(keys) < len(self.officers):
            raise ValueError(
                "Chaque agent a un nom et une clé différents de ceux des autres.",
                "Each officer has a name and a key of its own.",
            )
        if self.threshold > len(self.officers):
            raise ValueError(
                f"Le seuil ({self.threshold}) dépasse le nombre d'agents ({len(self.officers)}).",
                f"The threshold ({self.threshold}) exceeds the number of officers ({len(self.officers)}).",
            )
        return self

    def key_set(self) -> OpeningKeySet:
        """Give the key set with its fingerprint; officers sorted by name, so that their order means nothing."""
        ordered = sorted(self.officers, key=lambda each: each.officer)
        officers = [OpeningKey(officer=each.officer, public_key=each.public_key) for each in ordered]
        fingerprint = key_set_fingerprint(self.threshold, officers)
        return OpeningKeySet(threshold=self.threshold, officers=officers, fingerprint=fingerprint)
