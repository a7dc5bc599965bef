"""What people send and read of their alerts."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from libs.common.mail.message import ADDRESS
from services.alerts.people.domain import Subscriber
from services.alerts.people.store import Muted
from services.alerts.views import PersonalSearchInput

__all__ = [
    "AskedView",
    "LinkInput",
    "MutedView",
    "PersonView",
    "PersonalAddressInput",
    "SettingsInput",
    "SubscriptionInput",
]

Address = Annotated[str, Field(pattern=ADDRESS, max_length=254, examples=["macon@entreprise.example"])]
Language = Literal["fr", "en"]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(
            "Ce fuseau horaire est inconnu : Europe/Paris, Indian/Reunion...", "This time zone is unknown."
        )
    return name


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SubscriptionInput(_Input):
    """An address, and what it wants: a search, or one procedure."""

    email: Address
    language: Language = "fr"
    search: PersonalSearchInput | None = None
    procedure: UUID | None = Field(default=None, description="to follow")

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if (self.search is None) == (self.procedure is None):
            raise ValueError(
                "Donnez une recherche (search) ou une consultation à suivre (procedure), une seule chose à la fois.",
                "Give a search or a procedure to follow, one thing at a time.",
            )
        return self


class LinkInput(_Input):
    """An address that has lost the link to its alerts."""

    email: Address


class PersonalAddressInput(_Input):
    """The address of somebody who is identified."""

    email: Address
    language: Language = "fr"


class AskedView(_View):
    """The same answer for every address: who asks does not learn who has alerts."""

    message: str = "Si cette adresse peut recevoir des alertes, un courriel vient de lui être envoyé : suivez son lien."
    message_en: str = "If this address can receive alerts, a mail was just sent to it: follow its link."


class SettingsInput(_Input):
    """When and how alerts come; what is left out stays."""

    language: Language | None = None
    zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)] | None = None
    digest_hour: int | None = Field(default=None, ge=0, le=23, description="hour at which digests leave, in the zone")
    working_days: bool | None = Field(default=None, description="digests leave on working days only")
    alerts: bool | None = Field(default=None, description="false: no alert at all; true: again")
    paused_until: AwareDatetime | None = Field(default=None, description="no alert before; null: none is held back")


class PersonView(_View):
    """An address that alerts go to, and when."""

    email: str
    language: str
    zone: str
    digest_hour: int
    working_days: bool
    alerts: bool
    paused_until: datetime | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, person: Subscriber) -> Self:
        """Present a person to themselves."""
        return cls(**{name: getattr(person, name) for name in cls.model_fields})


class MutedView(_View):
    """What no alert comes about."""

    kind: str = Field(description="`notice`, with all of its procedure, or `buyer`")
    subject: str
    since: datetime

    @classmethod
    def of(cls, muted: Muted) -> Self:
        """Present it."""
        return cls(kind=muted.kind, subject=muted.subject, since=muted.since)
