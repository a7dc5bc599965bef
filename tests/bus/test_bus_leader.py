"""Who leads, when a leader says nothing any more: hung, stopped, or cut off without a word."""

from __future__ import annotations

import asyncio
import socket

import asyncpg
import pytest

from libs.common.bus import leader
from libs.common.db import DATABASE_AWAY
from libs.common.runtime import open_runtime
from tests.bus.contract import world
from tests.bus.world import World

__all__ = ["world"]


@pytest.mark.parametrize("in_transaction", [False, True], ids=["idle", "in a transaction"])
async def test_a_leader_that_says_nothing_any_more_is_followed_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch, *, in_transaction: bool
) -> None:
    monkeypatch.setattr(leader.in_session, "__kwdefaults__", {"silence": 2.5})
    stop, hung, followed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    woken: list[Exception] = []

    async def hang(conn: asyncpg.Connection) -> None:
        if in_transaction:
            await conn.execute("BEGIN")
        hung.set()
        await followed.wait()
        try:
            await conn.execute("SELECT 1")
        except DATABASE_AWAY as error:
            woken.append(error)
            raise

    async def follow(_: asyncpg.Connection) -> None:
        followed.set()
        stop.set()

    async with open_runtime(world.service, world.runtime.settings) as second, asyncio.timeout(15):
        first = asyncio.create_task(leader.lead(world.runtime, "test", hang, stop))
        await hung.wait()
        await leader.lead(second, "test", follow, stop)
        await first
    assert woken, "the one that was replaced could still act"


async def test_a_leader_that_works_keeps_its_lead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader.in_session, "__kwdefaults__", {"silence": 1.0})
    stop, times = asyncio.Event(), 0

    async def work(conn: asyncpg.Connection) -> None:
        nonlocal times
        times += 1
        for _ in range(6):
            await conn.execute("SELECT pg_sleep(1.2)")  # a long statement is no silence
            await asyncio.sleep(0.1)
        stop.set()

    await leader.lead(world.runtime, "test", work, stop)
    assert times == 1


async def test_both_ends_of_a_session_find_out_within_half_a_minute_that_the_other_is_gone(world: World) -> None:
    async with world.runtime.database.session() as session, world.runtime.read() as lent:
        for conn in (session, lent):
            wire = conn._transport.get_extra_info("socket")
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            told = [await conn.fetchval(f"SHOW tcp_{name}") for name in ("keepalives_idle", "user_timeout")]
            assert told == ["10", "30000"]
