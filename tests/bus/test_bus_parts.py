"""The small parts of the backbone: lanes, what failures ask for, names, cursors."""

from __future__ import annotations

import asyncio
import errno
import socket
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common.bus import cursor
from libs.common.bus.delivery import Failure
from libs.common.bus.lanes import Lanes, lane_of
from libs.common.bus.rabbit.link import guarded
from libs.common.bus.retry import DELAYS, Action, PoisonMessageError, action_for, delay_name
from libs.common.bus.topology import Queue, Topology
from libs.common.errors import InvalidInput, NotFound, Unavailable
from libs.common.messages.legality import ActExemptedV1
from libs.common.runtime import Runtime
from libs.common.service import Consumers, Service


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (Unavailable(), Action.PAUSE),
        (ConnectionRefusedError(), Action.PAUSE),
        (asyncpg.CannotConnectNowError(), Action.PAUSE),
        (asyncpg.ConnectionDoesNotExistError(), Action.PAUSE),
        (asyncpg.DiskFullError(), Action.PAUSE),
        (socket.gaierror(-3, "Temporary failure in name resolution"), Action.PAUSE),
        (OSError(errno.EHOSTUNREACH, "No route to host"), Action.PAUSE),
        (asyncpg.InterfaceError("connection is closed"), Action.PAUSE),
        (asyncpg.InterfaceError("another operation is in progress"), Action.LATER),
        (asyncpg.DataError("invalid input, closed interval expected"), Action.LATER),
        (asyncpg.SerializationError(), Action.AGAIN),
        (asyncpg.DeadlockDetectedError(), Action.AGAIN),
        (asyncpg.UniqueViolationError(), Action.LATER),
        (FileNotFoundError(), Action.LATER),
        (TimeoutError(), Action.LATER),
        (NotFound(), Action.LATER),
        (PoisonMessageError(), Action.PARK),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_failure_asks_for_its_action(error: Exception, action: Action) -> None:
    assert action_for(error) is action


def test_delays_have_readable_names() -> None:
    assert [delay_name(seconds) for seconds in (*DELAYS, 0.25)] == ["5s", "30s", "2m", "10m", "1h", "250ms"]


def test_a_failure_tells_where_and_never_what() -> None:
    def handler() -> None:
        raise ValueError("Camille Martin, 06 12 34 56 78")

    try:
        handler()
    except ValueError as error:
        failure = Failure.of(error)
    assert failure.reason == "handler:ValueError"
    assert "Camille" not in failure.detail
    assert "test_bus_parts" in failure.detail


def test_a_key_has_the_same_lane_in_every_process() -> None:
    assert lane_of("procedure-1", 8) == 5, "two versions running side by side would disagree"
    assert {lane_of(str(n), 8) for n in range(200)} == set(range(8))


async def test_lanes_keep_the_order_of_a_key_and_work_side_by_side() -> None:
    done: list[tuple[str, int]] = []
    together, most = 0, 0
    finished = asyncio.Event()

    async def work(items: list[tuple[str, int]]) -> None:
        nonlocal together, most
        (item,) = items
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.001)
        done.append(item)
        together -= 1
        if len(done) == 80:
            finished.set()

    lanes: Lanes[tuple[str, int]] = Lanes(4, work)
    for place in range(10):
        for key in "abcdefgh":
            lanes.submit(key, (key, place))
    await finished.wait()
    await lanes.close()
    for key in "abcdefgh":
        assert [place for k, place in done if k == key] == list(range(10))
    assert 1 < most <= 4


async def test_a_lane_survives_what_it_works_on_and_gives_back_what_it_did_not_begin() -> None:
    done: list[int] = []
    gate = asyncio.Event()

    async def work(items: list[int]) -> None:
        (item,) = items
        if item == 0:
            raise ZeroDivisionError
        await gate.wait()
        done.append(item)

    lanes: Lanes[int] = Lanes(1, work)
    for item in range(4):
        lanes.submit("key", item)
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(lanes.close())
    await asyncio.sleep(0.01)
    gate.set()
    assert await closing == [2, 3]
    assert done == [1]


async def test_a_lane_works_on_what_waits_together_and_waits_for_nobody() -> None:
    batches: list[list[int]] = []

    async def work(items: list[int]) -> None:
        batches.append(items)
        await asyncio.sleep(0)

    lanes: Lanes[int] = Lanes(1, work, 3)
    lanes.submit("key", 0)
    await asyncio.sleep(0.01)
    for item in range(1, 6):
        lanes.submit("key", item)
    await asyncio.sleep(0.01)
    await lanes.close()
    assert batches == [[0], [1, 2, 3], [4, 5]]


def runtime(key: str = "one", service: str = "bids") -> Runtime:
    settings = SimpleNamespace(secret=SecretStr(key), old_secrets=())
    return cast("Runtime", SimpleNamespace(settings=settings, service=SimpleNamespace(name=service)))


def test_a_cursor_leads_back_to_its_place() -> None:
    given = cursor.encode(runtime(), (12, 7))
    assert cursor.decode(runtime(), given) == (12, 7)


@pytest.mark.parametrize(
    "other", [runtime(service="notices"), runtime(key="another")], ids=["another service", "another secret"]
)
def test_a_cursor_is_of_one_service_and_one_secret(other: Runtime) -> None:
    with pytest.raises(InvalidInput):
        cursor.decode(other, cursor.encode(runtime(), (12, 7)))


@pytest.mark.parametrize("forged", ["", "x", "é", "A" * 59, "=", "AAAA"])
def test_a_forged_cursor_is_refused(forged: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        cursor.decode(runtime(), forged)
    assert refusal.value.errors[0].where == "query/after"


def test_a_changed_cursor_is_refused() -> None:
    given = cursor.encode(runtime(), (12, 7))
    for place in range(0, len(given), 7):
        changed = given[:place] + ("A" if given[place] != "A" else "B") + given[place + 1 :]
        with pytest.raises(InvalidInput):
            cursor.decode(runtime(), changed)


def test_one_queue_has_one_handler_of_a_type() -> None:
    consumers = Consumers("bids")

    async def handle(*_: Any) -> None:  # noqa: ANN401
        return

    consumers.on(ActExemptedV1, queue="one")(handle)
    consumers.on(ActExemptedV1, queue="two", projection=True)(handle)
    service = cast("Service", SimpleNamespace(name="bids", consumers=consumers))
    topology = Topology.of([service])
    assert topology.queues_for(ActExemptedV1.type) == (
        Queue("bids.one", "bids", (ActExemptedV1.type,), single_active=True),
        Queue("bids.two", "bids", (ActExemptedV1.type,), single_active=False),
    )
    assert Topology.from_json(topology.to_json()) == topology
    assert topology.including(service) == topology
    consumers.on(ActExemptedV1, queue="one")(handle)
    with pytest.raises(ValueError, match="two handlers"):
        Topology.of([service])


@pytest.mark.parametrize("raised", [asyncio.CancelledError, StopAsyncIteration])
async def test_what_aio_pika_raises_when_a_broker_stops_is_an_error_of_the_network(raised: type[BaseException]) -> None:
    """Found by the fault tests: either ended the whole process."""

    async def connect() -> None:
        raise raised

    with pytest.raises(ConnectionResetError):
        await guarded(connect())
