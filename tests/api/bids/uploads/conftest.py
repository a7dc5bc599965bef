"""One running service for all the uploads of a file of tests: each test announces a bid of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from tests.api.bids.bids_world import World
from tests.api.bids.uploads.uploads_world import open_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def consultation(database_url: str) -> AsyncIterator[World]:
    """Give one open consultation."""
    async with open_world(database_url) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(database_url: str) -> AsyncIterator[World]:
    """Give one whose uploads do not expire: real processes, on the system's clock, work on it too."""
    async with open_world(database_url, upload_expiry=timedelta(days=3650)) as made:
        yield made
