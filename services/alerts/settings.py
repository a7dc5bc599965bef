"""The settings of the alerts service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from libs.common.mail.settings import ReturnSettings

__all__ = ["AlertsSettings"]

_DAY = 86_400.0


class AlertsSettings(ReturnSettings):
    """What the alerts service needs to know, beside what all do."""

    webhook_allow: Annotated[tuple[str, ...], NoDecode] = ()
    """`host:port` of endpoints that may have a private address and no TLS: a demo on one machine. Refused in production."""
    webhook_schedule: tuple[float, ...] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, _DAY)
    """Seconds before each new attempt (Standard Webhooks); then the delivery has failed."""
    webhook_at_once: int = Field(default=4, ge=1, le=50)
    """Calls to one endpoint at once, from one process; to one that fails, one."""
    webhook_timeout: float = Field(default=15.0, gt=0, le=60)
    """Seconds of one attempt, connection and answer together."""

    asked_per_minute: int = Field(default=10, ge=1, le=1_000)
    """Mails to whatever address that one caller may cause in a minute by asking for alerts, in each process."""

    partners_amqp_url: SecretStr | None = None
    """Where partners' queues are fed: `amqp://alerts:password@host:5672/partners`, a virtual host or broker of their own
    (docs/adr/0019); None: no partner follows by AMQP. Secret: it holds a password."""
    rabbitmq_api: SecretStr | None = None
    """The management API of that broker, with its operator's login, `https://operator:password@host:15671`: only for the
    command `partner`, no process needs it."""

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    def unsafe(self) -> list[str]:
        """Give the reasons why production must not start with these settings."""
        allowed = "HALLES_WEBHOOK_ALLOW: webhooks to private addresses are for the sandbox only"
        return [*super().unsafe(), *([allowed] if self.webhook_allow else [])]
