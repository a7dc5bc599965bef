"""How fast mails are queued and leave: one notice that many people are told of, and notices told at once as they come."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiosmtplib
import click
import uvloop
from prometheus_client import REGISTRY

from libs.common.mail.message import Posting
from libs.common.mail.smtp import CONNECTIONS, Mailer
from libs.common.testing.harness import Harness, TestClock, harness
from services.alerts.domain import Claimed
from services.alerts.matching.criteria import Criteria
from services.alerts.sending import SENDING
from services.alerts.service import writing
from services.alerts.service.matching import SLOTS
from services.alerts.slots import MATCHING
from services.alerts.store import mails as mail_store
from services.alerts.store import searches
from services.alerts.store.mails import Ending
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import published

__all__ = ["at_once", "held", "people_of", "run", "service", "sink", "tell"]

_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
_DOMAINS = 200
LOOP = uvloop.new_event_loop
"""As the service's processes run."""
_PEOPLE = """
WITH person AS (
    INSERT INTO subscriber (email, confirmed_at, created_at)
    SELECT $1::text || n || '@domaine' || n % $3 || '.example', now(), now() FROM generate_series(1, $2::integer) AS n
    RETURNING subscriber_id
)
INSERT INTO search (search_id, subscriber_id, name, criteria_id, created_at, frequency)
SELECT gen_random_uuid(), subscriber_id, 'Recherche ' || row_number() OVER (), $4::uuid, now(), 'at_once' FROM person
"""


async def run(*, short: bool) -> None:
    """Measure the queueing and the sending of 10,000 mails (500 when short), then alerts at once for 30 s (5 s)."""
    people, seconds = (500, 5) if short else (10_000, 30)
    async with sink() as port, service(port) as h:
        await people_of(h, "toiture", people)
        began = time.monotonic()
        await h.deliver(published())
        await MATCHING.drain(h.runtime)
        tell(f"queue the mails of a notice that {people} people are told of", "s", time.monotonic() - began, 3.0)
        baseline = await _ready_made(h, port, people)
        ours = await _sent(h, people)
        tell("processor time of a mail, in the process that sends it", "ms", ours.processor, 2.0)
        tell("processor time of a mail, against ready-made ones", "ms", ours.processor, baseline.processor)
        tell("mails sent to a local sink, against ready-made ones", "mails/s", ours.rate, baseline.rate)
        await people_of(h, "zinguerie", 100)
        latencies = sorted(await at_once(h, seconds))
        tell("publish to handed over, 1 notice/s, 100 mails/s: p99", "s", latencies[int(len(latencies) * 0.99)], 2.0)


@asynccontextmanager
async def sink() -> AsyncIterator[int]:
    """Run a mail server in a process of its own; give its port."""
    sink = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.alerts.sink", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if sink.stdin is None or sink.stdout is None:
        raise RuntimeError("the sink has no pipes")
    try:
        yield int(await sink.stdout.readline())
    finally:
        sink.stdin.close()
        await sink.wait()


@asynccontextmanager
async def service(port: int) -> AsyncIterator[Harness]:
    """Run the alerts on a new database, with this mail server."""
    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}?starttls=no", "mail_return_domain": "retours.example"}
    clock = TestClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    async with harness(SERVICE, address, settings=settings, clock=clock) as h:
        yield h


async def people_of(h: Harness, word: str, count: int) -> None:
    """Have so many people told at once of notices with a word."""
    async with h.runtime.uow() as uow:
        criteria_id = await searches.keep_criteria(uow.conn, Criteria(words=[word]), uow.now())
        await uow.conn.execute(_PEOPLE, word, count, _DOMAINS, criteria_id)


@dataclass(frozen=True)
class _Pace:
    rate: float
    """Mails a second, by the clock."""
    processor: float
    """Milliseconds of this process's own time, a mail."""


@asynccontextmanager
async def _paced(mails: int) -> AsyncIterator[list[_Pace]]:
    told: list[_Pace] = []
    began, processor = time.monotonic(), time.process_time()
    yield told
    spent = time.process_time() - processor
    told.append(_Pace(mails / (time.monotonic() - began), 1_000 * spent / mails))


async def _ready_made(h: Harness, port: int, mails: int) -> _Pace:
    """Give the pace of aiosmtplib alone: the same mails, written before, on as many connections, kept too."""
    async with h.runtime.uow() as uow:
        claimed: list[Claimed] = await mail_store.claim(uow.conn, now=uow.now(), most=400, lease=uuid4(), seconds=0)
    prepared = await writing.prepare(h.runtime, claimed)
    written = [each() for each in prepared if not isinstance(each, Ending | writing.NotYet)]
    waiting = iter(written[number % len(written)] for number in range(mails))

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
            for posting in waiting:
                await smtp.sendmail(posting.return_path, posting.recipient, posting.content)

    async with _paced(mails) as paces:
        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return paces[0]


async def _sent(h: Harness, mails: int) -> _Pace:
    """Give the pace of the service: claimed, read, written, handed over, their fates kept."""
    stop = asyncio.Event()
    async with _paced(mails) as paces:
        sending = asyncio.create_task(SENDING.run(h.runtime, stop))
        while await _due(h):  # noqa: ASYNC110  # the queue is in the database
            await asyncio.sleep(0.1)
    stop.set()
    await sending
    return paces[0]


async def _due(h: Harness) -> int:
    async with h.runtime.read() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM mail WHERE state = 'due'"))


class _Watch:
    """Hands mails over, and notes how long after its notice each was taken."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self.published: dict[int, float] = {}
        self.latencies: list[float] = []
        self._sent = asyncio.Condition()

    async def saw(self, mails: int) -> None:
        """Wait until so many were handed over."""
        async with self._sent:
            await self._sent.wait_for(lambda: len(self.latencies) >= mails)

    async def send(self, posting: Posting) -> None:
        """Hand a mail over."""
        await self._mailer.send(posting)
        found = re.search(rb"Zinguerie[_ ](\d+)", posting.content)
        if found:
            self.latencies.append(time.monotonic() - self.published[int(found[1])])
            async with self._sent:
                self._sent.notify_all()


async def at_once(h: Harness, seconds: int) -> list[float]:
    """Publish a notice a second; give how long each of its mails took to be handed over."""
    stop, watch = asyncio.Event(), _Watch(h.runtime.port(Mailer))  # type: ignore[type-abstract]
    h.runtime.give_ports({Mailer: watch})
    working = [asyncio.create_task(loop.run(h.runtime, stop)) for loop in (MATCHING, SENDING)]
    while held("slots") < SLOTS:  # noqa: ASYNC110  # the searches are loaded by the loop
        await asyncio.sleep(0.1)
    began = time.monotonic()
    for number in range(seconds):
        await asyncio.sleep(max(0.0, began + number - time.monotonic()))
        watch.published[number] = time.monotonic()
        title = f"Zinguerie {number}"
        await h.deliver(published(notice_id=UUID(int=1_000 + number), title=title, description="zinguerie"))
    async with asyncio.timeout(60):
        await watch.saw(100 * seconds)
    stop.set()
    await asyncio.gather(*working)
    return watch.latencies


def held(what: str) -> float:
    """Give how many slots or searches the workers of this process hold, as they tell Prometheus."""
    return REGISTRY.get_sample_value(f"halles_alerts_{what}_held") or 0.0


def tell(what: str, unit: str, ours: float, baseline: float) -> None:
    """Print a figure and what it is held against."""
    load = [round(each, 1) for each in os.getloadavg()]
    click.echo(json.dumps({"what": what, "unit": unit, "ours": round(ours, 2), "baseline": round(baseline, 2),
                           "ratio": round(ours / baseline, 2), "load": load}))  # fmt: skip
