"""How fresh the searches in memory are: rebuilt from the database, after a change, and from a publication to its mails.

HALLES_BENCH_SEARCHES=1000000: the size of the issue; drawing and saving so many takes most of an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence

from libs.common.testing.harness import Harness
from services.alerts.live import LiveIndex
from services.alerts.matching.criteria import Criteria
from services.alerts.service.matching import SLOTS
from services.alerts.slots import MATCHING
from tests.bench.alerts import mails
from tests.bench.alerts.crowd import corpus, searches

__all__ = ["LOOP", "run"]

LOOP = mails.LOOP
_BATCH = 5_000
_CHANGES = 20
_SAVE = """
WITH known AS (
    INSERT INTO criteria (digest, definition, summary, summary_en, created_at)
    SELECT digest, definition::jsonb, '', '', now()
      FROM unnest($1::bytea[], $2::text[]) AS new (digest, definition)
    RETURNING criteria_id
)
INSERT INTO search (search_id, organisation, name, criteria_id, created_at)
SELECT gen_random_uuid(), 'SIRET:55204599900869', 'x', criteria_id, now()
  FROM known
"""


async def run(*, short: bool) -> None:
    """Measure 100,000 searches and 30 s of notices (5,000 and 5 s when short)."""
    number, seconds = (5_000, 5) if short else (int(os.environ.get("HALLES_BENCH_SEARCHES", "100000")), 30)
    async with mails.sink() as port, mails.service(port) as h:
        for each in _batches(number):
            await _save(h, each)
        await _build(h, number)
        await _changes(h, number)
        await mails.people_of(h, "zinguerie", 100)
        latencies = sorted(await mails.at_once(h, seconds))
        p99 = latencies[int(len(latencies) * 0.99)]
        mails.tell(f"publish to handed over, 1 notice/s, 100 mails/s, {number} searches: p99", "s", p99, 2.0)


def _batches(number: int) -> Iterator[Sequence[Criteria]]:
    made: list[Criteria] = []
    for each in searches(corpus(), number):
        made.append(each)
        if len(made) == _BATCH:
            yield made
            made = []
    yield made


async def _save(h: Harness, criteria: Sequence[Criteria]) -> None:
    async with h.runtime.uow() as uow:
        definitions = [json.dumps(each.canonical()) for each in criteria]
        await uow.conn.execute(_SAVE, [each.digest() for each in criteria], definitions)


async def _build(h: Harness, number: int) -> None:
    """Measure one worker that takes all slots."""
    live = LiveIndex()
    live.hold(range(SLOTS))
    began, processor, loading = time.monotonic(), time.process_time(), True
    async with h.runtime.database.session() as conn:
        while loading:
            loading = await live.load(conn)
    target = 90.0 * number / 1_000_000
    mails.tell(f"build {len(live)} searches from the database", "s", time.monotonic() - began, target)
    mails.tell("the same, processor time of the worker", "s", time.process_time() - processor, target)


async def _changes(h: Harness, number: int) -> None:
    """Measure how long after its commit a search is in the memory of a worker."""
    stop, took = asyncio.Event(), []
    working = asyncio.create_task(MATCHING.run(h.runtime, stop))
    while mails.held("slots") < SLOTS:  # noqa: ASYNC110  # the searches are loaded by the loop
        await asyncio.sleep(0.1)
    for change in range(_CHANGES):
        known = mails.held("searches")
        await _save(h, [Criteria(words=[f"nouveau{change}"])])
        began = time.monotonic()
        while mails.held("searches") == known:  # noqa: ASYNC110  # by a loop of its own
            await asyncio.sleep(0.01)
        took.append(time.monotonic() - began)
    stop.set()
    await working
    mails.tell(
        f"from a change to the memory of a worker, {number} searches: longest of {_CHANGES}", "s", max(took), 1.0
    )
