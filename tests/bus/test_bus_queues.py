"""A queue that goes missing loses nothing: others go on, it gets back in order what it lost, and nothing twice."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from libs.common.bus import numberer
from libs.common.bus.memory import MemoryBus
from libs.common.bus.queues import publish_again
from libs.common.bus.topology import Topology
from libs.common.run import cli
from libs.common.testing import vhosts
from tests.bus.test_bus_rabbit import imported_definitions
from tests.bus.two_queues import Platform, committed, count, platform
from tests.bus.world import keys

__all__ = ["platform"]

pytestmark = pytest.mark.timeout(90)


async def test_a_queue_deleted_with_messages_in_it_and_made_by_hand_gets_everything_once_and_in_order(
    platform: Platform,
) -> None:
    """Nobody consumes yet, so that both queues are full; then one is deleted while events go on."""
    aggregates = keys(5)
    platform.relay()
    expected = await committed(platform, aggregates, range(1, 5))
    await platform.until_waiting(platform.lost, 20)
    await platform.until_waiting(platform.other, 20)
    again = count("halles_republished_total", service="legality")
    await platform.delete(platform.lost)
    await platform.until_missing(platform.lost)
    expected += await committed(platform, aggregates, range(5, 8))
    await platform.until_waiting(platform.other, 35)  # the other one waits for nobody
    assert await platform.ask("SELECT count(*) FROM set_aside") == 0
    await platform.make(platform.lost)
    await platform.until_missing(platform.lost, missing=False)
    expected += await committed(platform, aggregates, range(8, 10))
    async with platform.worker():
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)
    assert count("halles_republished_total", service="legality") - again == 35
    assert await platform.ask("SELECT count(*) FROM publisher_again") == 0
    assert count("halles_deliveries_total", service="legality", queue=platform.other, outcome="for-others") == 35
    assert count("halles_duplicates_dropped_total", service="legality", queue=platform.other) == 0


async def test_a_consumer_whose_queue_is_gone_says_so_and_makes_it_again_while_events_go_on(platform: Platform) -> None:
    aggregates, expected = keys(4), list[tuple[UUID, int]]()
    platform.relay()
    platform.relay()
    slow = True

    async def dawdle() -> None:
        await asyncio.sleep(0.05 if slow else 0)

    platform.world.behaviour.pause = dawdle
    async with platform.worker():
        expected += await committed(platform, aggregates, range(1, 6))
        await platform.world.until_effects(1, platform.lost)
        await platform.delete(platform.lost)
        for place in range(6, 30):
            expected += await committed(platform, aggregates, range(place, place + 1))
            await asyncio.sleep(0.15)
        slow = False
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)
    assert count("halles_queue_lost_total", service="legality", queue=platform.lost) == 1
    assert await platform.ask("SELECT bool_or(missing) FROM publisher_queue") is False


async def test_in_production_the_rest_goes_on_until_the_definitions_are_imported_again(platform: Platform) -> None:
    """The service's user may declare nothing: its worker consumes what is there and asks for the rest."""
    aggregates, topology = keys(3), Topology.of([platform.world.service])
    with vhosts.new(platform.url) as own, imported_definitions(["legality"], topology, own) as urls:
        platform.url, platform.login = own, urls["legality"]
        platform.relay()
        async with platform.worker():
            expected = await committed(platform, aggregates, range(1, 3))
            await platform.until_exactly(platform.lost, expected)
            await platform.delete(platform.lost)
            await platform.until_missing(platform.lost)
            expected += await committed(platform, aggregates, range(3, 5))
            await platform.until_exactly(platform.other, expected)
            assert count("halles_consumer_up", service="legality") == 0
            await platform.make(platform.lost)
            expected += await committed(platform, aggregates, range(5, 6))
            await platform.until_exactly(platform.lost, expected)
            await platform.until_exactly(platform.other, expected)
            assert count("halles_consumer_up", service="legality") == 1
        await platform.end()


async def test_everything_restarted_on_a_broker_without_its_data_gets_everything_back(platform: Platform) -> None:
    """A disk that was lost, where our users may declare: nobody makes a queue that was there before it was seen missing."""
    aggregates = keys(4)
    relay = platform.relay()
    async with platform.worker():
        expected = await committed(platform, aggregates, range(1, 3))
        for queue in platform.world.queues:
            await platform.world.until_effects(8, queue)
    expected += await committed(platform, aggregates, range(3, 5))
    await platform.until_waiting(platform.lost, 8)
    await platform.kill(relay)
    await platform.delete(*platform.world.queues)
    async with platform.worker():
        expected += await committed(platform, aggregates, range(5, 6))
        await asyncio.sleep(0.5)
        platform.relay()
        for queue in platform.world.queues:
            await platform.until_exactly(queue, expected)


async def test_relays_killed_while_they_publish_again_lose_nothing(platform: Platform) -> None:
    aggregates = keys(8)
    relays = [platform.relay(), platform.relay(), platform.relay()]
    expected = await committed(platform, aggregates, range(1, 151))
    await platform.until_waiting(platform.lost, len(expected))
    await platform.delete(platform.lost)
    await platform.until_missing(platform.lost)
    await platform.make(platform.lost)
    for relay in relays:
        await platform.until_missing(platform.lost, missing=False)
        await platform.kill(relay)
        platform.relay()
        await asyncio.sleep(0.1)
    expected += await committed(platform, aggregates, range(151, 153))
    async with platform.worker():
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)


async def test_all_queues_gone_at_once_come_back_full(platform: Platform) -> None:
    aggregates = keys(3)
    platform.relay()
    expected = await committed(platform, aggregates, range(1, 4))
    await platform.until_waiting(platform.lost, 9)
    await platform.delete(*platform.world.queues)
    for queue in platform.world.queues:
        await platform.until_missing(queue)
    expected += await committed(platform, aggregates, range(4, 6))
    for queue in platform.world.queues:
        await platform.make(queue)
    async with platform.worker():
        for queue in platform.world.queues:
            await platform.until_exactly(queue, expected)


async def test_a_queue_gone_a_second_time_while_it_is_filled_again_lacks_nothing(platform: Platform) -> None:
    aggregates = keys(6)
    platform.relay()
    expected = await committed(platform, aggregates, range(1, 101))
    await platform.until_waiting(platform.lost, len(expected))
    for _ in range(2):
        await platform.delete(platform.lost)
        await platform.until_missing(platform.lost)
        await platform.make(platform.lost)
        await platform.until_missing(platform.lost, missing=False)
    async with platform.worker():
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)


async def test_a_queue_that_is_deployed_later_gets_nothing_of_before(platform: Platform) -> None:
    """First deployment: nothing is published again; and what its loss brings back begins where it began."""
    (key,) = keys(1)
    relay = platform.relay()
    await committed(platform, [key], range(1, 4))
    await platform.until_marked(3)
    async with platform.channel() as channel:
        await (await channel.get_queue(platform.lost, ensure=False)).purge()
    await platform.kill(relay)
    await platform.ask("DELETE FROM publisher_queue WHERE queue = $1", platform.lost)  # as if it was unknown until now
    platform.relay()
    await platform.until_missing(platform.lost, missing=False)
    assert await platform.ask("SELECT since FROM publisher_queue WHERE queue = $1", platform.lost) == 3
    assert await platform.ask("SELECT count(*) FROM publisher_again") == 0
    await committed(platform, [key], range(4, 5))
    await platform.until_waiting(platform.lost, 1)
    await platform.delete(platform.lost)
    await platform.until_missing(platform.lost)
    await platform.make(platform.lost)
    async with platform.worker():
        await platform.until_exactly(platform.lost, [(key, 4)])


async def test_a_first_start_publishes_nothing_twice(platform: Platform) -> None:
    again = count("halles_republished_total", service="legality")
    platform.relay()
    async with platform.worker():
        expected = await committed(platform, keys(2), range(1, 4))
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)
    assert count("halles_republished_total", service="legality") == again
    assert await platform.ask("SELECT max(epoch) FROM publisher") == 1


@pytest.mark.parametrize("due", ["0 s", "1 h"], ids=["tried meanwhile", "tried after"])
async def test_what_was_set_aside_stays_in_its_order_with_what_is_published_again(platform: Platform, due: str) -> None:
    """The log is long: what was set aside is due before the publisher, back in the log, has come to what precedes it."""
    (key,) = keys(1)
    relay = platform.relay()
    expected = await committed(platform, keys(200), range(1, 10))
    expected += await committed(platform, [key], range(1, 3))
    await platform.until_marked(1802)
    await platform.kill(relay)
    await platform.delete(platform.lost)
    expected += await committed(platform, [key], range(3, 5))
    await numberer.drain(platform.world.runtime)
    await platform.ask(
        "INSERT INTO set_aside (shard, position, key, body, reason, due_at)"
        " SELECT get_byte(sha256(convert_to(key, 'UTF8')), 0) % 8, position, key, body, 'refused', now() + $1::text::interval"
        " FROM event WHERE position = 1803 RETURNING 1",
        due,
    )
    await platform.ask("UPDATE publisher SET position = 1803 RETURNING 1")
    platform.relay()
    await platform.until_missing(platform.lost)
    await platform.make(platform.lost)
    async with platform.worker():
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)


async def test_what_was_set_aside_says_which_queues_are_missing(platform: Platform) -> None:
    (key,), names = keys(1), platform.world.queues
    relay = platform.relay()
    expected = await committed(platform, [key], range(1, 3))
    await platform.until_marked(2)
    await platform.kill(relay)
    await platform.delete(*platform.world.queues)
    await platform.ask(
        "INSERT INTO set_aside (shard, position, key, body, reason) SELECT get_byte(sha256(convert_to(key, 'UTF8')), 0) % 8,"
        " position, key, body, 'refused' FROM event WHERE position = 2 RETURNING 1"
    )
    platform.relay()

    async def told() -> bool:
        return await platform.ask("SELECT reason FROM set_aside") == f"queue missing: {', '.join(sorted(names))}"

    await platform.until(told)
    for queue in names:
        await platform.make(queue)
    async with platform.worker():
        for queue in names:
            await platform.until_exactly(queue, expected)
    assert await platform.ask("SELECT count(*) FROM set_aside") == 0


async def test_an_idle_relay_publishes_again_when_it_is_told_to(platform: Platform) -> None:
    """As the operator's command does for what no look could see."""
    platform.relay()
    platform.relay()
    aggregates = keys(16)
    expected = await committed(platform, aggregates, range(1, 3))
    await platform.until_marked(32)
    async with platform.channel() as channel:
        await (await channel.get_queue(platform.lost, ensure=False)).purge()
    async with platform.world.runtime.uow() as uow:
        since = datetime.now(UTC) - timedelta(hours=1)
        gaps = await publish_again(uow.conn, [platform.lost], since, known_only=True)
    assert gaps == {platform.lost: (0, 32)}
    await platform.until_waiting(platform.lost, 32)
    async with platform.worker():
        await platform.until_exactly(platform.lost, expected)
        await platform.until_exactly(platform.other, expected)


async def test_positions_are_found_by_their_time(platform: Platform) -> None:
    world = platform.world
    assert await platform.ask("SELECT event_before(now())") == 0
    await committed(platform, keys(1), range(1, 21))
    await numberer.drain(world.runtime)
    await platform.ask("UPDATE event SET numbered_at = now() - make_interval(days => 20 - position::int) RETURNING 1")
    for days, position in ((0.5, 19), (13, 6), (13.5, 6), (12.5, 7), (30, 0), (-1, 20)):
        instant = datetime.now(UTC) - timedelta(days=days) - timedelta(minutes=1)
        assert await platform.ask("SELECT event_before($1)", instant) == position, days


async def republish(platform: Platform, *arguments: str) -> Result:
    address = platform.world.runtime.database.url
    environment = {"HALLES_ENVIRONMENT": "test", "HALLES_LEGALITY_DATABASE_URL": address}
    command = cli(platform.world.service)
    return await asyncio.to_thread(CliRunner(env=environment).invoke, command, ["republish", *arguments])


async def test_an_operator_has_events_published_again_and_it_is_written_in_the_journal(platform: Platform) -> None:
    queue, *others = sorted(q.name for q in Topology.load().queues if any(k.startswith("legality.") for k in q.types))
    await committed(platform, keys(4), range(1, 4))
    await platform.world.relay(MemoryBus())
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    done = await republish(platform, "--since", since, "--queue", queue)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["positions"] == {queue: {"from": 1, "to": 12}}
    assert await platform.ask("SELECT min(position) FROM publisher") == 0
    assert await platform.ask("SELECT count(*) FROM publisher_again WHERE queue = $1 AND upto = 12", queue) == 8
    told = "SELECT count(*) FROM journal_pending WHERE action = 'events.republished' AND actor LIKE 'shell:%'"
    assert await platform.ask(told) == 1
    done = await republish(platform, "--since", since)
    assert json.loads(done.output)["positions"].keys() == {queue, *others}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), "a date and time"),
        (("--since", "2026-11-21T10:00"), "add the offset"),
        (("--since", "2199-01-01T00:00Z"), "future"),
        (("--since", "2020-01-01T00:00Z"), "13 days at most"),
        (("--since", "{now}", "--queue", "alerts.nothing"), "the queues with events of legality are"),
        ((), "--since"),
    ],
)
async def test_what_cannot_be_published_again_is_refused(
    platform: Platform, arguments: tuple[str, ...], words: str
) -> None:
    now = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    done = await republish(platform, *(argument.format(now=now) for argument in arguments))
    assert done.exit_code == 2
    assert words in done.output
    assert await platform.ask("SELECT max(epoch) FROM publisher") == 0
