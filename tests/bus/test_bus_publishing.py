"""One fenced publisher a shard at a time: in the order of each key, nothing lost when the bus is away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from libs.common.bus import BusUnavailableError, numberer, publisher
from libs.common.bus import window as window_of
from libs.common.bus.memory import MemoryBus
from libs.common.bus.port import Fate, Outgoing, QueueLess
from libs.common.bus.publisher import FencedError, Publisher
from libs.common.bus.shares import QUERIES as SHARES
from libs.common.bus.shares import Shares
from libs.common.bus.window import Row, Window
from libs.common.messages.envelope import CloudEvent
from tests.bus.world import World, event_of, keys, sessions_with_lock, world_on


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


class _Recording:
    """Confirms at once what its recorder takes."""

    def __init__(self, recorder: Recorder, wake: Callable[[], None]) -> None:
        self._recorder = recorder
        self._wake = wake
        self._fates: list[Fate] = []

    def send(self, message: Outgoing) -> None:
        event = CloudEvent.from_json(message.body)
        assert (event.id, event.type) == (message.id, message.type)
        refused = event.subject in self._recorder.refuse
        if not refused:
            self._recorder.published.append(event)
        self._fates.append((message.id, "unroutable" if refused else None))
        self._wake()

    def settled(self) -> list[Fate]:
        fates, self._fates = self._fates, []
        return fates


class Recorder(QueueLess):
    """A bus that keeps what it is given, and refuses or is away when told to."""

    def __init__(self) -> None:
        self.published: list[CloudEvent] = []
        self.refuse: set[str] = set()
        self.away = 0

    @asynccontextmanager
    async def stream(self, wake: Callable[[], None]) -> AsyncIterator[_Recording]:
        if self.away:
            self.away -= 1
            raise BusUnavailableError
        yield _Recording(self, wake)

    def places(self, key: UUID) -> list[int]:
        return [message.aggregateversion for message in self.published if message.subject == str(key)]


async def test_a_publisher_that_was_replaced_marks_nothing(world: World) -> None:
    bus = Recorder()
    await world.commit(event_of(uuid4(), 1))
    await numberer.drain(world.runtime)
    async with world.runtime.read() as one, world.runtime.read() as two:
        old = await Publisher.take_over(world.runtime, bus, one)
        new = await Publisher.take_over(world.runtime, bus, two)
        with pytest.raises(FencedError):
            await old.drain()
        assert await new.drain() == 1, "what the old one published without marking is published again"
    assert len({message.id for message in bus.published}) == 1


async def test_a_fenced_publisher_takes_no_event_aside(world: World) -> None:
    bus = Recorder()
    key = uuid4()
    bus.refuse = {str(key)}
    await world.commit(event_of(key, 1))
    await numberer.drain(world.runtime)
    async with world.runtime.read() as one, world.runtime.read() as two:
        old = await Publisher.take_over(world.runtime, bus, one)
        await Publisher.take_over(world.runtime, bus, two)
        with pytest.raises(FencedError):
            await old.drain()
        assert await one.fetchval("SELECT count(*) FROM set_aside") == 0


async def test_shards_are_shared_fairly_and_taken_over(world: World) -> None:
    database = world.runtime.database
    async with database.session() as first:
        async with database.session() as second:
            one, two = await Shares.join(first), await Shares.join(second)
            assert await one.balance() == (0, 1, 2, 3)
            assert not await two.is_fair(), "free shards wait for it"
            assert await two.balance() == (4, 5, 6, 7)
            assert await one.is_fair()
            async with database.session() as third:
                three = await Shares.join(third)
                assert await three.balance() == ()
                assert not await one.is_fair(), "it leads more than its part"
                assert await one.balance() == (0, 1, 2)
                assert await three.balance() == (3,)
        await world.until(lambda: _free(one, 5))  # the sessions of the two others ended
        assert await one.balance() == tuple(range(8))


async def _free(share: Shares, count: int) -> bool:
    return len((await share._look())[1]) == count


async def test_two_publishers_share_the_keys_and_keep_their_order(world: World) -> None:
    recorders, stop, aggregates = (Recorder(), Recorder()), asyncio.Event(), keys(40)
    tasks = [asyncio.create_task(publisher.run(world.runtime, bus, stop)) for bus in recorders]
    await world.until(lambda: sessions_with_lock(world, 10))  # eight shards, two that share them
    await asyncio.sleep(2.5)  # until each has its part
    for place in (1, 2, 3):
        await world.commit(*(event_of(key, place) for key in aggregates))
        await numberer.drain(world.runtime)

    async def all_out() -> bool:
        return sum(len(bus.published) for bus in recorders) >= 3 * len(aggregates)

    await world.until(all_out)
    stop.set()
    await asyncio.gather(*tasks)
    assert all(bus.published for bus in recorders), "one of them did nothing"
    for key in aggregates:
        assert sorted([recorders[0].places(key), recorders[1].places(key)]) == [[], [1, 2, 3]]


async def test_publishing_leaves_no_transaction_open(world: World) -> None:
    states: list[str] = []

    class Looking(Recorder):
        @asynccontextmanager
        async def stream(self, wake: Callable[[], None]) -> AsyncIterator[_Recording]:
            async with super().stream(wake) as stream:
                yield stream
                async with world.runtime.read() as conn:
                    rows = await conn.fetch(
                        "SELECT state FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                states.extend(row["state"] for row in rows)

    await world.commit(event_of(uuid4(), 1))
    await world.relay(Looking())
    assert states
    assert "idle in transaction" not in states


async def test_an_absent_bus_loses_nothing(world: World) -> None:
    bus, stop = Recorder(), asyncio.Event()
    bus.away = 3
    key = uuid4()
    for place in (1, 2, 3):
        await world.commit(event_of(key, place))
    tasks = [
        asyncio.create_task(numberer.run(world.runtime, stop)),
        asyncio.create_task(publisher.run(world.runtime, bus, stop)),
    ]

    async def all_out() -> bool:
        return len(bus.published) >= 3

    await world.until(all_out)
    stop.set()
    await asyncio.gather(*tasks)
    assert bus.places(key) == [1, 2, 3]


async def test_a_refused_key_waits_and_the_others_pass(world: World) -> None:
    bus = Recorder()
    ill, well = keys(2)
    bus.refuse = {str(ill)}
    for place in (1, 2, 3):
        await world.commit(event_of(ill, place), event_of(well, place))
    await world.relay(bus)
    assert bus.places(well) == [1, 2, 3]
    assert bus.places(ill) == []
    bus.refuse = set()
    await world.commit(event_of(ill, 4))
    await world.relay(bus)
    assert bus.places(ill) == [], "the fourth passed the first"
    async with world.runtime.read() as conn:
        await conn.execute("UPDATE set_aside SET due_at = now()")
    await world.relay(bus)
    assert bus.places(ill) == [1, 2, 3, 4]


async def test_what_a_publisher_reads_does_not_grow_with_the_backlog(world: World) -> None:
    async with world.runtime.read() as conn:
        plan = await conn.fetch("EXPLAIN " + SHARES["window"], 0, 512, [0, 1], [0, 0], 8, 2**24)
    text = "\n".join(row[0] for row in plan)
    (condition,) = re.findall(r"Index Cond: (\(\(\"?position.*)", text)
    assert ">" in condition
    assert "<=" in condition, text


async def test_large_events_are_read_few_at_a_time_and_all_are_published_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_of, "BYTES", 3000)
    most, add = 0, Window.add

    def measured(self: Window, rows: Sequence[Row], upto: int) -> None:
        nonlocal most
        add(self, rows, upto)
        most = max(most, self._bytes)

    monkeypatch.setattr(Window, "add", measured)
    aggregates = keys(5)
    events = [event_of(key, place) for place in range(1, 9) for key in aggregates]
    await world.commit(*events)
    bus = MemoryBus()
    async with bus.consume(world.runtime):
        await world.relay(bus)
        effects = await world.until_effects(40)
    assert most > 0
    assert most < 3000 + 2 * 1200
    for key in aggregates:
        assert [place for k, place in effects if k == key] == list(range(1, 9))
    async with world.runtime.read() as conn:
        assert await conn.fetchval("SELECT min(position) FROM publisher") == 40
