"""Settings of the legality service."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, field_validator

from libs.common.settings import Settings

__all__ = ["LegalitySettings"]


class LegalitySettings(Settings):
    """What the legality service needs beyond the common settings."""

    state_url: str | None = None
    """Where archives are posted: the address of the State's system, or of an approved operator."""
    state_folder: Path | None = None
    """Where archives are dropped instead, for an operator that fetches them."""
    state_certificate: Path | None = None
    """PEM of our client certificate and key, where the State's system asks for one (mutual TLS)."""
    operator_trigram: str = Field(default="HAL", pattern=r"^[A-Z0-9]{3}$")
    """Three letters of the transmitting operator, at the head of each archive's name."""
    return_address: str = "retours-actes@halles.test"
    """Mail address written in envelopes for the State's returns."""
    classification_date: date = date(2001, 1, 1)
    """Date of the classification used until the State has told its own; this one asks for the whole (Stela's practice)."""
    return_max_bytes: int = Field(default=60 * 2**20, ge=1)
    """Bytes of a return of the State, packed."""

    @field_validator("state_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("HALLES_STATE_URL is an http(s):// address")
        return value

    @property
    def application(self) -> str:
        """Give the first word of envelopes: production, or test."""
        return "EACT" if self.environment == "production" else "TACT"

    def unsafe(self) -> list[str]:
        """Give the reasons why production must not start with these settings."""
        faults = super().unsafe()
        if self.state_url is not None and not self.state_url.startswith("https://"):
            faults.append(f"HALLES_STATE_URL={self.state_url}: acts leave over https:// only")
        if (self.state_url or self.state_folder) and self.return_address.endswith(".test"):
            faults.append("HALLES_RETURN_ADDRESS is missing: the State would answer to nobody")
        return faults
