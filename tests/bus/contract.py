"""What every bus promises: one suite, run against the in-process bus and against a real RabbitMQ."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from opentelemetry import trace

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus import Bus, RefusedEventsError
from libs.common.bus.parked import store as parked
from libs.common.bus.retry import PoisonMessageError
from libs.common.errors import Unavailable
from libs.common.service import Service
from libs.common.uow import Uow
from tests.bus.world import World, event_of, exempted, keys, world_on

DELAYS = (0.1, 0.2, 0.3)
OPERATOR = Actor("operator-1", "Operator", "SIRET:13002526500013", OrganisationKind.OPERATOR)


class BusUnderTest(Protocol):
    """A bus, and what a test may do to it."""

    @property
    def bus(self) -> Bus: ...

    async def inject(self, queue: str, body: bytes) -> None:
        """Put any bytes on a queue."""
        ...

    async def remove_queue(self, queue: str) -> None:
        """See that the queue is not there."""
        ...


BusMaker = Callable[[Service], AbstractAsyncContextManager[BusUnderTest]]


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


class BusContract:
    """Inherited by one test class a bus, whose module gives the fixture `make_bus`."""

    async def test_an_event_has_one_effect_in_each_queue(
        self, make_bus: BusMaker, database_url: str, tmp_path: Path
    ) -> None:
        async with world_on(database_url, tmp_path, queues=2) as world, make_bus(world.service) as under:
            key = uuid4()
            async with under.bus.consume(world.runtime):
                await under.bus.publish([exempted(key, 1)])
                for queue in world.queues:
                    assert await world.until_effects(1, queue) == [(key, 1)]

    async def test_duplicates_change_nothing(self, make_bus: BusMaker, world: World) -> None:
        envelopes = [exempted(key, 1) for key in keys(10)]
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            for _ in range(3):
                await under.bus.publish(random.sample(envelopes, len(envelopes)))
            last = uuid4()
            await under.bus.publish([exempted(last, 1)])
            await world.until_effects(11)
            await asyncio.sleep(0.3)
            effects = await world.effects()
        assert sorted(effects) == sorted([(UUID(envelope.subject), 1) for envelope in envelopes] + [(last, 1)])

    async def test_order_is_kept_within_each_key(self, make_bus: BusMaker, world: World) -> None:
        aggregates = keys(6)

        async def dawdle() -> None:
            await asyncio.sleep(random.uniform(0, 0.004))

        world.behaviour.pause = dawdle
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            for place in range(1, 16):
                await under.bus.publish([exempted(key, place) for key in aggregates])
            effects = await world.until_effects(90)
        for key in aggregates:
            assert [place for k, place in effects if k == key] == list(range(1, 16))

    async def test_a_failure_is_tried_again_and_holds_back_its_own_key_only(
        self, make_bus: BusMaker, world: World
    ) -> None:
        ill, well = keys(2)
        world.behaviour.failures[ill, 1] = [ValueError("once"), ValueError("twice")]
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            for place in (1, 2, 3):
                await under.bus.publish([exempted(ill, place), exempted(well, place)])
            effects = await world.until_effects(6)
            assert await world.parked() == []
        assert [place for key, place in effects if key == ill] == [1, 2, 3]
        assert effects.index((well, 3)) < effects.index((ill, 1)), "the other key waited"
        assert world.behaviour.calls.count((ill, 1)) == 3

    async def test_poison_parks_with_the_later_ones_of_its_key_and_is_replayed_in_order(
        self, make_bus: BusMaker, world: World
    ) -> None:
        ill, well = keys(2)
        world.behaviour.failures[ill, 2] = [ValueError("always")] * (len(DELAYS) + 1)
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            for place in (1, 2, 3, 4):
                await under.bus.publish([exempted(ill, place), exempted(well, place)])
            waiting = await world.until_parked(3)
            assert [(m.state, m.reason) for m in waiting] == [
                ("parked", "handler:ValueError"),
                ("parked", "behind"),
                ("parked", "behind"),
            ]
            assert waiting[0].attempts == len(DELAYS) + 1
            assert "always" not in waiting[0].detail, "the words of an error may hold data"
            await under.bus.publish([exempted(ill, 5)])
            await world.until_parked(4)
            assert [place for key, place in await world.effects() if key == ill] == [1]
            async with world.runtime.uow(actor=OPERATOR) as uow:
                assert await parked.replay(uow, waiting[0].id) == 4
            effects = await world.until_effects(9)
            await world.until(lambda: empty(world))
        assert [place for key, place in effects if key == ill] == [1, 2, 3, 4, 5]
        async with world.runtime.read() as conn:
            told = await conn.fetch("SELECT actor, action FROM journal_pending WHERE action LIKE 'parked.%'")
        assert [tuple(row) for row in told] == [("operator-1", "parked.message.replayed")]

    async def test_what_fails_again_parks_again(self, make_bus: BusMaker, world: World) -> None:
        key = uuid4()
        world.behaviour.failures[key, 1] = [PoisonMessageError(), PoisonMessageError()]
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await under.bus.publish([exempted(key, 1)])
            await under.bus.publish([exempted(key, 2)])
            waiting = await world.until_parked(2)
            async with world.runtime.uow(actor=OPERATOR) as uow:
                await parked.replay(uow, waiting[0].id)
            await world.until(lambda: handled(world, 2))
            await world.until_parked(2)
            assert await world.effects() == []
            async with world.runtime.uow(actor=OPERATOR) as uow:
                await parked.replay(uow, waiting[1].id)
            assert await world.until_effects(2) == [(key, 1), (key, 2)]

    async def test_a_discarded_message_is_never_handled_and_those_behind_go_on(
        self, make_bus: BusMaker, world: World
    ) -> None:
        key = uuid4()
        world.behaviour.failures[key, 1] = [PoisonMessageError()]
        first = exempted(key, 1)
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await under.bus.publish([first])
            await under.bus.publish([exempted(key, 2)])
            waiting = await world.until_parked(2)
            async with world.runtime.uow(actor=OPERATOR) as uow:
                await parked.discard(uow, waiting[0].id)
            assert await world.until_effects(1) == [(key, 2)]
            await under.bus.publish([first])
            await under.bus.publish([exempted(key, 3)])
            assert await world.until_effects(2) == [(key, 2), (key, 3)]

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (lambda body: b"\x00\xff not json", "not-json"),
            (lambda body: b"[1, 2]", "not-cloudevent"),
            (lambda body: body.replace(b"legality.act.exempted.v1", b"legality.act.forgotten.v1"), "unknown-type"),
            (lambda body: body.replace(b"legality.act.exempted.v1", b"legality.act.exempted.v2"), "unknown-type"),
            (lambda body: body.replace(b'"reason"', b'"raison"'), "wrong-schema"),
            (lambda body: body.replace(b"legality.act.exempted.v1", b"notices.procedure.closed.v1"), "wrong-schema"),
            (lambda body: b"{" + b" " * (9 * 2**20), "too-large"),
            (lambda body: re.sub(rb'"recordedtime":"20', b'"recordedtime":"21', body), "from-the-future"),
            (lambda body: re.sub(rb'"subject":"[0-9a-f]{8}', b'"subject":"00000000', body), "wrong-subject"),
        ],
        ids=["bytes", "array", "type", "major", "schema", "disguise", "size", "future", "subject"],
    )
    async def test_a_broken_event_is_parked_whole_and_blocks_nothing(
        self, make_bus: BusMaker, world: World, fault: Callable[[bytes], bytes], reason: str
    ) -> None:
        body = fault(exempted(uuid4(), 1).to_json())
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await under.inject(world.queues[0], body)
            key = uuid4()
            await under.bus.publish([exempted(key, 1)])
            assert await world.until_effects(1) == [(key, 1)]
            (waiting,) = await world.until_parked(1)
            assert waiting.reason == reason
            async with world.runtime.read() as conn:
                assert (await parked.read(conn, waiting.id))[1] == body

    async def test_an_event_whose_queue_is_missing_is_refused(self, make_bus: BusMaker, world: World) -> None:
        async with make_bus(world.service) as under:
            await under.remove_queue(world.queues[0])
            stray = exempted(uuid4(), 1)
            with pytest.raises(RefusedEventsError) as refusal:
                await under.bus.publish([stray])
            assert list(refusal.value.reasons) == [stray.id]

    async def test_an_event_nobody_consumes_is_none_of_the_bus_s_business(
        self, make_bus: BusMaker, world: World
    ) -> None:
        foreign = exempted(uuid4(), 1).model_copy(update={"type": "alerts.mail.sent.v1"})
        async with make_bus(world.service) as under:
            await under.bus.publish([foreign])

    async def test_a_refused_event_is_set_aside_with_the_later_ones_of_its_key_and_tried_again(
        self, make_bus: BusMaker, world: World
    ) -> None:
        key = uuid4()
        await world.commit(event_of(key, 1))
        await world.commit(event_of(key, 2))
        async with make_bus(world.service) as under:
            await under.remove_queue(world.queues[0])
            await world.relay(under.bus)
            async with world.runtime.read() as conn:
                rows = await conn.fetch("SELECT position, reason FROM set_aside ORDER BY position")
            assert [row["position"] for row in rows] == [1, 2]
            assert rows[1]["reason"] == "behind"
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await world.commit(event_of(key, 3))
            await world.relay(under.bus)
            assert await world.effects() == [], "the third passed the first"
            async with world.runtime.read() as conn:
                await conn.execute("UPDATE set_aside SET due_at = now()")
            await world.relay(under.bus)
            assert await world.until_effects(3) == [(key, 1), (key, 2), (key, 3)]
            async with world.runtime.read() as conn:
                assert await conn.fetchval("SELECT count(*) FROM set_aside") == 0

    async def test_a_batch_is_one_transaction_in_the_order_of_each_key(
        self, make_bus: BusMaker, database_url: str, tmp_path: Path
    ) -> None:
        aggregates = keys(5)
        async with world_on(database_url, tmp_path, lanes=1, batch=10) as world, make_bus(world.service) as under:
            events = [exempted(key, place) for place in (1, 2, 3, 4) for key in aggregates]
            async with under.bus.consume(world.runtime):
                await under.bus.publish([exempted(keys(1)[0], 1)])
                await under.bus.publish([*events, *events])
                effects = await world.until_effects(21)
                await asyncio.sleep(0.2)
                assert len(await world.effects()) == 21, "a second delivery had an effect"
            async with world.runtime.read() as conn:
                together = await conn.fetchval(
                    "SELECT max(n) FROM (SELECT count(*) AS n FROM effect GROUP BY xmin) AS t"
                )
        assert together > 1, "no two messages shared a transaction"
        for key in aggregates:
            assert [place for k, place in effects if k == key] == [1, 2, 3, 4]

    @pytest.mark.parametrize("many", [False, True], ids=["one by one", "at once"])
    async def test_poison_in_a_batch_parks_alone_with_its_key(
        self, make_bus: BusMaker, database_url: str, tmp_path: Path, *, many: bool
    ) -> None:
        ill, *well = keys(6)
        async with (
            world_on(database_url, tmp_path, lanes=1, batch=20, many=many) as world,
            make_bus(world.service) as under,
        ):
            world.behaviour.failures[ill, 2] = [PoisonMessageError()] * 9
            async with under.bus.consume(world.runtime):
                await under.bus.publish([exempted(key, place) for place in (1, 2, 3) for key in (ill, *well)])
                effects = await world.until_effects(16)
                waiting = await world.until_parked(2)
            assert [(m.reason, m.key) for m in waiting] == [
                ("handler:PoisonMessageError", str(ill)),
                ("behind", str(ill)),
            ]
            assert [place for key, place in effects if key == ill] == [1]
            for key in well:
                assert [place for k, place in effects if k == key] == [1, 2, 3]
            assert (max(world.behaviour.batches, default=0) > 1) is many

    async def test_a_broken_message_in_a_batch_holds_back_the_later_ones_of_its_key(
        self, make_bus: BusMaker, database_url: str, tmp_path: Path
    ) -> None:
        ill, well = keys(2)
        async with world_on(database_url, tmp_path, lanes=1, batch=20) as world, make_bus(world.service) as under:
            broken = exempted(ill, 1).to_json().replace(b'"reason"', b'"raison"')
            async with under.bus.consume(world.runtime):
                await under.inject(world.queues[0], broken)
                await under.bus.publish([exempted(key, place) for place in (2, 3) for key in (ill, well)])
                assert await world.until_effects(2) == [(well, 2), (well, 3)]
                waiting = await world.until_parked(3)
            assert [m.reason for m in waiting] == ["wrong-schema", "behind", "behind"]

    async def test_an_outage_of_a_dependency_burns_no_attempt(self, make_bus: BusMaker, world: World) -> None:
        key = uuid4()
        world.behaviour.failures[key, 1] = [Unavailable(), ConnectionResetError(), Unavailable()]
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await asyncio.gather(under.bus.publish([exempted(key, 1)]), under.bus.publish([exempted(key, 2)]))
            assert await world.until_effects(2) == [(key, 1), (key, 2)]
            async with world.runtime.read() as conn:
                assert await conn.fetchval("SELECT count(*) FROM parked") == 0

    async def test_a_stop_does_not_wait_for_an_outage_to_end(self, make_bus: BusMaker, world: World) -> None:
        key = uuid4()
        world.behaviour.failures[key, 1] = [Unavailable()] * 1000
        async with make_bus(world.service) as under:
            async with asyncio.timeout(8), under.bus.consume(world.runtime):
                publishing = asyncio.create_task(under.bus.publish([exempted(key, 1)]))
                await world.until(lambda: handled(world, 2))
            await asyncio.gather(publishing, return_exceptions=True)
            world.behaviour.failures.clear()
            async with under.bus.consume(world.runtime):
                if publishing.exception() is not None:  # not confirmed: the publisher tries again
                    await under.bus.publish([exempted(key, 1)])
                assert await world.until_effects(1) == [(key, 1)]

    async def test_a_restart_loses_nothing_and_repeats_nothing(self, make_bus: BusMaker, world: World) -> None:
        aggregates = keys(5)
        for place in range(1, 11):
            await world.commit(*(event_of(key, place) for key in aggregates))

        async def dawdle() -> None:
            await asyncio.sleep(0.005)

        world.behaviour.pause = dawdle
        world.behaviour.failures[aggregates[0], 4] = [ValueError("once")]
        for patience in (0.08, 0.1, 0.15):
            async with make_bus(world.service) as under, under.bus.consume(world.runtime):
                relaying = asyncio.create_task(world.relay(under.bus))
                await asyncio.sleep(patience)
            relaying.cancel()
            await asyncio.gather(relaying, return_exceptions=True)
        world.behaviour.pause = None
        async with world.runtime.read() as conn:  # what was refused as the consumer stopped has its delay
            await conn.execute("UPDATE set_aside SET due_at = now()")
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await world.relay(under.bus)
            effects = await world.until_effects(50)
            await world.until(lambda: empty(world))
        assert len(effects) == 50
        for key in aggregates:
            assert [place for k, place in effects if k == key] == list(range(1, 11))

    async def test_a_consumer_goes_on_with_the_trace_and_the_correlation_of_the_event(
        self, make_bus: BusMaker, world: World
    ) -> None:
        seen: list[tuple[int, object]] = []

        def look(uow: Uow) -> None:
            seen.append((trace.get_current_span().get_span_context().trace_id, uow.cause))

        world.behaviour.hooks.append(look)
        envelope = exempted(uuid4(), 1).model_copy(
            update={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        )
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await under.bus.publish([envelope])
            await world.until_effects(1)
        assert seen == [(0x0AF7651916CD43DD8448EB211C80319C, envelope)]


async def empty(world: World) -> bool:
    return await world.parked() == []


async def handled(world: World, times: int) -> bool:
    return len(world.behaviour.calls) >= times
