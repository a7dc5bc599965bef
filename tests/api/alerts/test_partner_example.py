"""The partner of docs/partners.md, as its example is written there: away, cut off, behind a full queue, it misses nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.bus import numberer, publisher
from libs.common.bus.rabbit import RabbitBus
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Audience
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.wiring import SERVICE as ALERTS
from tests.bus.management import Imported, Management, add_queue, imported_definitions
from tests.bus.proxy import Proxy

ROOT = Path(__file__).resolve().parents[3]
TYPES = [model for name, model in registry.all_types().items() if name.startswith("bids.")]
CAP = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(management: Management) -> AsyncIterator[Imported]:
    """Give the committed definitions on a real broker."""
    async with imported_definitions(management) as imported:
        yield imported


def example() -> Any:  # noqa: ANN401  # untyped, as partners may write
    """Give the class of the page."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/partners.md").read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "aio_pika" in block]
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/partners.md", "exec"), scope)  # noqa: S102  # our own page
    return scope["Partner"]


@dataclass
class Platform:
    """A service that publishes, and alerts that feeds the partners."""

    bids: Harness
    alerts: Harness
    bus: RabbitBus
    public: list[str] = field(default_factory=list)
    """Ids of the public events told so far, in their order."""

    async def publish(self, count: int) -> None:
        """Commit public events, with others between them, and have them reach the partners' virtual host."""
        async with self.bids.runtime.uow() as uow:
            for number in range(count * 2):
                kinds = [model for model in TYPES if (model.audience is Audience.PUBLIC) == (number % 2 == 0)]
                sample = registry.parse(sample_of(kinds[number % len(kinds)]))
                uow.emit(sample.model_copy(update={"aggregate_id": uuid4()}))
        await numberer.drain(self.bids.runtime)
        await publisher.drain(self.bids.runtime, self.bus)
        names = [model.type for model in TYPES if model.audience is Audience.PUBLIC]
        async with self.bids.runtime.read() as conn:
            rows = await conn.fetch("SELECT body FROM event WHERE type = ANY($1) ORDER BY position", names)
        self.public = [json.loads(row["body"])["id"] for row in rows]
        await self._fed()

    async def _fed(self) -> None:
        query = "SELECT count(*) FROM inbox WHERE consumer = 'alerts.partners'"
        async with asyncio.timeout(30):
            while True:
                async with self.alerts.runtime.read() as conn:
                    if await conn.fetchval(query) == len(self.public):
                        return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def platform(service_harness: HarnessFactory, broker: Imported) -> AsyncIterator[Platform]:
    feed = Service("bids", Settings, ROOT / "tests/bus/migrations", Routes("bids"), Consumers("bids"))
    bids = await service_harness(feed)
    alerts = await service_harness(ALERTS, settings={"partners_amqp_url": broker.url("alerts", broker.partners)})
    sender, feeder = (RabbitBus(broker.url(name, broker.vhost)) for name in ("bids", "alerts"))
    async with feeder.consume(alerts.runtime):
        yield Platform(bids, alerts, sender)
    await feeder.close()
    await sender.close()


@asynccontextmanager
async def following(partner: Any, **options: float) -> AsyncIterator[None]:  # noqa: ANN401
    task = asyncio.create_task(partner.follow(**options))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(got: list[str], count: int) -> None:
    async with asyncio.timeout(30):
        while len(got) < count:  # noqa: ASYNC110  # the example rings no bell
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # what would come twice comes now


async def capped(broker: Imported, queue: str) -> None:
    """Cap this queue at a few events, as the operator may at run time."""
    cap = {"max-length": CAP, "overflow": "drop-head"}
    policy = {"pattern": f"^{re.escape(queue)}$", "definition": cap, "priority": 10, "apply-to": "queues"}
    await broker.broker.ask(f"policies/{broker.partners}/{queue}", "PUT", policy)


async def waiting(broker: Imported, queue: str) -> int:
    """Give how many messages the queue has, as the broker counts them some seconds later."""
    async with asyncio.timeout(30):
        while True:
            found = await broker.broker.ask(f"queues/{broker.partners}/{queue}")
            if found.get("messages"):
                return int(found["messages"])
            await asyncio.sleep(0.2)


async def test_the_partner_of_the_page_sees_every_public_event_once(
    service_harness: HarnessFactory, broker: Imported
) -> None:
    queue, got = f"partner.example-{uuid4().hex[:6]}", list[str]()
    await add_queue(broker, queue, "#")
    await capped(broker, queue)
    url = broker.broker.url("guest", "guest", broker.partners)
    async with platform(service_harness, broker) as halles, Proxy(url).listening() as proxy:
        feeds = [str(halles.bids.client._base_url) + "bids/v1/events"]
        partner = example()(proxy.url, queue, feeds, lambda event: got.append(event["id"]))
        partner.retry = 0.1
        async with following(partner):
            await halles.publish(5)
            await until(got, 5)
        await halles.publish(50)  # it is away: its queue keeps the last ones
        assert await waiting(broker, queue) <= CAP
        async with following(
            partner, every=2
        ):  # a queue so short overflows between the feed's end and its first message
            await until(got, 55)
            assert Counter(got) == Counter(halles.public), "each once"
            await halles.publish(5)
            await until(got, 60)
            for _ in range(3):  # the network is cut under it
                proxy.cut()
                await halles.publish(20)
            await until(got, 120)
        assert Counter(got) == Counter(halles.public)
    await broker.broker.ask(f"queues/{broker.partners}/{queue}", "DELETE")


async def test_the_partner_of_the_page_stops_where_its_cursor_is_too_old(broker: Imported) -> None:
    """It would miss events without a word: what is so old is in the archive."""
    queue, application = f"partner.example-{uuid4().hex[:6]}", web.Application()

    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=410)

    application.router.add_get("/v1/events", gone)
    await add_queue(broker, queue, "#")
    async with TestServer(application) as server:
        url = broker.broker.url("guest", "guest", broker.partners)
        partner = example()(url, queue, [str(server.make_url("/v1/events"))], print)
        with pytest.raises(HTTPError, match="410") as refusal:
            async with asyncio.timeout(20):
                await partner.follow()
        refusal.value.close()
    await broker.broker.ask(f"queues/{broker.partners}/{queue}", "DELETE")


async def test_a_queue_that_overflows_under_its_reader_is_filled_from_the_feed(
    service_harness: HarnessFactory, broker: Imported
) -> None:
    """Connected all the time and too slow: the example looks at the feeds again by itself."""
    queue, got = f"partner.example-{uuid4().hex[:6]}", list[str]()
    await add_queue(broker, queue)  # bound to nothing: all is lost on this way
    url = broker.broker.url("guest", "guest", broker.partners)
    async with platform(service_harness, broker) as halles:
        feeds = [str(halles.bids.client._base_url) + "bids/v1/events"]
        partner = example()(url, queue, feeds, lambda event: got.append(event["id"]))
        async with following(partner, every=0.5):
            await halles.publish(10)
            await until(got, 10)
        assert got == halles.public
    await broker.broker.ask(f"queues/{broker.partners}/{queue}", "DELETE")
