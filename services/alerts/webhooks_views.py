"""What partners read and send about their webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import OrganisationId
from services.alerts.matching.criteria import CpvPrefix, Department
from services.alerts.service.webhooks import Change
from services.alerts.views import Input, PageQuery, View
from services.alerts.webhooks.endpoints import Endpoint, Filters, Signature

__all__ = [
    "AttemptView",
    "DeliveryQuery",
    "DeliveryView",
    "EventTypeView",
    "RecoveryInput",
    "RecoveryView",
    "SecretInput",
    "TestInput",
    "WebhookChange",
    "WebhookInput",
    "WebhookSecretView",
    "WebhookView",
]

Url = Annotated[
    str,
    Field(
        max_length=2_000,
        description="public https address, port 443 or from 1024",
        examples=["https://partner.example/halles"],
    ),
]
Types = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50, description="of events")]
Cpv = Annotated[list[CpvPrefix], Field(max_length=100)]
Departments = Annotated[list[Department], Field(max_length=120, description="of performance, else of the buyer")]
Buyers = Annotated[list[OrganisationId], Field(max_length=500)]
PerSecond = Annotated[int, Field(ge=1, le=1_000, description="calls a second, from each worker")]


class WebhookInput(Input):
    """An endpoint of a partner. Empty lists let everything pass; each one given must hold."""

    url: Url
    types: Types = []
    cpv: Cpv = []
    departments: Departments = []
    buyers: Buyers = []
    per_second: PerSecond = 50
    signature: Signature = Field(
        default="v1", description="Standard Webhooks: v1 is HMAC-SHA256, v1a is Ed25519; for good"
    )

    def endpoint(self, organisation: str, at: datetime) -> Endpoint:
        """Give the endpoint to keep; it gets its identity there."""
        filters = Filters(
            list(dict.fromkeys(self.types)),
            sorted(set(self.cpv)),
            sorted(set(self.departments)),
            sorted(set(self.buyers)),
        )
        return Endpoint(
            UUID(int=0), organisation, self.url, filters, at, per_second=self.per_second, signature=self.signature
        )


class WebhookChange(Input):
    """What becomes other in an endpoint; what is left out stays."""

    url: Url | None = None
    types: Types | None = None
    cpv: Cpv | None = None
    departments: Departments | None = None
    buyers: Buyers | None = None
    per_second: PerSecond | None = None
    enabled: bool | None = Field(
        default=None, description="true: send again, what waits first; false: send nothing until then"
    )

    def change(self) -> Change:
        """Give what is to be changed."""
        return Change(**{name: getattr(self, name) for name in type(self).model_fields})


class WebhookView(View):
    """A partner's endpoint."""

    webhook_id: UUID
    url: str
    types: list[str]
    cpv: list[str]
    departments: list[str]
    buyers: list[str]
    per_second: int
    signature: Signature
    previous_secret_until: datetime | None = Field(description="until then the secret before signs too")
    state: str
    disabled_reason: str | None
    failing_since: datetime | None = Field(description="since when every attempt fails")
    held_until: datetime | None = Field(
        description="it gets nothing before: it asked for that, or fails again and again"
    )
    created_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint, now: datetime) -> Self:
        """Present an endpoint, without its secret."""
        return cls(**_told(endpoint, now))


class WebhookSecretView(WebhookView):
    """An endpoint with what its calls are verified with, shown this once."""

    secret: str | None = Field(description="for v1: `whsec_` and base64")
    public_key: str | None = Field(description="for v1a: `whpk_` and base64")

    @classmethod
    def shown(cls, endpoint: Endpoint, now: datetime, secret: str | None, public_key: str | None) -> Self:
        """Present an endpoint that was made, or got another secret."""
        return cls(**_told(endpoint, now), secret=secret, public_key=public_key)


class SecretInput(Input):
    """How long the secret of now signs beside the new one."""

    overlap_hours: int = Field(default=24, ge=0, le=168)


class TestInput(Input):
    """Which example is sent."""

    type: str = Field(default="notices.notice.published.v1", max_length=100)


class RecoveryInput(Input):
    """From when on events are sent again."""

    since: AwareDatetime = Field(description="90 days ago at most")
    what: Literal["missing", "all"] = Field(
        default="missing", description="what never arrived, or all, what was accepted too"
    )


class RecoveryView(View):
    """A recovery that goes on; a later one ends it."""

    recovery_id: UUID


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: Literal["waiting", "delivered", "failed"] | None = None


class DeliveryView(View):
    """An event on its way to an endpoint, or arrived, or given up."""

    event_id: UUID
    type: str
    state: str
    attempts: int
    test: bool
    created_at: datetime
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Present a delivery."""
        values = {name: row[name] for name in ("event_id", "type", "state", "attempts", "test", "created_at")}
        return cls(**values, next_attempt_at=row["due_at"] if row["state"] == "waiting" else None)


class AttemptView(View):
    """One attempt at one delivery."""

    event_id: UUID
    type: str
    number: int
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    answer: str | None = Field(description="its beginning, without what looks like a secret")
    delivery: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Present an attempt."""
        names = ("event_id", "type", "number", "at", "status", "error", "milliseconds", "answer")
        return cls(**{name: row[name] for name in names}, delivery=row["state"])


class EventTypeView(View):
    """A type of events that partners may get."""

    type: str
    description: str = Field(description="in French")
    description_en: str
    schema_url: str = Field(description="JSON Schema of `data`")
    example: dict[str, Any] = Field(description="a whole event")


def _told(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    same = ("webhook_id", "url", "per_second", "signature", "state", "disabled_reason", "created_at")
    lists = ("types", "cpv", "departments", "buyers")
    until, health = endpoint.previous_until, endpoint.health
    return {
        **{name: getattr(endpoint, name) for name in same},
        **{name: list(getattr(endpoint.filters, name)) for name in lists},
        "previous_secret_until": until if until is not None and until > now else None,
        "failing_since": health.failing_since,
        "held_until": health.held_until if health.held_until is not None and health.held_until > now else None,
    }
