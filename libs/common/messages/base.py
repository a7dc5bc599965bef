"""What every event is made of: its audience, its identity, and the value types events share.

Pydantic and the standard library only: a partner imports this package alone (`pip install halles-common`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

__all__ = [
    "Audience",
    "DocumentReference",
    "Event",
    "Message",
    "Money",
    "OrganisationId",
    "Sha256",
]

OrganisationId = Annotated[
    str,
    Field(
        pattern=r"^(SIRET:\d{14}|TVA:[A-Z]{2}[0-9A-Z]{2,13}|TAHITI:\d{9}|RIDET:\d{10}|FRWF:FRWF[A-Z]{14}|IREP:.{1,20}|HORS-UE:[A-Z]{2}.{1,16}|NATIONAL:[A-Z]{3}-.{1,60})$",
        examples=["SIRET:21210231500018"],
    ),
]
"""An organisation, as `scheme:identifier`, with the schemes of the French essential data (DECP); `NATIONAL:NOR-974760673`
(country and national number) is ours, for those that have none of these."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest, lower-case hexadecimal."""

AmountText = Annotated[Decimal, PlainSerializer(str, return_type=str), Field(max_digits=18, decimal_places=2)]
"""An amount of money: a decimal, written as a string so that no reader rounds it."""


class Audience(StrEnum):
    """Who may be told of an event."""

    PUBLIC = "public"
    """Everybody, at once."""
    ORGANISATION = "organisation"
    """The organisation named by the event's `organisation`, at once; the buyer as `Event.buyer_after` says."""
    INTERNAL = "internal"
    """The services only."""


class Message(BaseModel):
    """A part of an event. Unknown members are ignored: a producer may add optional ones within a major version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Message):
    """The data of one event: the full state after the change, named by type.

    Subclasses set `type`, `audience` and, where the buyer learns of it only later, `buyer_after`.
    """

    type: ClassVar[str]
    """CloudEvents type and routing key: `owner.entity.past-participle.vN`."""
    audience: ClassVar[Audience]
    buyer_after: ClassVar[str | None] = None
    """For ORGANISATION events owned by somebody else than the buyer: the type of the event of the same procedure
    from which on the buyer may read it too (None: never). Order of 22 March 2019 ECOM1831552A, art. R2132-9 CCP."""

    aggregate_id: UUID
    aggregate_version: int = Field(ge=1)
    organisation: OrganisationId
    """Whose event it is: the buyer, or for a deposit or a letter the company concerned."""
    buyer: OrganisationId | None = None
    """The buyer of the procedure, where `organisation` is another one."""
    procedure: UUID | None = None
    """The procedure it belongs to (eForms BT-04)."""
    occurred_at: AwareDatetime
    """Domain time of the change."""

    @property
    def ordering_key(self) -> str:
        """Events with the same key are delivered in order."""
        return str(self.aggregate_id)


class Money(Message):
    """An amount excluding tax, with its currency (ISO 4217)."""

    amount: AmountText
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")


class DocumentReference(Message):
    """A document kept in the platform's object storage; events carry the reference, never the content."""

    key: str
    name: str
    media_type: str
    size: int = Field(ge=0, description="bytes")
    sha256: Sha256
    stored_at: AwareDatetime | None = None
