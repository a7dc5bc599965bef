"""Events of the alerts service: internal, for the record of deliveries; no address, no search travels."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from libs.common.messages.base import Audience, Event

__all__ = ["AlertSentV1", "WebhookDeliveredV1"]


class AlertSentV1(Event):
    """A mail was handed to the mail server."""

    type: ClassVar[str] = "alerts.mail.sent.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    mail_id: UUID
    kind: str
    letter_id: UUID | None = Field(default=None, description="of a mail that tells of a letter")


class WebhookDeliveredV1(Event):
    """A partner's endpoint accepted an event."""

    type: ClassVar[str] = "alerts.webhook.delivered.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    endpoint_id: UUID
    event_id: UUID
    attempts: int
