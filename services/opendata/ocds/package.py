"""The envelope of OCDS releases: who publishes, under which licence, with which extensions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.opendata.ocds.model import LICENCE, LOTS_EXTENSION

__all__ = ["package"]


def package(
    releases: list[dict[str, Any]], *, uri: str, published_at: datetime, publisher: str, next_uri: str | None = None
) -> dict[str, Any]:
    """Give a release package (version 1.1); `links.next` when there are more releases."""
    envelope: dict[str, Any] = {
        "uri": uri,
        "version": "1.1",
        "publishedDate": published_at.isoformat(),
        "publisher": {"name": publisher},
        "license": LICENCE,
        "extensions": [LOTS_EXTENSION],
        "releases": releases,
    }
    return envelope | ({"links": {"next": next_uri}} if next_uri else {})
