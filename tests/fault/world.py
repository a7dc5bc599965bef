"""The world of the fault tests: private servers, networks, processes, what is outside, and the truth."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from libs.common.bus.topology import Topology
from libs.common.migrate import migrate, provision
from libs.common.settings import Settings
from libs.common.testing.servers.postgres import free_port
from tests.fault import servers
from tests.fault.fleet import Fleet, until
from tests.fault.model import Change, Seen
from tests.fault.network import Network
from tests.fault.nursery import nursery
from tests.fault.outside import Copier, Reader, Sink
from tests.fault.shop import SERVICES, is_sent

PREFIX = "fault"
LEASE_SECONDS = "6"


@dataclass
class World:
    """Everything under our hand."""

    folder: Path
    chance: random.Random
    database: servers.Server
    broker: servers.Broker
    database_network: Network
    broker_network: Network
    sink: Sink
    copier: Copier
    fleet: Fleet
    port: int
    ports: dict[str, int] = field(default_factory=dict)
    readers: list[Reader] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def feed_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/opendata/v1/events"

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    def health(self, name: str) -> list[str]:
        """Give a process of this name a port for its health and metrics."""
        self.ports[name] = free_port()
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

    def settings(self, database_url: str) -> Settings:
        """Give the settings of the two services, for us."""
        return Settings(environment="test", database_url=database_url, database_prefix=PREFIX, database_urls={})

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

    async def read(self, count: int) -> None:
        """Have so many partners follow the feed from now on."""
        self.readers += [Reader(self.feed_url, random.Random(self.chance.random())) for _ in range(count)]
        self.tasks += [asyncio.create_task(reader.follow()) for reader in self.readers[-count:]]

    async def truth(self) -> tuple[list[Change], list[Change]]:
        """Give all that was committed, and the public part of it."""
        rows = await self.rows("opendata", "SELECT mark, key, place, public FROM committed")
        every = [Change(row["mark"], row["key"], row["place"]) for row in rows]
        return every, [change for change, row in zip(every, rows, strict=True) if row["public"]]

    async def seen(self) -> Seen:
        """Gather all that was seen."""
        log = await self.rows("opendata", "SELECT body FROM event ORDER BY position")
        effects = await self.rows("alerts", "SELECT mark, key, place FROM effect ORDER BY id")
        views = await self.rows("alerts", "SELECT key, version, seen FROM view")
        notes = [line.split() for path in self.notes.iterdir() for line in path.read_text().splitlines()]
        return Seen(
            log=[_logged(json.loads(row["body"])) for row in log],
            effects=[Change(*row) for row in effects],
            views={row["key"]: (row["version"], row["seen"]) for row in views},
            feeds=[reader.seen for reader in self.readers],
            sent=list(self.sink.received),
            done=frozenset(mark for fate, mark in notes if fate == "done"),
            undone=frozenset(mark for fate, mark in notes if fate == "undone"),
            faults=list(self.fleet.faults),
        )

    async def settled(self, seconds: float) -> dict[str, int]:
        """Wait until all that was committed has had its effects, or too long; give what is missing."""
        every, public = await self.truth()
        wanted = {change.mark for change in public if is_sent(change.place)}

        async def missing() -> dict[str, int]:
            return {
                "effects": len(every) - await self.count("alerts", "SELECT count(*) FROM effect"),
                "views": len(every) - await self.count("alerts", "SELECT sum(seen) FROM view"),
                "sent": len(wanted - {sent.mark for sent in self.sink.received}),
                "jobs": await self.count("alerts", "SELECT count(*) FROM job WHERE state = 'waiting'"),
                "feeds": sum(max(0, len(public) - len(reader.seen)) for reader in self.readers),
            }

        async def nothing_missing() -> bool:
            return all(count <= 0 for count in (await missing()).values())

        try:
            await until(nothing_missing, seconds, "settled", every=0.5)
        except TimeoutError:
            return await missing()
        return {}

    async def troubles(self) -> list[dict[str, Any]]:
        """Give what is parked, set aside or dead, for the report of a failure."""
        parked = "SELECT queue, state, reason, count(*) AS messages FROM parked GROUP BY 1, 2, 3"
        aside = "SELECT reason, count(*) AS set_aside FROM set_aside GROUP BY 1"
        dead = "SELECT kind, last_error, count(*) AS dead FROM job WHERE state = 'dead' GROUP BY 1, 2"
        asked = (("alerts", parked), ("opendata", aside), ("alerts", dead))
        return [dict(row) for service, query in asked for row in await self.rows(service, query)]


def _sum(text: str, name: str, labels: Mapping[str, str]) -> float:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


def _logged(event: dict[str, Any]) -> Change:
    return Change(
        event["data"].get("uid") or event["data"]["reason"], UUID(event["subject"]), event["aggregateversion"]
    )


@asynccontextmanager
async def world(folder: Path, seed: int) -> AsyncIterator[World]:
    """Start the servers, make the databases, start no process yet."""
    async with AsyncExitStack() as stack:
        both = await asyncio.gather(
            stack.enter_async_context(servers.postgres()), stack.enter_async_context(servers.rabbitmq())
        )
        found = await _around(stack, folder, random.Random(seed), both)
        try:
            yield found
        finally:
            for task in found.tasks:
                task.cancel()
            if found.tasks:
                await asyncio.wait(found.tasks, timeout=10)


async def _around(
    stack: AsyncExitStack, folder: Path, chance: random.Random, both: tuple[servers.Server, servers.Broker]
) -> World:
    database, broker = both
    database_network = await stack.enter_async_context(Network(database.url).listening())
    broker_network = await stack.enter_async_context(Network(broker.url).listening())
    sink = await stack.enter_async_context(Sink().listening())
    port = free_port()
    fixed = _fixed(folder, sink, port)

    def variables() -> Mapping[str, str]:
        """Each process takes the proxy or the direct way, by chance."""
        return fixed | {
            "HALLES_DATABASE_URL": chance.choice([database.url, database_network.url]),
            "HALLES_AMQP_URL": chance.choice([broker.url, broker_network.url]),
        }

    fleet = Fleet(folder, variables, chance)
    fleet.nursery = await stack.enter_async_context(nursery(fleet.exited))
    (folder / "notes").mkdir()
    copier = Copier(broker.url, random.Random(chance.random()))
    found = World(folder, chance, database, broker, database_network, broker_network, sink, copier, fleet, port)
    for service in SERVICES.values():
        await provision(found.settings(database.url), service.name)
        await migrate(found.settings(database.url), service)
    return found


def _fixed(folder: Path, sink: Sink, port: int) -> dict[str, str]:
    topology = folder / "topology.json"
    topology.write_text(json.dumps(Topology.of(SERVICES.values()).to_json()))
    return {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_PREFIX": PREFIX,
        "HALLES_DATA_DIR": str(folder),
        "HALLES_PORT": str(port),
        "HALLES_RATE_PER_MINUTE": "1000000",
        "HALLES_SINK_URL": sink.url,
        "FAULT_TOPOLOGY": str(topology),
        "FAULT_LEASE_SECONDS": LEASE_SECONDS,
    }


def clean_environment(patch: pytest.MonkeyPatch) -> None:
    """Forget the settings of whoever started us: ours and those of the processes are told one by one."""
    for name in [name for name in os.environ if name.startswith("HALLES_")]:
        patch.delenv(name)
