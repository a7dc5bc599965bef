"""What every fault test stands on: private servers, the networks before them, the processes of some services."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from libs.common.bus.topology import Topology
from libs.common.migrate import migrate, provision
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.testing.servers.rabbitmq import NAMED
from tests.fault import servers
from tests.fault.fleet import Fleet
from tests.fault.network import Network
from tests.fault.nursery import nursery

PREFIX = "fault"
LEASE_SECONDS = "6"
G = TypeVar("G", bound="Ground")


@dataclass(kw_only=True)
class Ground:
    """Servers and processes under our hand."""

    folder: Path
    chance: random.Random
    database: servers.Server
    broker: servers.Broker
    database_network: Network
    broker_network: Network
    fleet: Fleet
    services: Mapping[str, Service]
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def topology(self) -> Topology:
        """The queues of the services that play here."""
        return Topology.of(self.services.values())

    def health(self, name: str) -> list[str]:
        """Give a process of this name a port for its health and metrics."""
        self.ports[name] = servers.lasting_port()
        return ["--health-port", str(self.ports[name])]

    async def metric(self, process: str, name: str, **labels: str) -> float:
        """Give the sum of a metric over the processes whose name begins so; those that are away count nothing."""
        total = 0.0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client:
            for port in (port for slot, port in self.ports.items() if slot.startswith(process)):
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
                        total += _sum(await answer.text(), name, labels)
        return total

    def runtime(self, service: Service) -> AbstractAsyncContextManager[Runtime]:
        """Be a process of a service ourselves, for a moment, on the direct way."""
        return open_runtime(service, self.settings(service))

    def settings(self, service: Service) -> Settings:
        """Give the settings of a service, for us."""
        fixed: dict[str, Any] = {"environment": "test", "database_prefix": PREFIX, "database_urls": {}}
        return service.settings(**fixed, database_url=self.database.url, data_dir=self.folder)

    async def rows(self, service: str, query: str, *values: object) -> list[asyncpg.Record]:
        """Ask a service's database, directly, as its administrator; again while it is away."""
        url = urlsplit(self.database.url)._replace(path=f"/{PREFIX}_{service}").geturl()
        for _ in range(100):
            try:
                conn = await asyncpg.connect(url, timeout=10)
                try:
                    found: list[asyncpg.Record] = await conn.fetch(query, *values, timeout=60)
                finally:
                    await conn.close(timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
                await asyncio.sleep(0.3)
            else:
                return found
        raise TimeoutError(f"the database {service} is away")

    async def count(self, service: str, query: str) -> int:
        """Ask for one number."""
        return int((await self.rows(service, query))[0][0] or 0)

    async def troubles(self) -> list[dict[str, Any]]:
        """Give what is parked, set aside or dead, for the report of a failure."""
        asked = (
            "SELECT queue, state, reason, count(*) AS messages FROM parked GROUP BY 1, 2, 3",
            "SELECT reason, count(*) AS set_aside FROM set_aside GROUP BY 1",
            "SELECT kind, last_error, count(*) AS dead FROM job WHERE state = 'dead' GROUP BY 1, 2",
        )
        return [dict(row) for service in self.services for query in asked for row in await self.rows(service, query)]


def _sum(text: str, name: str, labels: Mapping[str, str]) -> float:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


@dataclass(frozen=True)
class Cast:
    """Who plays on a ground."""

    module: str
    """Has the services as `SERVICES`."""
    services: Mapping[str, Service]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Settings of the processes."""


@asynccontextmanager
async def ground(kind: Callable[..., G], folder: Path, seed: int, cast: Cast, **own: object) -> AsyncIterator[G]:
    """Start the servers, make the databases, start no process yet; `own` are the fields of this kind of ground."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database, broker = await asyncio.gather(enter(servers.postgres()), enter(servers.rabbitmq()))
        networks = [await enter(Network(server.url).listening()) for server in (database, broker)]
        chance = random.Random(seed)
        fixed = _fixed(folder, cast)

        def variables() -> Mapping[str, str]:
            """Each process takes the proxy or the direct way, by chance."""
            return fixed | {
                "HALLES_DATABASE_URL": chance.choice([database.url, networks[0].url]),
                "HALLES_AMQP_URL": chance.choice([broker.url, networks[1].url]),
            }

        fleet = Fleet(folder, variables, chance)
        fleet.nursery = await enter(nursery(fleet.exited, cast.module))
        found = kind(
            folder=folder, chance=chance, database=database, broker=broker, fleet=fleet, services=cast.services,
            database_network=networks[0], broker_network=networks[1], **own,
        )  # fmt: skip
        for service in cast.services.values():
            await provision(found.settings(service), service.name)
            await migrate(found.settings(service), service)
        yield found


def _fixed(folder: Path, cast: Cast) -> dict[str, str]:
    topology = folder / "topology.json"
    topology.write_text(json.dumps(Topology.of(cast.services.values()).to_json()))
    return {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_PREFIX": PREFIX,
        "HALLES_DATA_DIR": str(folder),
        "HALLES_RATE_PER_MINUTE": "1000000",
        "FAULT_TOPOLOGY": str(topology),
        "FAULT_LEASE_SECONDS": LEASE_SECONDS,
        **cast.variables,
    }


def clean_environment(patch: pytest.MonkeyPatch) -> None:
    """Forget the settings of whoever started us, but for the broker to try: all others are told one by one."""
    for name in [name for name in os.environ if name.startswith("HALLES_") and name != NAMED]:
        patch.delenv(name)
