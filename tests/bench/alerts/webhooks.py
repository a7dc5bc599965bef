"""How fast events reach partners' endpoints while one in ten hangs and one in ten answers 500: delays, then a backlog."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import click
import uvloop

from libs.common.messages.envelope import CloudEvent
from libs.common.testing.harness import Harness, TestClock, harness
from services.alerts.delivering import DELIVERING, MOST
from services.alerts.store import webhooks as store
from services.alerts.webhooks.endpoints import Endpoint, Filters
from services.alerts.webhooks.signing import headers
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import PARTNER, published

_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
_PATIENCE = 240  # seconds
LOOP = uvloop.new_event_loop
"""As the service's processes run."""


@dataclass(frozen=True)
class _Size:
    healthy: int
    failing: int
    hanging: int
    seconds: int
    per_second: int
    backlog: int


_FULL, _SHORT = _Size(160, 20, 20, 20, 2, 50), _Size(16, 2, 2, 3, 2, 5)


class _Now(TestClock):
    """The machine's clock: attempts that failed come back while we measure."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def run(*, short: bool) -> None:
    """Measure 200 endpoints of which 20 hang and 20 fail: 2 events a second for 20 s, then a backlog of 50 events (20; 3 s; 5)."""
    size = _SHORT if short else _FULL
    async with _receivers() as receivers, _service(receivers) as h:
        await _endpoints(h, receivers, size)
        await h.deliver(_event(0))  # reads the tables of communes, prepares statements: once a process
        latencies = sorted(await _at_once(h, receivers, size))
        for share, goal in ((0.5, 1.0), (0.99, 1.0)):
            took = latencies[int(len(latencies) * share)]
            _tell(
                f"publish to received, {size.per_second} events/s to {size.healthy} endpoints: p{share * 100:.0f}",
                "s",
                took,
                goal,
            )
        events = [_event(number) for number in range(10_000, 10_000 + size.backlog)]
        baseline = await _bare(receivers, events, size)
        ours = await _backlog(h, receivers, events, size)
        _tell("deliveries, against a bare client that signs", "deliveries/s", ours.rate, baseline.rate)
        _tell("processor time of a delivery, against a bare client", "ms", ours.processor, baseline.processor)


@dataclass
class _Receivers:
    url: str

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    async def told(self) -> dict[str, list[float]]:
        """Give the instants at which each event was received since the last time."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/seen") as answer:
            told: dict[str, Any] = await answer.json()
        return dict(told["seen"])

    async def all(self, events: int, each: int) -> dict[str, list[float]]:
        """Wait until so many events were received, each so often; give the instants."""
        seen: dict[str, list[float]] = {}
        async with asyncio.timeout(_PATIENCE):
            while sum(map(len, seen.values())) < events * each:
                await asyncio.sleep(0.1)
                for event, instants in (await self.told()).items():
                    seen.setdefault(event, []).extend(instants)
        return seen


@asynccontextmanager
async def _receivers() -> AsyncIterator[_Receivers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.alerts.receivers", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the receivers have no pipes")
    try:
        yield _Receivers(f"http://127.0.0.1:{int(await process.stdout.readline())}")
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def _service(receivers: _Receivers) -> AsyncIterator[Harness]:
    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    async with harness(SERVICE, address, settings={"webhook_allow": receivers.address}, clock=_Now()) as h:
        yield h


async def _endpoints(h: Harness, receivers: _Receivers, size: _Size) -> None:
    paths = [
        f"{name}/{number}"
        for name, count in (("hang", size.hanging), ("fail", size.failing), ("ok", size.healthy))
        for number in range(count)
    ]
    async with h.runtime.uow() as uow:
        for path in paths:
            await store.add(uow.conn, Endpoint(uuid4(), PARTNER, f"{receivers.url}/{path}", Filters(), uow.now()))


def _event(number: int) -> CloudEvent:
    return CloudEvent.wrap(published(UUID(int=number + 1), notice_id=UUID(int=number + 1)))


@asynccontextmanager
async def _delivering(h: Harness) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(DELIVERING.run(h.runtime, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def _at_once(h: Harness, receivers: _Receivers, size: _Size) -> list[float]:
    """Publish so many events a second; give how long each took to each healthy endpoint."""
    count, sent = size.seconds * size.per_second, dict[str, float]()
    async with _delivering(h):
        await receivers.all(1, size.healthy)
        began = time.monotonic()
        for number in range(1, count + 1):
            event = _event(number)
            await asyncio.sleep(max(0.0, began + number / size.per_second - time.monotonic()))
            sent[str(event.id)] = time.monotonic()
            await h.deliver(event)
        seen = await receivers.all(count, size.healthy)
    return [at - sent[event] for event, instants in seen.items() for at in instants]


@dataclass
class _Pace:
    rate: float = 0.0
    """Deliveries a second, by the clock."""
    processor: float = 0.0
    """Milliseconds of this process's own time, a delivery."""


@contextmanager
def _paced(deliveries: int) -> Iterator[_Pace]:
    pace, began, processor = _Pace(), time.monotonic(), time.process_time()
    yield pace
    pace.processor = 1_000 * (time.process_time() - processor) / deliveries
    pace.rate = deliveries / (time.monotonic() - began)


async def _bare(receivers: _Receivers, events: Sequence[CloudEvent], size: _Size) -> _Pace:
    """Give the pace of aiohttp alone: the same bodies, signed, to the healthy endpoints, as many at once; nothing is kept."""
    calls = [(event, number) for event in events for number in range(size.healthy)]
    bodies, waiting = {event.id: event.to_json() for event in events}, iter(calls)

    async def post(session: aiohttp.ClientSession) -> None:
        for event, number in waiting:
            body = bodies[event.id]
            signed = headers(str(event.id), body, [("v1", bytes(32))], int(time.time()))
            async with session.post(f"{receivers.url}/ok/{number}", data=body, headers=signed) as answer:
                await answer.read()

    with _paced(len(calls)) as pace:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(post(session) for _ in range(MOST // 2)))
    await receivers.told()
    return pace


async def _backlog(h: Harness, receivers: _Receivers, events: Sequence[CloudEvent], size: _Size) -> _Pace:
    """Give the pace of the service: claimed, signed, sent, what came of it kept."""
    for event in events:
        await h.deliver(event)
    async with _delivering(h):
        with _paced(len(events) * size.healthy) as pace:
            await receivers.all(len(events), size.healthy)
    return pace


def _tell(what: str, unit: str, ours: float, baseline: float) -> None:
    load = [round(each, 1) for each in os.getloadavg()]
    click.echo(json.dumps({"what": what, "unit": unit, "ours": round(ours, 3), "baseline": round(baseline, 3),
                           "ratio": round(ours / baseline, 2), "load": load}))  # fmt: skip
