"""The pytest plugin of the platform: real servers and running services, as fixtures.

Registered from `tests/conftest.py`. Nothing here touches a database or a virtual host that this run did not make.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from libs.common.service import Service
from libs.common.testing import vhosts
from libs.common.testing.databases import drop_databases

if TYPE_CHECKING:
    from libs.common.testing.harness import Harness

__all__ = ["HarnessFactory", "amqp_url", "database_url", "service_harness"]

_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
_BROKER = "amqp://guest:guest@127.0.0.1:5672/"


class HarnessFactory(Protocol):
    """Runs a service until the end of the test; same options as `harness`."""

    def __call__(self, service: Service, **options: Any) -> Awaitable[Harness]:  # noqa: ANN401
        """Run a service."""
        ...


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """Give the administrator's address of a real PostgreSQL server."""
    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    yield address
    asyncio.run(drop_databases(address))


@pytest.fixture(scope="module")
def amqp_url() -> Iterator[str]:
    """Give the address of a virtual host of our own on a real RabbitMQ: what one file leaves there, no other one meets."""
    with vhosts.new(os.environ.get("HALLES_AMQP_URL", _BROKER)) as address:
        yield address


@pytest.fixture
async def service_harness(database_url: str) -> AsyncIterator[HarnessFactory]:
    """Give what runs services until the end of the test."""
    from libs.common.testing.harness import harness  # noqa: PLC0415  # pure tests need none of it

    async with AsyncExitStack() as stack:

        def run(service: Service, **options: Any) -> Awaitable[Harness]:  # noqa: ANN401
            return stack.enter_async_context(harness(service, database_url, **options))

        yield run
