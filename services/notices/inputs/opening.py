"""Who can open the bids, as a buyer gives it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from libs.common.messages.notices import OpeningKey, OpeningKeySet, OpeningRules, key_set_fingerprint
from libs.common.possession import PossessionError, verify_possession
from services.notices.inputs.fields import Input

__all__ = ["NewDocument", "NewOfficer", "NewOpening", "NewRules"]


class NewOfficer(Input):
    """The public key of one opening officer: what the tool `keygen` prints."""

    officer: str = Field(
        min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="a function, no name"
    )
    public_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="X25519 public key, base64url without padding")
    proof: str = Field(pattern=r"^[A-Za-z0-9_-]{128}$", description="that the officer holds the private key, base64url")
    recovery: bool = Field(default=False, description="a recovery officer: one more share, never enough alone")

    @model_validator(mode="after")
    def _held(self) -> Self:
        try:
            verify_possession(self.officer, self.public_key, self.proof)
        except PossessionError as error:
            raise ValueError(
                f"La preuve de possession de la clé de « {self.officer} » n'est pas valable : redonnez ce qu'affiche "
                "l'outil keygen, sans rien y changer.",
                f"The proof of possession of the key of {self.officer} is not valid: {error}.",
            ) from error
        return self


class NewDocument(Input):
    """A document asked of bidders, for each lot or for some."""

    kind: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$", examples=["dc1"])
    label: str = Field(min_length=1, max_length=200)
    envelope: Literal["application", "offer"]
    lots: list[str] = Field(default=[], max_length=1000, description="none told: each lot")
    mandatory: bool = True
    valid_on_deadline: bool = Field(default=False, description="a certificate: it must be valid on the deadline")


class NewRules(Input):
    """How the bids are deposited and opened."""

    application: Literal["required", "optional"] = "optional"
    order: Literal["applications-first", "offers-first"] = Field(
        default="applications-first", description="offers first: in open procedures only"
    )
    deposits_add_up: bool | None = None
    platform_sealing: bool = True
    recovery_refused: str | None = Field(
        default=None, min_length=10, max_length=500, description="why there is no recovery officer, in writing"
    )

    documents: list[NewDocument] = Field(default=[], max_length=200, description="what each bid must hold")
    one_bid_per_company: bool = Field(default=False, description="R2142-21 CCP")

    def told(self) -> OpeningRules:
        """Give them as they are published."""
        return OpeningRules.model_validate(self.model_dump())


class NewOpening(Input):
    """Who can open the bids, and how many are needed."""

    threshold: int = Field(ge=1, le=20)
    officers: list[NewOfficer] = Field(min_length=1, max_length=22)
    rules: NewRules | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = {each.officer for each in self.officers}
        keys = {each.public_key for each in self.officers}
        if len(names) < len(self.officers) or len(keys) < len(self.officers):
            raise ValueError(
                "Chaque agent a un nom et une clé différents de ceux des autres.",
                "Each officer has a name and a key of its own.",
            )
        officers = sum(not each.recovery for each in self.officers)
        if self.threshold > officers:
            raise ValueError(
                f"Le seuil ({self.threshold}) dépasse le nombre d'agents ({officers}).",
                f"The threshold ({self.threshold}) exceeds the number of officers ({officers}).",
            )
        self._check_recovery(len(self.officers) - officers)
        return self

    def _check_recovery(self, given: int) -> None:
        """Ask for the recovery officer, or for the refusal in writing; never one who would open alone."""
        wanted = 2 if self.threshold == 1 else 1
        if given not in {0, wanted}:
            raise ValueError(
                f"Avec un seuil de {self.threshold}, il faut {wanted} agent(s) de secours, "
                "qui ne peuvent jamais ouvrir seuls.",
                f"With a threshold of {self.threshold}, {wanted} recovery officer(s) are needed, never enough alone.",
            )
        refused = self.rules is not None and self.rules.recovery_refused is not None
        if not given and not refused:
            raise ValueError(
                "Nommez un agent de secours (recovery), ou écrivez pourquoi vous n'en voulez pas "
                "(rules.recovery_refused) : si les clés sont perdues, les plis le sont aussi.",
                "Name a recovery officer, or write why you want none: with the keys lost, the bids are lost.",
            )

    def key_set(self) -> OpeningKeySet:
        """Give the key set with its fingerprint; officers sorted by name, so that their order means nothing."""
        ordered = sorted(self.officers, key=lambda each: each.officer)
        officers = [OpeningKey.model_validate(each.model_dump()) for each in ordered]
        fingerprint = key_set_fingerprint(self.threshold, officers)
        rules = self.rules.told() if self.rules is not None else None
        return OpeningKeySet(threshold=self.threshold, officers=officers, fingerprint=fingerprint, rules=rules)
