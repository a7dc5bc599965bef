"""The settings of the open data service."""

from __future__ import annotations

from pydantic import Field

from libs.common.settings import Settings

__all__ = ["OpendataSettings"]


class OpendataSettings(Settings):
    """What the open data service needs to know, beside what all do."""

    ocds_prefix: str = Field(default="ocds-halles", pattern=r"^ocds-[a-z0-9]{6}$")
    """Prefix of the ocids. The default is not registered: a platform in service asks the Open Contracting Partnership for its own."""
    publisher: str = "Halles"
    """Who publishes, as the OCDS packages say."""
