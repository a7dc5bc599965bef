"""A read model is rebuilt from what its producers published: equal to the live one, once, while live messages wait."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from libs.common.bus import inbox, numberer
from libs.common.bus.archive import keeping
from libs.common.bus.inbox import Claim
from libs.common.bus.rebuild import replay
from libs.common.bus.rebuild.export import BadExportError, Exported, export
from libs.common.bus.rebuild.replay import MissingEventsError, NotAProjectionError, RebuildError, rebuilding
from libs.common.bus.retry import Action, action_for
from libs.common.bus.topology import Topology
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.run import cli
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from libs.common.uow import Uow
from services.notices.wiring import SERVICE

QUEUE = "notices.timeline"
TABLES = ("timeline",)
TYPES = next(queue.types for queue in Topology.load().queues if queue.name == QUEUE)
PROCEDURES = [uuid4() for _ in range(3)]


class Platform:
    """The notices service and those whose events it hears, each with its own database."""

    def __init__(self, notices: Harness, producers: dict[str, Harness]) -> None:
        self.notices = notices
        self.producers = producers
        self.types = [kind for kind in TYPES if kind.split(".")[0] in producers]

    async def publish(self, count: int) -> list[CloudEvent]:
        """Have every producer publish events of all its types, and give them in an order they may arrive in."""
        logs = [await self._publish(harness, name, count) for name, harness in self.producers.items()]
        arrivals = [name for name, log in enumerate(logs) for _ in log]
        random.shuffle(arrivals)
        return [logs[name].pop(0) for name in arrivals]

    async def _publish(self, harness: Harness, name: str, count: int) -> list[CloudEvent]:
        before = await head(harness)
        for _ in range(count):
            for kind in (kind for kind in self.types if kind.startswith(f"{name}.")):
                event = registry.parse(sample_of(registry.event_type(kind)))
                changes: dict[str, Any] = {"aggregate_id": uuid4(), "procedure": random.choice([*PROCEDURES, None])}
                async with harness.runtime.uow() as uow:
                    uow.emit(event.model_copy(update=changes))
        await numberer.drain(harness.runtime)
        async with harness.runtime.read() as conn:
            rows = await conn.fetch("SELECT body FROM event WHERE position > $1 ORDER BY position", before)
        return [CloudEvent.from_json(row["body"].encode()) for row in rows]

    async def hear(self, events: list[CloudEvent]) -> list[Claim]:
        """Have the timeline's consumer handle events, as its queue brings them."""
        consumers = Consumers("notices", [one for one in SERVICE.consumers.items if one.queue == QUEUE])
        return [claim for event in events for claim in await inbox.handle(self.notices.runtime, consumers, event)]

    async def export(self, folder: Path) -> None:
        for harness in self.producers.values():
            await export(harness.runtime, folder, QUEUE)

    async def timeline(self) -> list[tuple[object, ...]]:
        """Give the timeline; `position` is but the order of arrival."""
        async with self.notices.runtime.read() as conn:
            rows = await conn.fetch(
                "SELECT event_id, procedure_id, type, occurred_at, audience, organisation, buyer, buyer_after, summary,"
                " summary_en, reference FROM timeline ORDER BY event_id"
            )
        return [tuple(row) for row in rows]

    async def damage(self) -> None:
        async with self.notices.runtime.read() as conn:
            await conn.execute("UPDATE timeline SET summary = 'wrong' WHERE position % 3 = 0")
            await conn.execute("DELETE FROM timeline WHERE position % 3 = 1")


async def head(harness: Harness) -> int:
    async with harness.runtime.read() as conn:
        position: int = await conn.fetchval("SELECT position FROM event_head")
    return position


async def archive(harness: Harness) -> None:
    """Let all that a producer published so far be in its archive only."""
    async with harness.runtime.read() as conn:
        await conn.execute("UPDATE event SET numbered_at = numbered_at - interval '91 days'")
        await conn.execute("SELECT event_cut()")
        await conn.execute("UPDATE publisher SET position = (SELECT position FROM event_head)")
    await keeping.keep(harness.runtime)
    async with harness.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM event") == 0


async def platform_of(names: set[str], service_harness: HarnessFactory) -> Platform:
    notices = await service_harness(SERVICE)
    producers = {"notices": notices}
    for name in sorted(names - {"notices"}):
        folder = Path(__file__).parent / "migrations"
        producers[name] = await service_harness(Service(name, Settings, folder, Routes(name), Consumers(name)))
    return Platform(notices, producers)


@pytest.fixture
async def whole(service_harness: HarnessFactory) -> Platform:
    """All the services the timeline hears."""
    return await platform_of({kind.split(".")[0] for kind in TYPES}, service_harness)


@pytest.fixture
async def platform(service_harness: HarnessFactory, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Two of them, where two are enough."""
    heard = [one for one in SERVICE.consumers.items if one.event.type.startswith(("notices.", "bids."))]
    monkeypatch.setattr(SERVICE.consumers, "items", heard)
    return await platform_of({"notices", "bids"}, service_harness)


def no_progress(_done: int, _total: int) -> None:
    return


async def rebuild(platform: Platform, folder: Path) -> int:
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        total = await made.replay(folder, no_progress)
        await made.swap()
        return total


async def test_a_rebuilt_timeline_equals_the_original_from_archive_and_log(whole: Platform, tmp_path: Path) -> None:
    await whole.hear(await whole.publish(3))
    for harness in whole.producers.values():
        await archive(harness)
    await whole.hear(await whole.publish(2))
    original = await whole.timeline()
    assert len(original) > 50
    await whole.damage()
    await whole.export(tmp_path)
    told: list[tuple[int, int]] = []
    async with rebuilding(whole.notices.runtime, QUEUE, TABLES) as made:
        assert made.producers == sorted(whole.producers)
        await made.begin()
        total = await made.replay(tmp_path, lambda done, total: told.append((done, total)))
        assert await whole.timeline() != original, "readers see the old rows until the swap"
        await made.swap()
    assert await whole.timeline() == original
    assert told[-1] == (total, total)
    assert total == 5 * len(TYPES)
    assert await rebuild(whole, tmp_path) == total
    assert await whole.timeline() == original, "again: the same"


async def test_live_messages_wait_in_order_and_go_on_behind_the_rebuilt_rows(
    platform: Platform, tmp_path: Path
) -> None:
    events = await platform.publish(2)
    await platform.hear(events[:-8])
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        with pytest.raises(asyncpg.CannotConnectNowError, match=QUEUE) as refused:
            await platform.hear(events[-8:])
        assert action_for(refused.value) is Action.PAUSE, "no attempt is burnt, nothing is parked"
        await platform.export(tmp_path)
        late = await platform.publish(1)
        await made.replay(tmp_path, no_progress)
        await made.swap()
    assert await platform.hear(events[-8:]) == [Claim.DUPLICATE] * 8, "replayed already"
    assert set(await platform.hear(late)) == {Claim.DONE}
    timeline = await platform.timeline()
    assert {row[0] for row in timeline} == {event.id for event in events + late if event.procedure}
    async with platform.notices.runtime.read() as conn:
        last = await conn.fetch("SELECT event_id FROM timeline ORDER BY position DESC LIMIT 3")
    assert {row["event_id"] for row in last} <= {event.id for event in late}, "new rows come behind"


async def test_a_running_consumer_pauses_and_goes_on_by_itself(platform: Platform, tmp_path: Path) -> None:
    notices = platform.notices
    elsewhere = {
        each.event.type for each in SERVICE.consumers.items if each.queue != QUEUE
    }  # of procedures unknown here
    await platform.hear(await platform.publish(1))
    async with notices.bus.consume(notices.runtime), asyncio.timeout(30):
        async with rebuilding(notices.runtime, QUEUE, TABLES) as made:
            await made.begin()
            await platform.export(tmp_path)
            late = [event for event in await platform.publish(2) if event.type not in elsewhere and event.procedure]
            brought = asyncio.create_task(notices.bus.publish(late))
            await made.replay(tmp_path, no_progress)
            await asyncio.sleep(0.5)
            assert not brought.done()
            await made.swap()
        await brought
    async with notices.runtime.read() as conn:
        rows = await conn.fetch("SELECT event_id FROM timeline ORDER BY position DESC LIMIT $1", len(late))
        assert await conn.fetchval("SELECT count(*) FROM parked") == 0
    assert {row["event_id"] for row in rows} == {event.id for event in late}


async def test_other_queues_of_the_service_go_on(platform: Platform) -> None:
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        async with platform.notices.runtime.read() as conn:
            await conn.execute("INSERT INTO inbox VALUES ('notices.procedures', $1)", uuid4())
        await made.end()


async def test_an_export_that_lacks_what_was_handled_is_refused_and_a_new_one_ends_it(
    platform: Platform, tmp_path: Path
) -> None:
    await platform.hear(await platform.publish(1))
    await platform.export(tmp_path)
    await platform.hear(await platform.publish(1))
    original = await platform.timeline()
    with pytest.raises(MissingEventsError, match=f"^{len(platform.types)} events"):
        await rebuild(platform, tmp_path)
    assert await platform.timeline() == original
    await platform.export(tmp_path)
    await rebuild(platform, tmp_path)
    assert await platform.timeline() == original


async def test_a_rebuild_killed_half_way_goes_on_and_replays_nothing_twice(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 7)
    await platform.hear(await platform.publish(5))
    original = await platform.timeline()
    await platform.export(tmp_path)

    def die(done: int, _: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        with pytest.raises(KeyboardInterrupt):
            await made.replay(tmp_path, die)
    async with platform.notices.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM rebuild_notices_timeline.replayed") == 21
        await conn.execute("CREATE TABLE once (LIKE rebuild_notices_timeline.timeline)")
        await conn.execute("INSERT INTO once SELECT * FROM rebuild_notices_timeline.timeline")
    await rebuild(platform, tmp_path)
    assert await platform.timeline() == original
    async with platform.notices.runtime.read() as conn:
        moved = "SELECT count(*) FROM once JOIN timeline USING (event_id, position)"
        assert await conn.fetchval(moved) == await conn.fetchval("SELECT count(*) FROM once")
        await conn.execute("DROP TABLE once")


async def test_what_an_operator_discarded_is_not_replayed(platform: Platform, tmp_path: Path) -> None:
    events = [event for event in await platform.publish(1) if event.procedure]
    discarded = events[0]
    await platform.hear(events[1:])
    async with platform.notices.runtime.read() as conn:
        await conn.execute(
            "INSERT INTO parked (queue, key, message_id, type, body, state, reason)"
            " VALUES ($1, 'k', $2, 't', '', 'discarded', 'handler')",
            QUEUE,
            discarded.id,
        )
    await platform.export(tmp_path)
    await rebuild(platform, tmp_path)
    assert {row[0] for row in await platform.timeline()} == {event.id for event in events[1:]}


async def test_exports_are_checked_before_anything_is_replayed(platform: Platform, tmp_path: Path) -> None:
    await platform.publish(1)
    await platform.export(tmp_path)
    file = tmp_path / "bids.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BadExportError, match="changed"):
        await rebuild(platform, tmp_path)
    file.unlink()
    with pytest.raises(BadExportError, match=r"services\.bids export"):
        await rebuild(platform, tmp_path)
    with pytest.raises(BadExportError, match="consumes no event"):
        await export(platform.notices.runtime, tmp_path, "nobody.knows")
    assert Exported.load(tmp_path, "notices", QUEUE).service == "notices"
    with pytest.raises(BadExportError, match="another queue"):
        Exported.load(tmp_path, "notices", "alerts.matching")


async def test_an_export_holds_the_types_of_the_queue_only(platform: Platform, tmp_path: Path) -> None:
    await platform.publish(1)
    done = await export(platform.producers["bids"].runtime, tmp_path, "opendata.contracts")
    consumed = next((queue.types for queue in Topology.load().queues if queue.name == done.queue), ())
    assert {event.type for event in done.read(tmp_path)} <= set(consumed)


async def test_handlers_with_effects_are_not_replayed(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotAProjectionError):
        async with rebuilding(platform.notices.runtime, "notices.procedures", ()):
            pass

    async def effect(uow: Uow, event: Event) -> None:
        uow.enqueue("mail", key=str(event.aggregate_id), payload={})

    await platform.publish(1)
    await platform.export(tmp_path)
    hidden = Consumers("notices")
    for model in map(registry.event_type, platform.types):
        hidden.on(model, queue="timeline", projection=True)(effect)
    monkeypatch.setattr(SERVICE.consumers, "items", hidden.items)
    with pytest.raises(NotAProjectionError, match="more than update"):
        await rebuild(platform, tmp_path)


async def test_two_rebuilds_of_a_queue_do_not_meet(platform: Platform) -> None:
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES):
        with pytest.raises(RebuildError, match="another process"):
            async with rebuilding(platform.notices.runtime, QUEUE, TABLES):
                pass


async def test_the_commands_export_and_rebuild(platform: Platform, tmp_path: Path) -> None:
    events = await platform.publish(1)
    await platform.hear(events)
    original = await platform.timeline()
    await platform.damage()
    told = await command(platform, "rebuild", "timeline")
    assert "live messages wait" in told
    await platform.export(tmp_path)
    (tmp_path / "notices.jsonl.gz").unlink()
    assert '"queue":"notices.timeline"' in await command(platform, "export", str(tmp_path), "--for", QUEUE)
    assert f"rebuilt from {len(events)} events" in await command(
        platform, "rebuild", "timeline", "--from", str(tmp_path)
    )
    assert await platform.timeline() == original


async def command(platform: Platform, *arguments: str) -> str:
    settings = platform.notices.runtime.settings
    environment = {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_NOTICES_DATABASE_URL": settings.database_urls["notices"],
        "HALLES_STORAGE_URL": settings.storage_url,
    }
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, cli(SERVICE), arguments)
    assert result.exit_code == 0, result.output
    return result.output
