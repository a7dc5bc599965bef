"""Settings of the signature service."""

from __future__ import annotations

from pydantic import Field

from libs.common.settings import Settings

__all__ = ["SignatureSettings"]


class SignatureSettings(Settings):
    """What the signature service needs beyond the common settings."""

    signature_max_bytes: int = Field(default=50 * 2**20, ge=1)
    """Bytes of a document that is signed or verified."""
    verifications_at_once: int = Field(default=2, ge=1)
    verification_seconds: float = Field(default=60, gt=0)
    """A verification that takes longer is given up."""
