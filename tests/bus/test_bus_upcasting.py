"""A consumer that moved to a newer major also gets what was sent in the older one, each change once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import pytest

from libs.common.bus import numberer, publisher
from libs.common.bus.topology import Topology
from libs.common.http import Routes
from libs.common.messages import registry, upcasting
from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.upcasting import UpcastError, Upcasters
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from libs.common.uow import Uow

QUEUE = "sample.things"


class ThingCountedV1(Event):
    type: ClassVar[str] = "sample.thing.counted.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    count: int


class ThingCountedV2(Event):
    type: ClassVar[str] = "sample.thing.counted.v2"
    audience: ClassVar[Audience] = Audience.PUBLIC

    counted: list[int]


CONSUMERS = Consumers("sample")


@CONSUMERS.on(ThingCountedV2, queue="things")
async def counted(uow: Uow, event: ThingCountedV2) -> None:
    statement = "INSERT INTO effect (queue, key, place) VALUES ($1, $2, $3)"
    await uow.conn.execute(statement, QUEUE, event.aggregate_id, event.counted[0])


SERVICE = Service("sample", Settings, Path(__file__).parent / "migrations", Routes("sample"), CONSUMERS)


@pytest.fixture
def upcasters(monkeypatch: pytest.MonkeyPatch) -> Upcasters:
    found = Upcasters()

    @found.on(ThingCountedV1, ThingCountedV2)
    def second(old: ThingCountedV1) -> ThingCountedV2:
        if old.count < 0:
            raise UpcastError("no count")
        return ThingCountedV2(**old.model_dump(exclude={"count"}), counted=[old.count])

    monkeypatch.setattr(registry, "UPCASTERS", found)
    monkeypatch.setitem(registry._TYPES, ThingCountedV1.type, ThingCountedV1)
    monkeypatch.setitem(registry._TYPES, ThingCountedV2.type, ThingCountedV2)
    return found


@pytest.fixture
async def h(upcasters: Upcasters, service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


def v1(count: int, key: UUID | None = None) -> ThingCountedV1:
    return ThingCountedV1(**_common(key), count=count)


def v2(count: int, key: UUID | None = None) -> ThingCountedV2:
    return ThingCountedV2(**_common(key), counted=[count])


def _common(key: UUID | None) -> dict[str, object]:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    buyer = "SIRET:21210231500018"
    return {"aggregate_id": key or uuid4(), "aggregate_version": 1, "organisation": buyer, "occurred_at": now}


async def effects(h: Harness) -> list[int]:
    async with h.runtime.read() as conn:
        return [row["place"] for row in await conn.fetch("SELECT place FROM effect ORDER BY id")]


def test_the_queue_of_a_newer_major_is_bound_to_the_older_ones(upcasters: Upcasters) -> None:
    (queue,) = Topology.of([SERVICE]).queues
    assert queue.types == (ThingCountedV1.type, ThingCountedV2.type)


async def test_older_events_on_the_bus_reach_the_handler_of_the_newer_major(h: Harness) -> None:
    async with h.runtime.uow() as uow:
        uow.emit(v1(7))
    await h.settle()
    assert await effects(h) == [7]


async def test_an_older_event_of_an_archive_is_handled_once(h: Harness) -> None:
    archived = CloudEvent.wrap(v1(3))
    await h.deliver(archived, archived)
    assert await effects(h) == [3]


async def test_a_change_sent_in_both_majors_has_one_effect_in_whatever_order_it_comes(h: Harness) -> None:
    key = uuid4()
    async with h.runtime.uow() as uow:
        uow.emit(v2(1, key), v1(1, key))
        uow.emit(v2(2, key), v1(2, key))
        uow.emit(v1(3, key))
    await numberer.drain(h.runtime)
    async with h.bus.consume(h.runtime):
        await publisher.drain(h.runtime, h.bus)
    assert await effects(h) == [1, 2, 3]
    newer, older = CloudEvent.wrap(v2(4, key)), CloudEvent.wrap(v1(4, key))
    await h.deliver(older.model_copy(update={"supersededby": newer.id}), newer)
    assert await effects(h) == [1, 2, 3, 4]


async def test_what_cannot_be_told_in_the_newer_words_is_parked_and_blocks_no_other_key(h: Harness) -> None:
    async with h.runtime.uow() as uow:
        uow.emit(v1(-1))
        uow.emit(v1(5))
    await h.settle()
    assert await effects(h) == [5]
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT reason FROM parked") == "not-upcast"


def test_the_platform_has_no_step_that_leads_to_a_type_it_does_not_know() -> None:
    for step in upcasting.UPCASTERS._steps.values():
        assert {step.old.type, step.new.type} <= registry.all_types().keys()
