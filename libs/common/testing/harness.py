"""One service, really running, for a test: PostgreSQL, HTTP server, tokens, jobs, and a bus within the process.

async with harness(SERVICE, database_url) as h:
    async with h.client.post("/alerts/v1/searches", json=search, headers=h.headers("SIRET:552...")) as answer:
        assert answer.status == 201
    await h.deliver(notice_published)   # as if another service had published it
    await h.settle()                    # consumers, jobs and relay have nothing left to do
    assert [event.type for event in h.events()] == ["alerts.mail.sent.v1"]
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from libs.common import audit, jobs
from libs.common.bus import inbox, numberer, publisher
from libs.common.bus.memory import MemoryBus
from libs.common.http import application
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.testing.databases import databases_on
from libs.common.testing.issuer import TestIssuer

__all__ = ["Harness", "TestClock", "harness"]

_ISSUER = "https://issuer.test"


class TestClock:
    """A clock that stands still until it is told to move. By default a Monday morning: 2 March 2026, 9:00 UTC."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Give the instant it shows, in UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward and give the new instant. Raises ValueError when asked to go back."""
        if by < timedelta():
            raise ValueError("a test clock never goes back")
        self._now += by
        return self._now

    def set(self, to: datetime) -> datetime:
        """Move forward to an instant and give it. Raises ValueError when it is past."""
        return self.advance(to - self._now)


@dataclass
class Harness:
    """A running service and the means to act on it."""

    runtime: Runtime
    client: aiohttp.ClientSession
    """Its base address is the server's: paths begin with the service's name, as behind the gateway."""
    clock: TestClock
    bus: MemoryBus
    issuer: TestIssuer
    _events: list[CloudEvent] = field(default_factory=list)

    def token(
        self,
        organisation: str,
        kind: str = "buyer",
        *,
        sub: str = "test-person",
        name: str = "Camille Martin",
    ) -> str:
        """Give a bearer token of a person who acts for an organisation (`SIRET:...`)."""
        return self.issuer.token(organisation=organisation, kind=kind, sub=sub, name=name)

    def headers(self, organisation: str, kind: str = "buyer", **person: str) -> dict[str, str]:
        """Give the headers of a request made with such a token."""
        return {"Authorization": f"Bearer {self.token(organisation, kind, **person)}"}

    async def deliver(self, *events: Event | CloudEvent) -> None:
        """Have the consumers handle events of other services, in this order. Raises what a handler raises."""
        for event in events:
            envelope = event if isinstance(event, CloudEvent) else CloudEvent.wrap(event)
            await inbox.handle(self.runtime, self.runtime.service.consumers, envelope)

    async def settle(self) -> None:
        """Do the jobs and loops that are due and publish the events, until nothing is left; what failed waits for its retry."""
        async with self.bus.consume(self.runtime):
            while await jobs.drain(self.runtime) + await self._drain_loops() + await self._relay():
                pass

    async def _drain_loops(self) -> int:
        return sum([await loop.drain(self.runtime) for loop in self.runtime.service.loops])

    def events(self, type: str | None = None) -> list[CloudEvent]:
        """Give what the service published up to the last `settle`, in order; of one type if asked."""
        return [event for event in self._events if type in {None, event.type}]

    async def _relay(self) -> int:
        """Number, publish and chain what was committed; give how many events that were."""
        numbered = await numberer.drain(self.runtime)
        await publisher.drain(self.runtime, self.bus)
        async with self.runtime.read() as conn:
            while await audit.chain(conn):
                pass
            rows = await conn.fetch("SELECT body FROM event WHERE position > $1 ORDER BY position", len(self._events))
        self._events += [CloudEvent.from_json(row["body"].encode()) for row in rows]
        return numbered


@asynccontextmanager
async def harness(
    service: Service,
    database_url: str,
    *,
    clock: TestClock | None = None,
    settings: Mapping[str, Any] | None = None,
    ports: Mapping[Any, object] | None = None,
) -> AsyncIterator[Harness]:
    """Run a service on a new database of a real server (`database_url`: the administrator's address).

    `settings` adds to the settings, `ports` replaces adapters of the service's own ports.
    """
    clock = clock or TestClock()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halles-test-")))
        issuer = TestIssuer(_ISSUER)
        address = await stack.enter_async_context(databases_on(database_url).clone(service))
        chosen = _settings(service, database_url, address, folder, issuer, settings or {})
        runtime = await stack.enter_async_context(open_runtime(service, chosen, clock=clock))
        runtime.give_ports(ports or {})
        server = TestServer(application([runtime]))
        await stack.enter_async_context(server)
        client = await stack.enter_async_context(aiohttp.ClientSession(base_url=server.make_url("/")))
        yield Harness(runtime, client, clock, MemoryBus(), issuer)


def _settings(
    service: Service, server: str, address: str, folder: Path, issuer: TestIssuer, more: Mapping[str, Any]
) -> Settings:
    values: dict[str, Any] = {
        "environment": "test",
        "database_url": server,
        "database_urls": {service.name: address},
        "amqp_url": None,
        "pool_size": 4,
        "data_dir": folder,
        "issuer": issuer.issuer,
        "jwks_url": issuer.write_jwks(folder),
        "rate_per_minute": 1_000_000,
    }
    return service.settings(**(values | dict(more)))
