"""The settings of the notices service."""

from __future__ import annotations

from pydantic import Field

from libs.common.settings import Settings

__all__ = ["NoticesSettings"]


class NoticesSettings(Settings):
    """Adds the limits of what buyers send."""

    max_document_bytes: int = Field(default=4 * 2**30, ge=1)
    """One tender document at most; 4 GiB holds the plans of a large building site."""
