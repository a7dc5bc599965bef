"""The feed as it happens: long polls and streams tell what pages tell, once, at once, to those who may know of it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from libs.common.bus import numberer, outbox
from libs.common.bus.audience import Told
from libs.common.bus.feed import hub, stream
from libs.common.bus.feed.reading import Page, Place, page
from libs.common.http import Routes, application, serve
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.bids import BidDepositedV1, BidsOpenedV1, ContractNotifiedV1
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import Runtime
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory

BUYER = "SIRET:21210231500018"
COMPANY = "SIRET:55210055400013"
RIVAL = "SIRET:44306184100047"
SERVICE = Service("bids", Settings, Path(__file__).parent / "migrations", Routes("bids"), Consumers("bids"))
FEED = "/bids/v1/events"
SSE = {"Accept": "text/event-stream"}


@pytest.fixture
async def bids(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


@pytest.fixture
async def numbered(bids: Harness) -> AsyncIterator[Harness]:
    """The service with its numberer running."""
    stop = asyncio.Event()
    task = asyncio.create_task(numberer.run(bids.runtime, stop))
    yield bids
    stop.set()
    await task


def event(model: type[Event], *, organisation: str, buyer: str | None = None, procedure: UUID | None = None) -> Event:
    changes = {"organisation": organisation, "buyer": buyer, "procedure": procedure, "aggregate_id": uuid4()}
    return registry.parse(sample_of(model)).model_copy(update=changes)


def public() -> Event:
    return event(ContractNotifiedV1, organisation=BUYER)


def deposit(organisation: str = COMPANY, procedure: UUID | None = None) -> Event:
    return event(BidDepositedV1, organisation=organisation, buyer=BUYER, procedure=procedure)


async def commit(harness: Harness, *events: Event) -> list[str]:
    for one in events:
        async with harness.runtime.uow() as uow:
            uow.emit(one)
    return [str(one.aggregate_id) for one in events]


async def read(harness: Harness, headers: dict[str, str] | None = None, **query: object) -> dict[str, Any]:
    texts = {name: str(value) for name, value in query.items() if value}
    async with harness.client.get(FEED, params=texts, headers=headers) as answer:
        given: dict[str, Any] = await answer.json()
        assert answer.status == 200, given
        return given


def subjects(given: dict[str, Any]) -> list[str]:
    return [told["subject"] for told in given["events"]]


class Stream:
    """An EventSource, as the HTML standard has it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def next(self) -> dict[str, Any] | None:
        """Give the next event; None at the end of the stream."""
        data = ""
        while line := (await self.answer.content.readline()).decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "data":
                data += value
            elif field == "id":
                self.last_id = value
            elif not field and data:
                told: dict[str, Any] = json.loads(data)
                return told
        return None


@asynccontextmanager
async def streaming(
    harness: Harness, headers: dict[str, str] | None = None, last: str = "", query: str = ""
) -> AsyncIterator[Stream]:
    given = SSE | (headers or {}) | ({"Last-Event-ID": last} if last else {})
    async with harness.client.get(FEED + query, headers=given) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        yield Stream(answer)


async def test_a_long_poll_is_answered_as_soon_as_something_may_be_told(numbered: Harness) -> None:
    start = (await read(numbered))["next"]
    began = time.monotonic()
    waiting = asyncio.create_task(read(numbered, after=start, wait=20))
    await asyncio.sleep(0.2)
    await commit(numbered, deposit())
    await asyncio.sleep(0.2)
    assert not waiting.done(), "a hidden event answered it"
    (told,) = await commit(numbered, public())
    assert subjects(await waiting) == [told]
    assert time.monotonic() - began < 5


async def test_a_long_poll_ends_in_time_and_its_next_has_moved(numbered: Harness) -> None:
    start = (await read(numbered))["next"]
    await commit(numbered, deposit(), deposit())
    began = time.monotonic()
    empty = await read(numbered, after=start, wait=1)
    assert 0.9 < time.monotonic() - began < 5
    assert empty["events"] == []
    (told,) = await commit(numbered, public())
    assert subjects(await read(numbered, after=empty["next"], wait=10)) == [told]


async def test_a_crowd_waits_without_connections_and_asks_the_log_once(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool has 4 connections: 300 who held one each could not wait."""
    monkeypatch.setattr(hub, "EACH", 300)
    start, asked = (await read(numbered))["next"], 0

    async def counted(runtime: Runtime, told: Told, *, after: Place | None = None, limit: int = 100) -> Page:
        nonlocal asked
        asked += 1
        return await page(runtime, told, after=after, limit=limit)

    monkeypatch.setattr(hub, "page", counted)
    connector = aiohttp.TCPConnector(limit=0)
    address = numbered.client._base_url
    async with aiohttp.ClientSession(base_url=address, connector=connector) as client:

        async def wait() -> list[str]:
            async with client.get(FEED, params={"after": start, "wait": "30"}) as answer:
                return subjects(await answer.json())

        crowd = [asyncio.create_task(wait()) for _ in range(300)]
        await waiters(numbered, 300)
        asked = 0
        (told,) = await commit(numbered, public())
        assert await asyncio.gather(*crowd) == [[told]] * 300
    assert asked < 10, "each read the log by itself"


async def waiters(harness: Harness, count: int) -> None:
    ends = time.monotonic() + 15
    while len(hub.hub_of(harness.runtime)._waiters) != count:
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


async def test_a_stream_tells_events_as_they_happen_and_goes_on_where_it_was(numbered: Harness) -> None:
    before = await commit(numbered, public(), deposit(), public())
    async with streaming(numbered) as source:
        assert [(await source.next() or {})["subject"] for _ in range(2)] == [before[0], before[2]]
        (now,) = await commit(numbered, public())
        told = await source.next()
        assert told is not None
        assert told["subject"] == now
        assert "sequence" not in told
        last = source.last_id
    (missed,) = await commit(numbered, public())
    async with streaming(numbered, last=last, query="?types=bids.contract.notified.v1") as source:
        assert (await source.next() or {})["subject"] == missed
        assert subjects(await read(numbered, after=source.last_id)) == [], "cursors serve pages and streams alike"


async def test_a_heartbeat_moves_the_cursor_past_what_was_hidden(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    async with streaming(numbered) as source:
        await commit(numbered, deposit())
        lines = [(await source.answer.content.readline()).decode() for _ in range(12)]
    assert ": alive\n" in lines
    assert not any(line.startswith("data:") for line in lines)
    cursors = [line for line in lines if line.startswith("id: ")]
    assert len(cursors) == len(set(cursors)), "equal cursors would tell that nothing happened"


async def test_each_mode_obeys_audience_and_opening(numbered: Harness) -> None:
    procedure = uuid4()
    companies = [numbered.headers(one, "company") for one in (COMPANY, RIVAL)]
    callers = [None, numbered.headers(BUYER, "partner"), numbered.headers(BUYER), *companies]
    own, rival = await commit(numbered, deposit(COMPANY, procedure), deposit(RIVAL, procedure))
    (opening,) = await commit(numbered, event(BidsOpenedV1, organisation=BUYER, procedure=procedure))
    (open_to_all,) = await commit(numbered, public())
    expected = [[], [], [own, rival, opening], [own], [rival]]
    for headers, first in zip(callers, expected, strict=True):
        assert await listen(numbered, headers, until=open_to_all) == [*first, open_to_all]
        found, after = list[str](), ""
        while open_to_all not in found:
            part = await read(numbered, headers, after=after, wait=10, limit=1)
            found, after = found + subjects(part), part["next"]
        assert found == [*first, open_to_all]


async def listen(harness: Harness, headers: dict[str, str] | None, *, until: str) -> list[str]:
    found = list[str]()
    async with streaming(harness, headers) as source, asyncio.timeout(10):
        while until not in found:
            found.append((await source.next() or {})["subject"])
    return found


async def test_a_waiting_buyer_is_told_of_deposits_when_they_are_opened(numbered: Harness) -> None:
    procedure = uuid4()
    async with streaming(numbered, numbered.headers(BUYER)) as source, asyncio.timeout(10):
        deposits = await commit(numbered, deposit(COMPANY, procedure), deposit(RIVAL, procedure))
        await asyncio.sleep(0.3)
        (opening,) = await commit(numbered, event(BidsOpenedV1, organisation=BUYER, procedure=procedure))
        assert [(await source.next() or {})["subject"] for _ in range(3)] == [*deposits, opening]


async def write_slowly(url: str, count: int, written: list[str]) -> None:
    """Commit events in transactions that stay open for a while, so that ids are not in commit order."""
    conn = await asyncpg.connect(url)
    try:
        for _ in range(count):
            one = CloudEvent.wrap(random.choice((public, public, deposit))())
            async with conn.transaction():
                await outbox.write(conn, [one])
                await asyncio.sleep(random.uniform(0, 0.03))
            if one.type == ContractNotifiedV1.type:
                written.append(one.subject)
    finally:
        await conn.close()


async def follow_anyhow(harness: Harness, writers: asyncio.Task[Any], written: list[str]) -> list[str]:
    """Be a partner that polls, waits, streams, and drops its connection at random, keeping the last cursor only."""
    found, after = list[str](), ""
    while not writers.done() or len(found) < len(written):
        mode = random.choice(("poll", "wait", "stream"))
        if mode != "stream":
            part = await read(harness, after=after, limit=random.randint(1, 7), wait=1 if mode == "wait" else 0)
            found, after = found + subjects(part), part["next"]
            continue
        async with streaming(harness, last=after, query="?limit=3") as source:
            for _ in range(random.randint(1, 9)):
                try:
                    told = await asyncio.wait_for(source.next(), 0.3)
                except TimeoutError:
                    break
                assert told is not None
                found.append(told["subject"])
                after = source.last_id
    return found


async def test_a_partner_sees_every_public_event_once_however_it_follows(numbered: Harness) -> None:
    written, url = list[str](), numbered.runtime.database.url
    writers = asyncio.gather(*(write_slowly(url, 30, written) for _ in range(6)))
    writing = asyncio.create_task(asyncio.wait_for(writers, 30))
    async with asyncio.timeout(40):
        partners = await asyncio.gather(*(follow_anyhow(numbered, writing, written) for _ in range(3)))
    await writing
    assert len(written) > 60
    for seen in partners:
        assert sorted(seen) == sorted(written)
        assert seen == partners[0], "two partners saw another order"


async def test_a_slow_reader_is_cut_and_the_others_go_on(numbered: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SLOW", 0.3)
    fat = [CloudEvent.wrap(public()).model_copy(update={"traceparent": "x" * 500_000}) for _ in range(60)]
    async with numbered.runtime.read() as conn, conn.transaction():
        await outbox.write(conn, fat)
    cut = stream.CUT.labels("bids")._value.get()
    server = numbered.client._base_url
    assert server is not None
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(f"GET {FEED} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
    await waiters(numbered, 1)
    await waiters(numbered, 0)
    assert stream.CUT.labels("bids")._value.get() == cut + 1
    writer.close()
    async with streaming(numbered, query="?limit=2") as source, asyncio.timeout(15):
        assert [(await source.next() or {})["subject"] for _ in fat] == [one.subject for one in fat]


async def test_a_stop_answers_those_who_wait_at_once(numbered: Harness) -> None:
    start = (await read(numbered))["next"]
    polling = asyncio.create_task(read(numbered, after=start, wait=50))
    async with streaming(numbered) as source:
        await waiters(numbered, 2)
        began = time.monotonic()
        await hub.hub_of(numbered.runtime).stop()
        assert (await polling)["events"] == []
        assert await source.next() is None, "the stream ends whole, it is not cut"
        assert time.monotonic() - began < 2


async def test_a_server_that_stops_ends_its_streams_whole_and_does_not_wait_for_them(numbered: Harness) -> None:
    async with aiohttp.ClientSession(headers=SSE) as client:
        async with serve(application([numbered.runtime]), "127.0.0.1", 0) as url:
            answer = await client.get(url.with_path(FEED))
            await waiters(numbered, 1)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert (await answer.read()).startswith(b"retry:")


async def test_who_left_is_forgotten_and_the_crowd_is_bounded(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "EACH", 2)
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    async with streaming(numbered), streaming(numbered):
        async with numbered.client.get(FEED, headers=SSE) as answer:
            assert answer.status == 429
        monkeypatch.setattr(hub, "WAITERS", 2)
        async with numbered.client.get(FEED, headers=SSE | numbered.headers(BUYER)) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
    await waiters(numbered, 0)
    assert not hub.hub_of(numbered.runtime)._callers


async def test_a_lost_listener_costs_a_delay_and_no_event(numbered: Harness) -> None:
    async with streaming(numbered) as source, asyncio.timeout(15):
        await waiters(numbered, 1)
        conn = await asyncpg.connect(numbered.runtime.database.url)
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE '%listener'"
        )
        await conn.close()
        (told,) = await commit(numbered, public())
        assert (await source.next() or {})["subject"] == told


@pytest.mark.parametrize(
    ("query", "headers", "where"),
    [
        ("?wait=51", {}, "query/wait"),
        ("?wait=-1", {}, "query/wait"),
        ("?wait=5", SSE, "query/wait"),
        ("?types=bids.bid.eaten.v1", SSE, "query/types"),
        ("", SSE | {"Last-Event-ID": "abc"}, "header/Last-Event-ID"),
        ("?after=abc", SSE, "query/after"),
    ],
)
async def test_a_wrong_question_is_refused_before_anything_is_streamed(
    bids: Harness, query: str, headers: dict[str, str], where: str
) -> None:
    async with bids.client.get(FEED + query, headers=headers) as answer:
        assert answer.status == 422
        assert [fault["where"] for fault in (await answer.json())["errors"]] == [where]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json, text/event-stream;q=0.5", "application/json"),
        ("text/event-stream, application/json;q=0.5", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("text/event-stream;q=wrong", "application/json"),
    ],
)
async def test_the_caller_chooses_by_accept(bids: Harness, accept: str, kind: str) -> None:
    async with bids.client.get(FEED, headers={"Accept": accept}) as answer:
        assert answer.content_type == kind
    async with bids.client.head(FEED, headers={"Accept": accept}) as answer:
        assert answer.status == 200
