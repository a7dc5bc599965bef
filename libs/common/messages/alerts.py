"""Events of the alerts service: internal, for the record of deliveries; no address, no search travels."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from libs.common.messages.base import Audience, Event

__all__ = ["AlertSentV1", "MailUndeliveredV1", "WebhookDeliveredV1"]


class AlertSentV1(Event):
    """A mail was handed to the mail server."""

    type: ClassVar[str] = "alerts.mail.sent.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    mail_id: UUID
    kind: str
    letter_id: UUID | None = Field(default=None, description="of a mail that tells of a letter")


class MailUndeliveredV1(Event):
    """A mail that a service asked for did not arrive; `organisation` is its addressee. The sender is told where it may know."""

    type: ClassVar[str] = "alerts.mail.undelivered.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    mail_id: UUID
    kind: str
    state: str = Field(description="undeliverable, suppressed, refused, failed, bounced; more may come")
    reason: str | None = Field(default=None, description="for the operator; never an address")
    letter_id: UUID | None = Field(default=None, description="of a mail that tells of a letter")


class WebhookDeliveredV1(Event):
    """A partner's endpoint accepted an event."""

    type: ClassVar[str] = "alerts.webhook.delivered.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    endpoint_id: UUID
    event_id: UUID
    attempts: int
