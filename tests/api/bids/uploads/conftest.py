"""One running service for all the uploads of a file of tests: each test announces a bid of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from libs.common.service import Service
from libs.common.testing.harness import Harness, harness
from tests.api.bids.bids_world import World, world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def consultation(database_url: str) -> AsyncIterator[World]:
    """Give one open consultation."""
    async with AsyncExitStack() as stack:

        async def run(service: Service, **options: object) -> Harness:
            return await stack.enter_async_context(harness(service, database_url, **options))  # type: ignore[arg-type]

        yield await world(run)
