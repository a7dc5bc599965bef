"""The envelope of every event: CloudEvents 1.0, JSON, structured mode (outbox row = message body = archive line)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.messages.base import Event, OrganisationId

__all__ = ["CloudEvent"]


def _absent(value: object) -> bool:
    return value is None


class CloudEvent(BaseModel):
    """One event on the wire; members without a value are left out.

    `sequence` is the position in its service's log, set when it is numbered; services only are told it, because it
    counts the events that others may not know of.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = "1.0"
    id: UUID
    source: str = Field(description="/notices, /bids...")
    type: str
    subject: str = Field(description="the aggregate")
    time: AwareDatetime
    datacontenttype: str = "application/json"
    dataschema: str
    organisation: OrganisationId
    buyer: OrganisationId | None = Field(default=None, exclude_if=_absent)
    procedure: UUID | None = Field(default=None, exclude_if=_absent)
    correlationid: UUID
    causationid: UUID | None = Field(default=None, exclude_if=_absent)
    traceparent: str | None = Field(default=None, exclude_if=_absent)
    aggregateversion: int
    recordedtime: AwareDatetime = Field(description="wall-clock time of the write, for latency; `time` is domain time")
    sequence: str | None = Field(default=None, exclude_if=_absent)
    supersededby: UUID | None = Field(
        default=None,
        exclude_if=_absent,
        description="the event of a newer major that tells the same change, where both are sent",
    )
    data: dict[str, Any]

    @classmethod
    def wrap(cls, event: Event, *, cause: CloudEvent | None = None, traceparent: str | None = None) -> Self:
        """Give the envelope of a new event; `cause` is the event whose handling produced it."""
        identity = uuid4()
        return cls(
            id=identity,
            source="/" + event.type.split(".", 1)[0],
            type=event.type,
            subject=str(event.aggregate_id),
            time=event.occurred_at,
            dataschema=f"urn:halles:schema:{event.type}",
            organisation=event.organisation,
            buyer=event.buyer,
            procedure=event.procedure,
            correlationid=cause.correlationid if cause else identity,
            causationid=cause.id if cause else None,
            traceparent=traceparent,
            aggregateversion=event.aggregate_version,
            recordedtime=datetime.now(UTC),
            data=event.model_dump(mode="json"),
        )

    def to_json(self) -> bytes:
        """Give the body: UTF-8 JSON, absent members left out."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read a body. Raises pydantic.ValidationError when it is no CloudEvent of ours."""
        return cls.model_validate_json(body)
