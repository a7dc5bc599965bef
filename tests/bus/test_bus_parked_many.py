"""Ten thousand parked messages at 3 a.m.: seen by groups, replayed and discarded by what they have in common."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from libs.common import audit
from libs.common.bus import sweeper
from libs.common.bus.parked import many, tool
from libs.common.bus.parked.many import replay_many
from libs.common.bus.parked.store import Selection
from libs.common.bus.sql import QUERIES
from libs.common.runtime import Runtime
from libs.common.testing.databases import databases_on
from libs.common.testing.harness import Harness
from tests.bus.contract import OPERATOR as SOMEBODY
from tests.bus.contract import empty, world
from tests.bus.test_bus_parked import OPERATOR, SERVICE, ask, bids, opened
from tests.bus.test_bus_rabbit import RabbitMaker, make_bus
from tests.bus.world import BUYER, World, exempted, keys

__all__ = ["bids", "make_bus", "world"]

_PARK = """
INSERT INTO parked (queue, key, message_id, type, body, state, reason, attempts)
SELECT $1, e.key, e.id, 'legality.act.exempted.v1', e.body, 'parked', e.reason, 6
  FROM unnest($2::text[], $3::uuid[], $4::bytea[], $5::text[]) WITH ORDINALITY AS e (key, id, body, reason, place)
 ORDER BY place
"""


async def park(runtime: Runtime, queue: str, aggregates: list[UUID], places: int, reason: str = "handler:X") -> None:
    """Have events parked, as their failures would: the first of each aggregate with its reason, the others behind."""
    events = [exempted(key, place) for place in range(1, places + 1) for key in aggregates]
    rows = [
        (event.subject, event.id, event.to_json(), reason if event.aggregateversion == 1 else "behind")
        for event in events
    ]
    async with runtime.read() as conn:
        await conn.execute(_PARK, queue, *map(list, zip(*rows, strict=True)))


async def count(runtime: Runtime, state: str) -> int:
    async with runtime.read() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM parked WHERE state = $1", state))


async def test_ten_thousand_are_replayed_each_once_in_the_order_of_its_key(make_bus: RabbitMaker, world: World) -> None:
    aggregates = keys(2500)
    await park(world.runtime, world.queues[0], aggregates, places=4)
    async with make_bus(world.service) as under, under.bus.consume(world.runtime):
        before, more, released = None, True, 0
        while more:
            async with world.runtime.uow(actor=SOMEBODY) as uow:
                done = await replay_many(uow, Selection(reason="handler:X"), before)
            released, before, more = released + done.messages, done.before, done.more
        assert released == 10_000
        began = time.monotonic()
        await world.until(lambda: empty(world), within=120)
        effects = await world.effects()
    assert time.monotonic() - began < 100
    assert len(effects) == 10_000
    order: dict[UUID, list[int]] = {}
    for key, place in effects:
        order.setdefault(key, []).append(place)
    assert all(places == [1, 2, 3, 4] for places in order.values())
    async with world.runtime.read() as conn:
        while await audit.chain(conn):
            pass
        told = await conn.fetchval("SELECT count(*) FROM journal WHERE action = 'parked.message.replayed'")
        assert told == 2500
        assert (await audit.verify(conn)).fault is None


async def test_what_is_brought_back_does_not_fill_the_memory(make_bus: RabbitMaker, world: World) -> None:
    """Slow handlers: no more wait in memory than a bounded number, whatever was replayed."""
    await park(world.runtime, world.queues[0], keys(1200), places=1)
    for _ in range(3):
        async with world.runtime.uow(actor=SOMEBODY) as uow:
            await replay_many(uow, Selection())

    async def dawdle() -> None:
        await asyncio.sleep(0.03)

    world.behaviour.pause = dawdle
    most = 0
    async with (
        make_bus(world.service) as under,
        under.bus.consume(world.runtime),
        world.runtime.database.session() as conn,
    ):
        while await conn.fetchval("SELECT EXISTS (SELECT FROM parked)"):
            taken = await conn.fetchval("SELECT count(*) FROM parked WHERE swept_at IS NOT NULL")
            most = max(most, taken)
            await asyncio.sleep(0.05)
    assert sweeper._AT_ONCE <= most <= sweeper.ROOM + 2 * sweeper._AT_ONCE
    assert len(await world.effects()) == 1200


async def test_groups_say_what_failed_where_and_why(bids: Harness) -> None:
    await park(bids.runtime, "bids.legality", keys(30), places=2, reason="handler:TimeoutError")
    await park(bids.runtime, "bids.notices", keys(5), places=1, reason="wrong-schema")
    found = (await ask(bids, "GET", "/groups"))["items"]
    assert [(g["queue"], g["reason"], g["state"], g["messages"]) for g in found] == [
        ("bids.legality", "behind", "parked", 30),
        ("bids.legality", "handler:TimeoutError", "parked", 30),
        ("bids.notices", "wrong-schema", "parked", 5),
    ]
    for query, items in (("reason=wrong-schema", 5), ("queue=bids.notices", 5), ("type=other", 0), ("key=nobody", 0)):
        assert len((await ask(bids, "GET", f"?{query}"))["items"]) == items


async def test_many_are_replayed_and_discarded_over_http_step_by_step(
    bids: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "STEP", 4)
    await park(bids.runtime, "bids.legality", keys(10), places=2, reason="handler:TimeoutError")
    await park(bids.runtime, "bids.legality", keys(6), places=2, reason="wrong-schema")
    steps: list[dict[str, Any]] = []
    body: dict[str, Any] = {"reason": "handler:TimeoutError"}
    while not steps or steps[-1]["more"]:
        steps.append(await act(bids, "replay", body))
        body["before"] = steps[-1]["before"]
    assert [step["messages"] for step in steps] == [8, 8, 4]
    assert len({step["before"] for step in steps}) == 1
    body = {"queue": "bids.legality", "reason": "wrong-schema"}
    assert (await act(bids, "discard", body))["messages"] == 4
    assert (await act(bids, "discard", body))["messages"] == 2
    assert await act(bids, "discard", body) | {"before": 0} == {"messages": 0, "more": False, "before": 0}
    assert await count(bids.runtime, "discarded") == 6
    assert await count(bids.runtime, "held") == 16, "those behind go on"
    async with bids.runtime.read() as conn:
        told = await conn.fetch(
            "SELECT action, count(*) AS n FROM journal_pending WHERE actor = $1 GROUP BY action", "test-person"
        )
    assert {row["action"]: row["n"] for row in told} == {"parked.message.replayed": 10, "parked.message.discarded": 6}


async def test_what_fails_again_is_not_taken_a_second_time(bids: Harness) -> None:
    await park(bids.runtime, "bids.legality", keys(3), places=1)
    done = await act(bids, "replay", {})
    async with bids.runtime.read() as conn:
        await conn.execute("UPDATE parked SET state = 'parked', changed_at = now()")
    assert (await act(bids, "replay", {"before": done["before"]}))["messages"] == 0
    assert (await act(bids, "replay", {}))["messages"] == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("discard", {}),
        ("discard", {"queue": "bids.legality"}),
        ("discard", {"reason": "handler:X"}),
        ("replay", {"quue": "bids.legality"}),
        ("replay", {"before": "yesterday"}),
    ],
)
async def test_a_selection_that_says_too_little_or_is_wrong_is_refused(
    bids: Harness, path: str, body: dict[str, Any]
) -> None:
    await park(bids.runtime, "bids.legality", keys(2), places=1)
    problem = await act(bids, path, body, status=422)
    assert problem["detail"]
    assert await count(bids.runtime, "parked") == 2


@pytest.mark.parametrize("kind", ["buyer", "company", "partner", "state"])
async def test_nobody_but_operators_acts_on_many(bids: Harness, kind: str) -> None:
    await park(bids.runtime, "bids.legality", keys(2), places=1)
    await ask(bids, "GET", "/groups", kind=kind, status=403)
    await act(bids, "replay", {}, kind=kind, status=403)
    await act(bids, "discard", {"queue": "bids.legality", "reason": "handler:X"}, kind=kind, status=403)
    assert await count(bids.runtime, "parked") == 2


async def test_two_operators_at_once_replay_each_message_once(bids: Harness) -> None:
    await park(bids.runtime, "bids.legality", keys(40), places=3)
    one, other, *singles = await asyncio.gather(
        act(bids, "replay", {}), act(bids, "replay", {}), *(single(bids, identity) for identity in (1, 1, 2, 41))
    )
    assert one["messages"] + other["messages"] + sum(singles) == 120
    assert await count(bids.runtime, "retrying") == 40
    assert await count(bids.runtime, "held") == 80


async def test_a_message_held_while_its_head_is_replayed_does_not_stay_parked(bids: Harness) -> None:
    """The consumer saw its head parked; before it commits, an operator replays that one."""
    key = uuid4()
    await park(bids.runtime, "bids.legality", [key], places=1)
    late = exempted(key, 2)
    async with bids.runtime.database.session() as consumer:
        await consumer.execute("BEGIN")
        await consumer.execute(QUERIES["hold"], "bids.legality", late.subject, late.id, late.type, late.to_json())
        replaying = asyncio.create_task(act(bids, "replay", {}))
        await asyncio.sleep(0.3)
        assert not replaying.done(), "the operator's action sees a part of the key only"
        await consumer.execute("COMMIT")
    assert (await replaying)["messages"] == 2
    assert await count(bids.runtime, "parked") == 0


async def test_a_discard_waits_for_the_consumer_that_has_the_message_in_hand(bids: Harness) -> None:
    key = uuid4()
    await park(bids.runtime, "bids.legality", [key], places=1)
    async with bids.runtime.read() as conn:
        row = await conn.fetchrow("UPDATE parked SET state = 'retrying', due_at = now() RETURNING id, message_id")
    async with bids.runtime.database.session() as consumer:
        await consumer.execute("BEGIN")
        assert (await consumer.fetchrow(QUERIES["claim"], "bids.legality", row["message_id"], str(key)))["first"]
        discarding = asyncio.create_task(ask(bids, "POST", f"/{row['id']}/discard", status=404))
        await asyncio.sleep(0.3)
        await consumer.execute(QUERIES["forget"], "bids.legality", row["message_id"])
        await consumer.execute("COMMIT")
    await discarding
    assert await count(bids.runtime, "discarded") == 0, "it was handled"


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
async def test_the_sweeper_reads_no_queue_for_each_of_its_messages(bids: Harness, *, analyzed: bool) -> None:
    """As its prepared statement is planned: without statistics each look took seconds, 3,000 messages waiting."""
    await park(bids.runtime, "bids.legality", keys(3000), places=1)
    async with bids.runtime.database.session() as conn:
        await conn.execute("UPDATE parked SET state = 'retrying', due_at = '-infinity' WHERE id % 2 = 0")
        if analyzed:
            await conn.execute("ANALYZE parked")
        await conn.execute("SET plan_cache_mode = force_generic_plan")
        await conn.execute(f"PREPARE due (text[], float8, int) AS {QUERIES['due']}")
        plan = "\n".join(row[0] for row in await conn.fetch("EXPLAIN EXECUTE due ('{bids.legality}', 60, 100)"))
        assert "(queue = p.queue) AND (key = p.key) AND (id < p.id)" in plan, plan
        began = time.monotonic()
        assert len(await conn.fetch("EXECUTE due ('{bids.legality}', 60, 100)")) == 100
        assert time.monotonic() - began < 1


def test_the_command_line_selects_too(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> list[tuple[int, str]]:
        async with databases_on(database_url).clone(SERVICE) as address:
            async with opened(address, database_url, tmp_path) as runtime:
                await park(runtime, "bids.legality", keys(7), places=2, reason="handler:TimeoutError")
                await park(runtime, "bids.legality", keys(5), places=1, reason="wrong-schema")
            commands, run = tool(lambda: opened(address, database_url, tmp_path)), CliRunner()
            lines = (
                "groups",
                "list --reason wrong-schema --limit 2",
                "list --reason wrong-schema --after 16",
                "replay",
                "replay 1 --all",
                "discard --queue bids.legality --yes",
                "discard --queue bids.legality --reason wrong-schema",
                "discard --queue bids.legality --reason wrong-schema --yes",
                "replay --reason handler:TimeoutError",
                "replay --all",
            )
            done = [await asyncio.to_thread(run.invoke, commands, line.split(), "n\n") for line in lines]
            return [(each.exit_code, each.output) for each in done]

    groups, two, rest, nothing, both, too_little, unsure, discarded, replayed, none = asyncio.run(scenario())
    assert [each[0] for each in (groups, two, rest, discarded, replayed, none)] == [0] * 6
    assert '"reason":"handler:TimeoutError"' in groups[1]
    assert two[1].count('"wrong-schema"') == 2
    assert rest[1].count('"wrong-schema"') == 3
    assert [nothing[0], both[0], too_little[0], unsure[0]] == [2, 2, 2, 1]
    assert "5 message(s) discarded" in discarded[1]
    assert "14 message(s) released" in replayed[1]
    assert "0 message(s) released" in none[1]


async def act(harness: Harness, path: str, body: dict[str, Any], kind: str = "operator", status: int = 200) -> Any:  # noqa: ANN401
    headers = harness.headers(OPERATOR if kind == "operator" else BUYER, kind)
    url = f"/bids/v1/operations/parked/{path}"
    async with harness.client.post(url, headers=headers, json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def single(harness: Harness, identity: int) -> int:
    url = f"/bids/v1/operations/parked/{identity}/replay"
    async with harness.client.post(url, headers=harness.headers(OPERATOR, "operator")) as answer:
        assert answer.status in {200, 409}, await answer.text()
        return int((await answer.json()).get("messages", 0))
