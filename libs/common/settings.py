"""The settings of every service, read from `HALLES_*` environment variables; safe by default, checked before a start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.clock import Clock, SandboxClock, SystemClock

__all__ = ["Settings", "UnsafeStartError"]

_SANDBOX_SECRET = "sandbox-secret-not-for-production"  # noqa: S105  # refused in production, see unsafe()
_SECRET_LENGTH = 32  # characters: 128 bits at least, even in hexadecimal
_CURSOR_DAYS = 90  # docs/partners.md
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class UnsafeStartError(Exception):
    """A production start was asked with a part that belongs to the sandbox."""


def _addresses_of_services() -> dict[str, str]:
    """Give `HALLES_<SERVICE>_DATABASE_URL` by service."""
    found = ((re.fullmatch(r"HALLES_([A-Z]+)_DATABASE_URL", name), value) for name, value in os.environ.items())
    return {match[1].lower(): value for match, value in found if match and value}


def _storage_in(values: dict[str, Any]) -> str:
    return f"file://{values['data_dir'].absolute()}/storage"


class Settings(BaseSettings):
    """What every process needs to know. A service's own settings are a subclass, with the same prefix."""

    model_config = SettingsConfigDict(env_prefix="HALLES_", frozen=True, env_ignore_empty=True)

    environment: Literal["production", "sandbox", "test"] = "production"

    database_url: str = "postgresql://postgres@127.0.0.1:5432/postgres"
    """The administrator's address. Only `migrate` logs in with it; the others take the server's address from it."""
    database_urls: Mapping[str, str] = Field(default_factory=_addresses_of_services)
    """Own address by service, where it is not derived: `HALLES_NOTICES_DATABASE_URL`..."""
    database_prefix: str = Field(default="halles", pattern=r"^[a-z][a-z0-9_]{0,40}$")
    pool_size: int = Field(default=7, ge=1)
    """Database connections of one service in one process. One more listens; a relay has two more as leader (numberer,
    publisher), a worker one while it archives: three more at most."""

    amqp_url: str | None = None
    """The broker; None: the in-process bus, on one machine."""

    data_dir: Path = Path(".halles")
    storage_url: str = Field(default_factory=_storage_in)
    """`file:///folder` or `s3://bucket`."""

    secret: SecretStr = SecretStr(_SANDBOX_SECRET)
    """Signs cursors and derives the databases' passwords; the same for all processes."""
    old_secrets: tuple[SecretStr, ...] = ()
    """Earlier values of `secret` (JSON list): the feed still reads their cursors. Leave one here as long as those are good."""
    issuer: str = "http://127.0.0.1:8080/issuer"
    """Who issues the bearer tokens (OIDC issuer)."""
    jwks_url: str | None = None
    """Where its keys are; None: asked of the issuer's discovery document."""
    audience: str = "halles"

    public_url: str = "http://127.0.0.1:8080"
    cors_origins: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    rate_per_minute: int = Field(default=600, ge=1)
    """Requests a principal may make in a minute."""
    max_body_bytes: int = Field(default=10 * 2**20, ge=1)
    """Limit of a JSON or XML body; streamed files have their own."""
    request_seconds: float = Field(default=30, gt=0)
    """Until a request that is not a stream is given up and undone."""
    proxies: int = Field(default=0, ge=0, le=5)
    """Reverse proxies in front whose `X-Forwarded-For` is believed; 0: the connection's own address counts."""

    clock: Literal["system", "sandbox"] = "system"
    clock_file: Path = Field(default_factory=lambda values: values["data_dir"] / "clock")
    """Where the sandbox keeps how far ahead it is."""
    timestamp_urls: tuple[str, ...] = ()
    """RFC 3161 authorities, in order of preference."""
    trust_dir: Path | None = None
    """Root certificates (PEM) that signatures and time stamps may rest on."""
    otlp_url: str | None = None
    """OpenTelemetry collector (OTLP over HTTP); None: traces stay in the process."""
    trace_ratio: float = Field(default=0.1, ge=0, le=1)
    """Share of the traces begun here that are kept."""
    archive_days: int = Field(default=_CURSOR_DAYS, ge=1)
    """Days an event stays in the database and its cursors are good; then it is in the archive only."""
    health_port: int | None = None
    """Where worker and relay serve `/livez`, `/readyz` and `/metrics`; None: nowhere. The api does on its own port."""
    metrics_public: bool = False
    """Whether `/metrics` is for everybody who reaches the port; else for callers with a loopback or private address only."""
    start_seconds: float = Field(default=60, gt=0)
    """How long a starting process waits for the database, its migrations and the broker."""

    @field_validator("public_url", "issuer")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        return value.rstrip("/")

    def new_clock(self) -> Clock:
        """Give the clock of the domain these settings ask for."""
        return SandboxClock(self.clock_file) if self.clock == "sandbox" else SystemClock()

    def unsafe(self) -> list[str]:
        """Give the reasons why production must not start with these settings; empty when it may."""
        secret = self.secret.get_secret_value()
        faults = {
            "HALLES_CLOCK=sandbox: domain time could be moved; production uses the system's clock": (
                self.clock == "sandbox"
            ),
            f"HALLES_ISSUER={self.issuer}: a local issuer gives a token to anybody; name your https:// OIDC issuer": (
                _is_local_issuer(self.issuer, self.public_url)
            ),
            f"HALLES_JWKS_URL={self.jwks_url}: keys must come over https://": (
                self.jwks_url is not None and not self.jwks_url.startswith("https://")
            ),
            f"HALLES_SECRET is missing or shorter than {_SECRET_LENGTH} characters": (
                secret == _SANDBOX_SECRET or len(secret) < _SECRET_LENGTH
            ),
            f"HALLES_ARCHIVE_DAYS={self.archive_days}: partners are promised cursors of {_CURSOR_DAYS} days": (
                self.archive_days < _CURSOR_DAYS
            ),
        }
        return [fault for fault, present in faults.items() if present]

    def refuse_unsafe_start(self) -> None:
        """Let only a safe configuration start in production. Raises UnsafeStartError that lists every fault."""
        faults = self.unsafe() if self.environment == "production" else []
        if faults:
            raise UnsafeStartError(
                "production start refused:\n  - "
                + "\n  - ".join(faults)
                + "\nMend them, or set HALLES_ENVIRONMENT=sandbox to try Halles."
            )


def _is_local_issuer(issuer: str, public_url: str) -> bool:
    address = urlsplit(issuer)
    return address.scheme != "https" or address.hostname in _LOOPBACK or issuer == f"{public_url}/issuer"
