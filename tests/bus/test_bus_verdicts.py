"""A verdict is always written: whatever a message holds, and however long the database is out of use."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from uuid import uuid4

import aio_pika
import asyncpg
import pytest

from libs.common.bus import metrics
from libs.common.bus.parked import store as parked
from libs.common.bus.rabbit import consuming
from libs.common.errors import Unavailable
from tests.bus.contract import world
from tests.bus.test_bus_rabbit import RabbitMaker, make_bus
from tests.bus.world import World, exempted

__all__ = ["make_bus", "world"]

_LOGIN = "SELECT format('ALTER ROLE %I', pg_get_userbyid(datdba)) FROM pg_database WHERE datname = $1"
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


def _noise(size: int) -> bytes:
    """Give letters that do not compress: an index row of a long text that does would still fit."""
    return secrets.token_hex(size // 2).encode()


@pytest.mark.parametrize(
    "fault",
    [
        lambda body: body.replace(b'"subject":"', b'"subject":"\\u0000'),
        lambda body: body.replace(b"legality.act.exempted.v1", b"legality.\\u0000.v1"),
        lambda body: body.replace(b'"subject":"', b'"subject":"' + _noise(20_000)),
        lambda body: body.replace(b"legality.act.exempted.v1", _noise(20_000)),
    ],
    ids=["nul in key", "nul in type", "endless key", "endless type"],
)
async def test_a_message_that_no_column_can_hold_is_parked_and_blocks_nothing(
    make_bus: RabbitMaker, world: World, fault: Callable[[bytes], bytes]
) -> None:
    body = fault(exempted(uuid4(), 1).to_json())
    async with make_bus(world.service) as under, under.bus.consume(world.runtime):
        await under.inject(world.queues[0], body)
        (waiting,) = await world.until_parked(1)
        key = uuid4()
        await under.bus.publish([exempted(key, 1)])
        assert await world.until_effects(1) == [(key, 1)]
        assert waiting.reason == "not-cloudevent"
        async with world.runtime.read() as conn:
            assert (await parked.read(conn, waiting.id))[1] == body


async def test_the_words_of_a_fault_are_kept_without_what_no_column_can_hold(
    make_bus: RabbitMaker, world: World
) -> None:
    body = exempted(uuid4(), 1).to_json().replace(b'"reason"', b'"rai\\u0000son"')
    async with make_bus(world.service) as under, under.bus.consume(world.runtime):
        await under.inject(world.queues[0], body)
        (waiting,) = await world.until_parked(1)
        assert waiting.reason == "wrong-schema"


@pytest.mark.parametrize(
    ("fault", "mended"),
    [("login NOLOGIN", "login LOGIN"), ("base ALLOW_CONNECTIONS false", "base ALLOW_CONNECTIONS true")],
    ids=["login refused", "database closed"],
)
async def test_while_the_database_lets_nobody_in_the_consumer_waits_and_burns_no_attempt(
    make_bus: RabbitMaker, world: World, database_url: str, fault: str, mended: str
) -> None:
    """None of these is a lost connection for asyncpg; each lasts longer than the broker's deliveries would."""
    name, key = world.runtime.database.url.rpartition("/")[2], uuid4()
    conn = await asyncpg.connect(database_url)
    orders = {"login": await conn.fetchval(_LOGIN, name), "base": f'ALTER DATABASE "{name}"'}

    async def order(words: str) -> None:
        what, _, rest = words.partition(" ")
        await conn.execute(f"{orders[what]} {rest}")

    async with make_bus(world.service) as under, under.bus.consume(world.runtime):
        await order(fault)
        try:
            await conn.execute(_END_SESSIONS, name)
            await under.bus.publish([exempted(key, 1), exempted(key, 2)])
            await _until_paused(world)
        finally:
            await order(mended)
        assert await world.until_effects(2) == [(key, 1), (key, 2)]
        assert await world.parked() == []
    await conn.close()


async def test_a_table_that_is_missing_parks_nothing(make_bus: RabbitMaker, world: World) -> None:
    """As in the minutes of a migration that went wrong: the handler and its verdict fail alike."""
    key = uuid4()
    async with make_bus(world.service) as under, under.bus.consume(world.runtime):
        async with world.runtime.read() as conn:
            await conn.execute("ALTER TABLE parked RENAME TO elsewhere")
        await under.bus.publish([exempted(key, 1), exempted(key, 2)])
        await _until_paused(world)
        async with world.runtime.read() as conn:
            await conn.execute("ALTER TABLE elsewhere RENAME TO parked")
        assert await world.until_effects(2) == [(key, 1), (key, 2)]
        assert await world.parked() == []


async def _until_paused(world: World) -> None:
    paused = metrics.PAUSED.labels(world.service.name, world.queues[0])

    async def is_paused() -> bool:
        return bool(paused._value.get())

    await world.until(is_paused)


async def test_a_long_pause_gives_back_what_is_in_hand_and_ends_by_itself(
    make_bus: RabbitMaker, world: World, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the broker takes it back again and again, until it gives it up."""
    monkeypatch.setattr(consuming, "_REST_SECONDS", 0.5)
    key = uuid4()
    world.behaviour.failures[key, 1] = [Unavailable()] * 1000
    async with make_bus(world.service) as under:
        under.bus.watch_seconds = 0.3
        async with (
            under.bus.consume(world.runtime),
            await aio_pika.connect(amqp_url) as connection,
            connection.channel() as channel,
        ):
            await under.bus.publish([exempted(key, place) for place in (1, 2, 3)])

            async def is_given_back() -> bool:
                state = (await channel.declare_queue(world.queues[0], passive=True)).declaration_result
                return (state.message_count, state.consumer_count) == (3, 0)

            await world.until(is_given_back)
            world.behaviour.failures.clear()
            assert await world.until_effects(3) == [(key, 1), (key, 2), (key, 3)]
            await under.bus.publish([exempted(key, 4)])
            assert (await world.until_effects(4))[-1] == (key, 4)
            assert await world.parked() == []
