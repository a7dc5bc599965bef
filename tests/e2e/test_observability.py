"""A real Prometheus reads real processes and a real broker: what dashboard, alerts and autoscaling ask is there.

Prometheus is Debian's package; `make test` installs it where it may, elsewhere this is skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import aio_pika
import aiohttp
import pytest
import yaml

from deploy.grafana import dashboard
from deploy.kubernetes import autoscaling
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import Topology
from libs.common.db import connect, service_url
from libs.common.migrate import migrate, provision
from libs.common.provision import drop
from libs.common.settings import Settings
from libs.common.testing.servers.debian import find_prometheus, find_promtool
from libs.common.testing.servers.postgres import free_port
from libs.common.testing.servers.rabbitmq import Broker, rabbitmq
from services.bids.uploads.service import TIDY_JOB
from services.bids.wiring import SERVICE
from tests.bus.world import exempted
from tests.e2e.prometheus import Prometheus, prometheus

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds: this machine may be busy
RUNBOOK = ROOT / "docs/runbooks/at-3-am.md"
SERIES = 300
"""At most so many of one process: bounded by services, queues, routes and classes, not by what is done."""
_OF_OTHERS = re.compile(
    'ALERTS|halles_partners_|halles_search_|halles_publications|halles_mails|halles_mail_|halles_alerts_|halles_webhook|halles_evidence_stamp|vhost="partners"'
)  # what fires later, what another service tells, and what an authority that is not here answers
_IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|SIRET|@|BREW|legality\.act\.")
pytestmark = pytest.mark.skipif(find_prometheus() is None, reason="Prometheus is not installed")


@dataclass
class Platform:
    """The processes of one service, their broker and who reads them."""

    folder: Path
    settings: Settings
    broker: Broker
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]]

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['bids-api']}"

    async def database(self, statement: str, *values: object) -> None:
        conn = await connect(service_url(self.settings, "bids"))
        try:
            await conn.execute(statement, *values)
        finally:
            await conn.close()


@pytest.fixture
async def platform(database_url: str, tmp_path: Path) -> AsyncIterator[Platform]:
    prefix = f"halles_test_{secrets.token_hex(4)}"
    settings = Settings(environment="test", database_url=database_url, database_prefix=prefix, database_urls={})
    async with AsyncExitStack() as stack:
        broker, _ = await asyncio.gather(stack.enter_async_context(rabbitmq()), _prepare(settings))
        stack.push_async_callback(drop, settings, "bids")
        ports = {f"bids-{role}": free_port() for role in ("api", "worker", "relay")}
        running = Platform(tmp_path, settings, broker, ports, {})
        stack.callback(_stop, running.processes)
        for name in ports:
            running.processes[name] = _start(running, name)
        yield running


async def _prepare(settings: Settings) -> None:
    await provision(settings, "bids")
    await migrate(settings, SERVICE)


def _start(platform: Platform, name: str) -> subprocess.Popen[bytes]:
    role, port = name.removeprefix("bids-"), str(platform.ports[name])
    variables = {key: value for key, value in os.environ.items() if not key.startswith("HALLES_")} | {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URL": platform.settings.database_url,
        "HALLES_DATABASE_PREFIX": platform.settings.database_prefix,
        "HALLES_DATA_DIR": str(platform.folder),
        "HALLES_AMQP_URL": platform.broker.url,
        "HALLES_ISSUER": "http://127.0.0.1:1/issuer",
    }
    command = [sys.executable, "-m", "services.bids", role, "--port" if role == "api" else "--health-port", port]
    with (platform.folder / f"{name}.log").open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        process.kill()
        process.wait()


async def _until(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> None:
    end = time.monotonic() + PATIENCE
    found = None
    while time.monotonic() < end:
        found = await look()
        if wanted(found):
            return
        await asyncio.sleep(0.3)
    raise AssertionError(f"not so after {PATIENCE} s: {found}")


async def test_a_real_prometheus_sees_all_that_operators_ask(platform: Platform) -> None:
    addresses = {name: f"127.0.0.1:{port}" for name, port in platform.ports.items()}
    addresses["rabbitmq"] = platform.broker.metrics_url.split("/")[2]
    async with prometheus(platform.folder, addresses, vhost="/") as reader, _followed(platform):
        await _until(lambda: reader.query("up == 1"), lambda found: len(found) == 5)
        await _until(lambda: reader.query("halles_consumer_up == 1"), lambda found: len(found) == 1)
        await _make_something_of_everything(platform)
        await _until(lambda: _without_data(reader), lambda missing: not missing)
        await _check_autoscaling(reader)
        await _check_units(reader)
        for address in (address for name, address in addresses.items() if name != "rabbitmq"):
            await _check_exposition(reader.client, f"http://{address}/metrics")
        await _check_runbook(platform)
        await _check_alerts(platform, reader)


@asynccontextmanager
async def _followed(platform: Platform) -> AsyncIterator[None]:
    """Have a reader follow the feed as a stream, once the api is there."""

    async def follow() -> None:
        async with aiohttp.ClientSession(headers={"Accept": "text/event-stream"}) as client:
            while True:
                with suppress(aiohttp.ClientError):
                    async with client.get(f"{platform.api}/bids/v1/events") as answer:
                        await answer.read()
                await asyncio.sleep(0.3)

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _make_something_of_everything(platform: Platform) -> None:
    """Effects, a duplicate, a failure of a handler, a message that cannot be read, an event, a job, requests."""
    bus = RabbitBus(platform.broker.url, name="test")
    try:
        twice = exempted(uuid4(), 1)
        for event in (twice, twice, exempted(uuid4(), 1)):
            await bus.publish([event])
        await platform.database("ALTER TABLE contract RENAME TO contract_gone")
        await bus.publish([exempted(uuid4(), 1)])
        await asyncio.sleep(1)
        await platform.database("ALTER TABLE contract_gone RENAME TO contract")
        async with await aio_pika.connect(platform.broker.url) as connection, connection.channel() as channel:
            await channel.default_exchange.publish(aio_pika.Message(b"{}"), "bids.legality")
            await _commit_an_event(platform)
    finally:
        await bus.close()
    await platform.database(
        "INSERT INTO job (kind, key, payload, due_at) VALUES ($1, 'k', '{\"folders\": [\"bids/none\"]}', now())",
        TIDY_JOB,
    )
    async with aiohttp.ClientSession() as client:
        for path in ("/bids/v1/events", f"/{uuid4()}", "/bids/v1/openapi.json", f"/bids/v1/contracts/{uuid4()}"):
            for method in ("GET", "BREW"):
                async with client.request(method, platform.api + path) as answer:
                    await answer.read()


async def _commit_an_event(platform: Platform) -> None:
    """Write to the outbox what another service hears of."""
    event = json.loads(exempted(uuid4(), 1).to_json())
    await platform.database(
        "INSERT INTO outbox (event_id, type, key, organisation, recorded_at, body) VALUES ($1, $2, $3, $4, now(), $5)",
        event["id"], event["type"], event["subject"], event["organisation"], json.dumps(event),
    )  # fmt: skip


async def _without_data(reader: Prometheus) -> list[str]:
    """Give the panels without data; none of their queries, and no rule, may be an error."""
    missing = []
    for panel in (panel for row in dashboard.ROWS.values() for panel in row):
        for query, _ in panel.queries:
            asked = query.replace("$__rate_interval", "15s").replace("$service", ".*")
            if not await reader.query(asked) and not _OF_OTHERS.search(asked):
                missing.append(f"{panel.title}: {asked}")
    for group in (await reader.ask("rules"))["groups"]:
        for rule in group["rules"]:
            assert rule["health"] in {"ok", "unknown"}, rule
    return missing


async def _check_autoscaling(reader: Prometheus) -> None:
    """KEDA takes one number: a query that gives several is refused."""
    for one in yaml.safe_load_all(autoscaling.PATH.read_text(encoding="utf-8")):
        for trigger in one["spec"].get("triggers", []):
            query = trigger["metadata"].get("query", "")
            if 'service="bids"' in query:
                assert len(await reader.query(query)) == 1, query


async def _check_units(reader: Prometheus) -> None:
    """Seconds are seconds, counts are counts."""
    now = time.time()
    for query, least, most in (
        ("halles_outbox_oldest_seconds", 0, 60),
        ("halles_archive_oldest_seconds", 0, 300),
        ("halles_jobs_oldest_seconds", 0, 60),
        ("halles_periodic_done_timestamp_seconds", now - 300, now + 1),
        ('halles_periodic_seconds{task="measuring.measure"}', 5, 5),
        ("count by (instance) (halles_relay_lag)", 8, 8),
        ("halles_database_connections / halles_database_connections_limit", 0, 1),
        ('halles_duplicates_dropped_total{queue="bids.legality"}', 1, 1),
        ('halles_parked{queue="bids.legality", state="parked"}', 1, 1),
        ("halles_feed_waiting", 1, 1),
    ):
        within = partial(_within, least, most)
        await _until(partial(reader.query, query), within)


def _within(least: float, most: float, found: list[tuple[dict[str, str], float]]) -> bool:
    return bool(found) and all(least <= value <= most for _, value in found)


async def _check_exposition(client: aiohttp.ClientSession, url: str) -> None:
    """What a process tells is well formed (promtool), and bounded."""
    async with client.get(url) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.read()
    checked = await asyncio.to_thread(
        subprocess.run, [str(find_promtool()), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert checked.returncode == 0, (url, checked.stdout, checked.stderr)
    assert not _IDENTITY.search(text.decode()), "an id, or who somebody is, became a label"
    lines = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
    assert len(lines) <= SERIES, len(lines)


async def _check_runbook(platform: Platform) -> None:
    """Each question the runbook puts to a service's database has an answer."""
    questions = re.findall(r'^    psql halles_bids -c "(.+)"$', RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(questions) >= 8
    conn = await connect(service_url(platform.settings, "bids"))
    try:
        for question in questions:
            await conn.fetch(question)
    finally:
        await conn.close()


async def _check_alerts(platform: Platform, reader: Prometheus) -> None:
    """What is wrong here is seen by its rule, and nothing else is; a relay that ends is seen by two more."""
    others = {"alerts", "legality", "notices", "opendata", "signature"}
    queues = {queue.name for queue in Topology.load().queues if queue.service != "bids"}
    processes = {f"{name}-{role}" for name in others for role in ("api", "relay", "worker")}
    wrong = {("HallesProcessAbsent", name) for name in processes} | {("HallesMessagesParked", "bids.legality")}
    wrong |= {("HallesQueueWithoutConsumer", name) for name in queues | {f"{name}.dead" for name in others}}
    slow = {("HallesEffectsSlow", "bids.legality")}  # what was tried again had waited for 5 s
    await _until(reader.alerts, lambda found: found - slow == wrong)
    platform.processes["bids-relay"].send_signal(signal.SIGKILL)
    wrong |= {(alert, "bids-relay") for alert in ("HallesProcessDown", "HallesProcessAbsent")}
    wrong |= {("HallesNoLeader", "bids")}
    await _until(reader.alerts, lambda found: found - slow == wrong)
