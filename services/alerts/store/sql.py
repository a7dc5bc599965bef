"""The named queries of the service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from libs.common.db import load_queries

__all__ = ["FIRST", "LAST", "MAILS", "MATCHING", "QUERIES", "WEBHOOKS", "Key"]

QUERIES = load_queries(Path(__file__).parents[1] / "queries.sql")
MAILS = load_queries(Path(__file__).parents[1] / "mails.sql")
"""Those of the mails' queue."""
MATCHING = load_queries(Path(__file__).parents[1] / "matching.sql")
"""Those of notices held against searches."""
WEBHOOKS = load_queries(Path(__file__).parents[1] / "webhooks.sql")
"""Those of partners' endpoints and deliveries."""

Key = tuple[datetime, UUID]
"""Where a page begins: a time, and an identity that tells apart what has the same time."""
FIRST: Key = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
LAST: Key = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))
