"""A runtime without HTTP or bus, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.http import Routes
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Consumers, Jobs, Service
from libs.common.settings import Settings
from libs.common.testing.databases import databases_on
from libs.common.testing.harness import TestClock

BUYER = "SIRET:21210231500018"


def event(aggregate: UUID, version: int = 1) -> WebhookDeliveredV1:
    """Give an event of an aggregate."""
    return WebhookDeliveredV1(
        aggregate_id=aggregate,
        aggregate_version=version,
        organisation=BUYER,
        occurred_at=TestClock().now(),
        endpoint_id=aggregate,
        event_id=aggregate,
        attempts=1,
    )


RuntimeFactory = Callable[[Jobs], Awaitable[Runtime]]


@pytest.fixture
def bare_service(tmp_path: Path) -> Service:
    """Give a service with no table of its own."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    return Service("alerts", Settings, folder, Routes("alerts"), Consumers("alerts"))


@pytest.fixture
async def runtimes(database_url: str, bare_service: Service, tmp_path: Path) -> AsyncIterator[RuntimeFactory]:
    """Give what opens runtimes over one database, as several processes would."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(databases_on(database_url).clone(bare_service))
        settings = Settings(
            environment="test", data_dir=tmp_path, database_urls={"alerts": address}, database_url=database_url
        )

        async def run(jobs: Jobs) -> Runtime:
            service = Service("alerts", Settings, bare_service.migrations, Routes("alerts"), Consumers("alerts"), jobs)
            return await stack.enter_async_context(open_runtime(service, settings, clock=TestClock()))

        yield run


@pytest.fixture
async def runtime(runtimes: RuntimeFactory) -> Runtime:
    """Give a runtime without jobs."""
    return await runtimes(Jobs())
