"""The feed as an outsider sees it: bytes on a socket, cursors kept for months, and nothing else to go by."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus import cursor, numberer, outbox
from libs.common.bus.audience import Told, told_to
from libs.common.bus.feed import hub, reading, stream
from libs.common.bus.feed.reading import Page, Place
from libs.common.errors import InvalidInput
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.bids import BidDepositedV1, ContractNotifiedV1
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import Runtime
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.bus.test_bus_feed_live import numbered

__all__ = ["numbered"]

BUYER = "SIRET:21210231500018"
COMPANY = "SIRET:55210055400013"
FEED = "/bids/v1/events"


def service(name: str) -> Service:
    return Service(name, Settings, Path(__file__).parent / "migrations", Routes(name), Consumers(name))


@pytest.fixture
async def bids(service_harness: HarnessFactory) -> Harness:
    return await service_harness(service("bids"))


def event(model: type[Event], organisation: str) -> Event:
    changes = {"organisation": organisation, "buyer": BUYER, "aggregate_id": uuid4()}
    return registry.parse(sample_of(model)).model_copy(update=changes)


def public() -> Event:
    return event(ContractNotifiedV1, BUYER)


def deposit() -> Event:
    return event(BidDepositedV1, COMPANY)


async def commit(harness: Harness, *events: Event) -> list[str]:
    for one in events:
        async with harness.runtime.uow() as uow:
            uow.emit(one)
    return [str(one.aggregate_id) for one in events]


async def publish(harness: Harness, *events: Event) -> list[str]:
    told = await commit(harness, *events)
    await numberer.drain(harness.runtime)
    return told


async def get(harness: Harness, path: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:  # noqa: ANN401  # JSON
    async with harness.client.get(path, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


def subjects(page: dict[str, Any]) -> list[str]:
    return [told["subject"] for told in page["events"]]


async def connected(harness: Harness, request: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request as it is written, and give the socket."""
    base = harness.client._base_url
    assert base is not None
    reader, writer = await asyncio.open_connection(base.host, base.port)
    writer.write(request.replace("\n", "\r\n").encode())
    return reader, writer


# what waits and what is silent


async def test_no_silence_of_a_stream_tells_its_buyer_when_a_deposit_came(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order of 22 March 2019: a deposit wakes the buyer's reader, which must show nothing of it, not even by its rhythm."""
    monkeypatch.setattr(stream, "HEARTBEAT", 0.5)
    token = numbered.headers(BUYER)["Authorization"]
    request = f"GET {FEED} HTTP/1.1\nHost: x\nAccept: text/event-stream\nAuthorization: {token}\n\n"
    reader, writer = await connected(numbered, request)
    beats: list[float] = []
    async with asyncio.timeout(15):
        while len(beats) < 5:
            await commit(numbered, deposit())
            try:
                line = await asyncio.wait_for(reader.readline(), 0.15)
            except TimeoutError:
                continue
            if line.startswith(b": alive"):
                beats.append(time.monotonic())
    writer.close()
    silences = [later - sooner for sooner, later in itertools.pairwise(beats)]
    assert max(silences) < 2, "deposits every 0.15 s moved the heartbeat"


async def test_a_stream_ends_at_a_beat_and_never_because_a_deposit_came(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 1.0)
    monkeypatch.setattr(stream, "LIFETIME", 0.1)
    began = time.monotonic()
    headers = numbered.headers(BUYER) | {"Accept": "text/event-stream"}
    async with numbered.client.get(FEED, headers=headers) as answer, asyncio.timeout(10):
        await asyncio.sleep(0.3)
        await commit(numbered, deposit())
        text = await answer.text()
    assert time.monotonic() - began > 0.95
    assert "data:" not in text


async def test_an_empty_page_is_the_end_however_much_is_hidden_before_it(
    bids: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SPAN", 2)
    (told,) = (await publish(bids, *(deposit() for _ in range(9)), public()))[-1:]
    page = await get(bids, FEED)
    assert subjects(page) == [told]
    assert subjects(await get(bids, f"{FEED}?after={page['next']}")) == []
    monkeypatch.setattr(hub, "SEARCH", 0)
    page = await get(bids, FEED)
    assert subjects(page) == [], "it looked for as long as it may"
    for _ in range(4):
        page = await get(bids, f"{FEED}?after={page['next']}")
    assert subjects(page) == [told], "and `next` had moved"


MANY = """
    INSERT INTO event (position, event_id, type, key, organisation, buyer, procedure, recorded_at, body)
    SELECT n, gen_random_uuid(), type, key, organisation, buyer, gen_random_uuid(), recorded_at, body
      FROM event, generate_series(2, 30000) AS n
     WHERE position = 1
"""


def touched(plan: dict[str, Any]) -> int:
    """Give how many rows of the log a plan looked at."""
    own = plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    below = sum(touched(one) for one in plan.get("Plans", []))
    return int(below + (own if plan.get("Relation Name") == "event_0" else 0))


@pytest.mark.parametrize("kind", [None, OrganisationKind.BUYER, OrganisationKind.COMPANY])
async def test_a_page_looks_at_its_span_only_however_long_the_log_goes_on(
    bids: Harness, kind: OrganisationKind | None
) -> None:
    await publish(bids, deposit())
    organisation = BUYER if kind is OrganisationKind.BUYER else COMPANY
    told = told_to(Actor("x", "X", organisation, kind) if kind else None, "bids", reads_all=True)
    async with bids.runtime.read() as conn:
        await conn.execute(MANY)
        await conn.execute("UPDATE event_head SET position = 30000")
        await conn.execute("ANALYZE event")
        plan = await conn.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {reading.QUERIES['feed']}", 1, 1, 500, list(told.public),
            told.organisation, list(told.own), list(told.gated), list(told.gates), 100,
        )  # fmt: skip
    assert touched(plan[0]["Plan"]) <= 4 * 500, "some parts look at a row twice"


async def test_whoever_looks_through_a_long_log_leaves_connections_to_others(
    bids: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool has 4 connections."""
    now, most = 0, 0

    async def slow(runtime: Runtime, told: Told, *, after: Place | None = None, limit: int = 100) -> Page:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.02)
        now -= 1
        return await reading.page(runtime, told, after=after, limit=limit)

    start = (await get(bids, FEED))["next"]
    monkeypatch.setattr(hub, "page", slow)
    pages = (get(bids, FEED) for _ in range(15))
    polls = (get(bids, f"{FEED}?wait=1&limit={size}&after={start}") for size in range(1, 16))
    await asyncio.gather(*pages, *polls)
    assert most == hub.READS


# cursors kept for months


async def test_a_new_secret_ends_no_cursor_while_the_old_one_is_known(bids: Harness) -> None:
    runtime = bids.runtime
    kept = (await get(bids, FEED))["next"]
    told = await publish(bids, public())
    secret = runtime.settings.secret
    changed = {"secret": SecretStr("another-secret-of-more-than-32-characters"), "old_secrets": (secret,)}
    runtime.settings = runtime.settings.model_copy(update=changed)
    page = await get(bids, f"{FEED}?after={kept}")
    assert subjects(page) == told
    runtime.settings = runtime.settings.model_copy(update={"old_secrets": ()})
    assert subjects(await get(bids, f"{FEED}?after={page['next']}")) == [], "sealed with the new one"
    await get(bids, f"{FEED}?after={kept}", status=422)


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/event-stream"}])
async def test_a_cursor_of_a_log_that_was_restored_since_is_refused_not_skipped_over(
    bids: Harness, headers: dict[str, str]
) -> None:
    ahead = cursor.encode(bids.runtime, (2, 2))
    await publish(bids, public())
    told = await get(bids, f"{FEED}?after={ahead}", headers, status=422)
    assert told["errors"][0]["where"] == "query/after"
    await publish(bids, public())
    assert subjects(await get(bids, f"{FEED}?after={ahead}")) == []


async def test_a_cursor_is_good_in_its_own_service_whole_and_unchanged(
    bids: Harness, service_harness: HarnessFactory
) -> None:
    notices = await service_harness(service("notices"))
    given = (await get(bids, FEED))["next"]
    await get(notices, f"/notices/v1/events?after={given}", status=422)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, old in enumerate(given[:-1]):  # the last character holds bits that mean nothing
        new = alphabet[(alphabet.index(old) + 1) % 64]
        with pytest.raises(InvalidInput):
            cursor.decode(bids.runtime, given[:place] + new + given[place + 1 :])
    for size in range(len(given)):
        with pytest.raises(InvalidInput):
            cursor.decode(bids.runtime, given[:size])
    for wrong in (given + "AAAA", given * 2, "é" * 40, "%00", " " + given):
        with pytest.raises(InvalidInput):
            cursor.decode(bids.runtime, wrong)


async def test_what_commits_late_is_told_late_and_never_missed(numbered: Harness) -> None:
    """A transaction that stays open while others commit: its event has an older id, and a newer place."""
    conn = await asyncpg.connect(numbered.runtime.database.url)
    late = CloudEvent.wrap(public())
    transaction = conn.transaction()
    await transaction.start()
    await outbox.write(conn, [late])
    told = await commit(numbered, *(public() for _ in range(5)))
    found: list[str] = []
    after = ""
    async with asyncio.timeout(15):
        while len(found) < len(told):
            page = await get(numbered, f"{FEED}?wait=5&limit=2&after={after}")
            found, after = found + subjects(page), page["next"]
    assert found == told
    await transaction.commit()
    await conn.close()
    assert subjects(await get(numbered, f"{FEED}?wait=10&after={after}")) == [late.subject]


# other people's clients


async def test_a_client_of_http_1_0_gets_a_stream_that_ends_with_its_connection(
    numbered: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.2)
    monkeypatch.setattr(stream, "LIFETIME", 0.1)
    told = await commit(numbered, public())
    await get(numbered, f"{FEED}?wait=10")
    reader, writer = await connected(numbered, f"GET {FEED} HTTP/1.0\nAccept: text/event-stream\n\n")
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b"chunked" not in head.lower()
    assert b"x-accel-buffering: no" in head.lower()
    data = [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: ")]
    assert [json.loads(one)["subject"] for one in data] == told


async def test_a_browser_that_comes_back_goes_on_where_it_was_not_where_its_address_says(
    bids: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`new EventSource("...?after=A")` keeps A in its address for ever; what it saw since is in `Last-Event-ID`."""
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    monkeypatch.setattr(stream, "LIFETIME", 0.1)
    await publish(bids, public())
    first = (await get(bids, FEED))["next"]
    await publish(bids, public())
    last = (await get(bids, FEED))["next"]
    (told,) = await publish(bids, public())
    for given, expected in ((last, 1), ("", 2)):
        headers = {"Accept": "text/event-stream", "Last-Event-ID": given}
        async with bids.client.get(f"{FEED}?after={first}", headers=headers) as answer:
            lines = (await answer.text()).splitlines()
        found = [json.loads(line.removeprefix("data: "))["subject"] for line in lines if line.startswith("data: ")]
        assert (len(found), found[-1]) == (expected, told)


async def test_caches_and_browsers_are_told_what_the_answer_depends_on(service_harness: HarnessFactory) -> None:
    portal = "https://portail.example"
    h = await service_harness(service("bids"), settings={"cors_origins": (portal,)})
    for accept in ("application/json", "text/event-stream"):
        async with h.client.get(FEED, headers={"Accept": accept, "Origin": portal}) as answer:
            assert {"Accept", "Authorization", "Origin"} <= set(answer.headers["Vary"].split(", "))
            assert answer.headers["Access-Control-Allow-Origin"] == portal
    asked = {
        "Origin": portal,
        "Access-Control-Request-Headers": "last-event-id",
        "Access-Control-Request-Method": "GET",
    }
    async with h.client.options(FEED, headers=asked) as answer:
        assert "Last-Event-ID" in answer.headers["Access-Control-Allow-Headers"]
