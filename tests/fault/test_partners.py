"""Partners' AMQP under kill -9: real workers of alerts are killed while they feed; nothing is lost, nothing overtakes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel

from libs.common.bus.rabbit import RabbitBus
from libs.common.messages.envelope import CloudEvent
from libs.common.testing.databases import databases_on
from services.alerts.wiring import SERVICE
from tests.bus.management import Imported, Management, add_queue, imported_definitions, take
from tests.unit.alerts.alerts_samples import published

ROOT = Path(__file__).resolve().parents[2]
KEYS, VERSIONS, KILLS = 10, 120, 3
PREFETCH = 100
"""Messages in hand of a worker: what a kill may have told again, at most."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(management: Management) -> AsyncIterator[Imported]:
    """Give the committed definitions on a real broker."""
    async with imported_definitions(management) as imported:
        yield imported


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    async with databases_on(database_url).clone(SERVICE) as address:
        yield address


@contextmanager
def worker(broker: Imported, database: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of alerts; killed at the end, with -9."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")} | {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_ALERTS_DATABASE_URL": database,
        "HALLES_DATA_DIR": str(folder),
        "HALLES_AMQP_URL": broker.url("alerts", broker.vhost),
        "HALLES_PARTNERS_AMQP_URL": broker.url("alerts", broker.partners),
    }
    with (folder / f"worker-{uuid4().hex[:4]}.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.alerts", "worker"],
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def until(channel: AbstractChannel, queue: str, count: int) -> None:
    """Wait until a partner's queue holds so many messages."""
    async with asyncio.timeout(60):
        while True:
            state = (await channel.declare_queue(queue, passive=True)).declaration_result
            if (state.message_count or 0) >= count:
                return
            await asyncio.sleep(0.02)


async def test_killed_workers_lose_no_event_and_tell_at_most_what_they_had_in_hand_again(
    broker: Imported, database: str, tmp_path: Path
) -> None:
    queue, keys = f"partner.killed-{uuid4().hex[:6]}", [uuid4() for _ in range(KEYS)]
    await add_queue(broker, queue, "#")
    events = [
        CloudEvent.wrap(published(procedure=key, notice_id=key, version=version))
        for version in range(1, VERSIONS + 1)
        for key in keys
    ]
    sender = RabbitBus(broker.url("notices", broker.vhost))
    share = len(events) // (KILLS + 1)
    url = broker.broker.url("guest", "guest", broker.partners)
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        for turn in range(KILLS):
            sending = asyncio.create_task(sender.publish(events[turn * share : (turn + 1) * share]))
            with worker(broker, database, tmp_path):
                await until(channel, queue, turn * share + share // 4)  # it is in the middle of it
            await sending
        await sender.publish(events[KILLS * share :])
        with worker(broker, database, tmp_path), worker(broker, database, tmp_path):
            await until(channel, queue, len(events))
            found = [CloudEvent.from_json(each.body) for each in await take(url, queue, len(events))]
    await sender.close()
    first = list({told.id: told for told in found}.values())
    assert {told.id for told in first} == {event.id for event in events}, "none is lost"
    for key in keys:
        versions = [told.aggregateversion for told in first if told.subject == str(key)]
        assert versions == list(range(1, VERSIONS + 1)), "none overtakes"
    assert len(found) - len(first) <= KILLS * PREFETCH, "no more than what was in hand"
    await broker.broker.ask(f"queues/{broker.partners}/{queue}", "DELETE")
