"""Deliveries to partners: order, endpoints that fail or hang, sent again, recovered, tested, listed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from libs.common.messages.envelope import CloudEvent
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.delivering import DELIVERING
from services.alerts.jobs import forget_deliveries, measure_webhooks
from services.alerts.service import deliveries as service
from services.alerts.settings import AlertsSettings
from services.alerts.store import deliveries as store
from services.alerts.store.deliveries import Busy
from services.alerts.webhooks.answers import Answer
from services.alerts.webhooks.metrics import ENDPOINTS, OLDEST, WAITING
from services.alerts.wiring import SERVICE
from tests.api.alerts.webhook_flow import (
    CLOSED,
    PUBLISHED,
    Json,
    Receiver,
    attempts,
    call,
    closed,
    receiving,
    subscribe,
)
from tests.unit.alerts.alerts_samples import BUYER, COMPANY, published

SECOND = timedelta(seconds=1)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def h(service_harness: HarnessFactory, receiver: Receiver) -> Harness:
    allow = receiver.url.split("/")[2]
    return await service_harness(SERVICE, settings={"webhook_allow": allow, "webhook_schedule": (60, 600)})


def types(receiver: Receiver) -> list[str]:
    return [json.loads(body)["type"] for _, body in receiver.got]


def other(number: int) -> CloudEvent:
    """Give a notice of a procedure of its own."""
    return CloudEvent.wrap(published(UUID(int=number), notice_id=UUID(int=number)))


async def deliveries(h: Harness, webhook: Json, query: str = "") -> list[Json]:
    path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries{query}"
    items: list[Json] = (await call(h, "GET", path, 200))["items"]
    return items


async def test_a_later_event_of_a_notice_waits_for_the_earlier_and_other_notices_do_not(
    h: Harness, receiver: Receiver
) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=500)]
    await h.deliver(published(), closed())
    await h.settle()
    assert types(receiver) == [PUBLISHED]
    await h.deliver(other(5))
    await h.settle()
    assert types(receiver) == [PUBLISHED, PUBLISHED], "of another procedure: at once"
    h.clock.advance(75 * SECOND)
    await h.settle()
    assert types(receiver) == [PUBLISHED, PUBLISHED, PUBLISHED, CLOSED]
    assert [each["state"] for each in await deliveries(h, webhook)] == ["delivered"] * 3


async def test_a_later_event_of_a_notice_goes_once_the_earlier_is_given_up(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=500) for _ in range(3)]
    await h.deliver(published(), closed())
    for _ in range(3):
        await h.settle()
        h.clock.advance(timedelta(hours=1))
    assert types(receiver) == [PUBLISHED] * 3 + [CLOSED]
    failed = await deliveries(h, webhook, "?state=failed")
    assert [(each["type"], each["attempts"]) for each in failed] == [(PUBLISHED, 3)]


async def test_endpoints_that_hang_hold_up_no_other(h: Harness, receiver: Receiver) -> None:
    release = asyncio.Event()
    hung = [Receiver(release=release) for _ in range(3)]
    for number, each in enumerate(hung):
        await subscribe(h, receiver, types=[PUBLISHED])
        webhook = await subscribe(h, receiver, types=[PUBLISHED])
        receiver.at[f"/hook/hang{number}"] = each
        await call(h, "PATCH", f"/v1/webhooks/{webhook['webhook_id']}", 200, {"url": f"{receiver.url}/hang{number}"})
    stop = asyncio.Event()
    running = asyncio.create_task(DELIVERING.run(h.runtime, stop))
    for number in range(12):
        await h.deliver(other(number + 10))
    await receiver.saw(36)
    most = h.runtime.port(AlertsSettings).webhook_at_once
    assert all(len(each.got) <= most for each in hung), "each that hangs has a few calls in hand"
    release.set()
    for each in hung:
        await each.saw(12)
    stop.set()
    await running


async def test_an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=500) for _ in range(5)]
    await h.deliver(*(other(number) for number in range(1, 9)))
    await h.settle()
    assert len(receiver.got) == 5, "five fail in a row; the others wait"
    told = await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200)
    assert told["failing_since"] == "2026-03-02T09:00:00Z"
    assert told["held_until"] == "2026-03-02T09:00:05Z"
    h.clock.advance(6 * SECOND)
    await h.settle()
    assert len(receiver.got) == 8, "one succeeds, then all that are due"
    h.clock.advance(75 * SECOND)
    await h.settle()
    assert len(receiver.got) == 13
    assert (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200))["failing_since"] is None


@pytest.mark.parametrize(("status", "given"), [(429, "120"), (503, "date")])
async def test_an_endpoint_that_has_too_much_to_do_is_left_alone_as_it_asks(
    h: Harness, receiver: Receiver, status: int, given: str
) -> None:
    await subscribe(h, receiver)
    later = (datetime.now(UTC) + 120 * SECOND).strftime("%a, %d %b %Y %H:%M:%S GMT") if given == "date" else given
    receiver.answers = [web.Response(status=status, headers={"Retry-After": later})]
    await h.deliver(other(1))
    await h.settle()
    await h.deliver(other(2))
    h.clock.advance(70 * SECOND)
    await h.settle()
    assert len(receiver.got) == 1, "nothing else is sent to it either"
    h.clock.advance(70 * SECOND)
    await h.settle()
    assert len(receiver.got) == 3


async def test_what_an_endpoint_answers_is_kept_shortly_without_secrets(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=400, text=f"wrong secret: {webhook['secret']} " + "x" * 5_000)]
    await h.deliver(published())
    await h.settle()
    (attempt,) = await attempts(h, webhook)
    assert attempt["status"] == 400
    assert attempt["answer"].startswith("wrong [...]")
    assert len(attempt["answer"]) <= 512
    assert webhook["secret"] not in attempt["answer"]
    assert attempt["milliseconds"] >= 0


async def test_one_event_is_sent_again_under_the_same_identity(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    event = other(1)
    await h.deliver(event)
    await h.settle()
    path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries"
    told = await call(h, "POST", f"{path}/{event.id}/resend", 202)
    assert (told["state"], told["event_id"]) == ("waiting", str(event.id))
    await h.settle()
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [str(event.id)] * 2
    assert receiver.got[0][1] == receiver.got[1][1]
    assert [each["number"] for each in await attempts(h, webhook)] == [2, 1]
    assert [each.data["attempts"] for each in h.events("alerts.webhook.delivered.v1")] == [1, 2]
    await call(h, "POST", f"{path}/{uuid4()}/resend", 404)
    await call(h, "POST", f"{path}/{event.id}/resend", 404, org=COMPANY)


async def test_what_is_sent_again_has_its_whole_schedule_again(h: Harness, receiver: Receiver) -> None:
    webhook, event = await subscribe(h, receiver), other(1)
    receiver.answers = [web.Response(status=500) for _ in range(5)]
    await h.deliver(event)
    for _ in range(4):
        await h.settle()
        h.clock.advance(timedelta(hours=1))
    assert [each["state"] for each in await deliveries(h, webhook)] == ["failed"]
    await call(h, "POST", f"/v1/webhooks/{webhook['webhook_id']}/deliveries/{event.id}/resend", 202)
    for _ in range(4):
        await h.settle()
        h.clock.advance(timedelta(hours=1))
    assert [(each["state"], each["attempts"]) for each in await deliveries(h, webhook)] == [("delivered", 6)]


async def recover(h: Harness, webhook: Json, status: int = 202, **body: object) -> Json:
    body = {"since": h.clock.now().isoformat()} | body
    told = await call(h, "POST", f"/v1/webhooks/{webhook['webhook_id']}/recoveries", status, body)
    await h.settle()
    return told


async def test_events_since_a_date_are_recovered_page_by_page_in_order(
    h: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PAGE", 2)
    await h.deliver(other(1))
    h.clock.advance(60 * SECOND)
    since, events = h.clock.now(), [other(number) for number in range(2, 7)]
    for event in events:
        await h.deliver(event)
        h.clock.advance(SECOND)
    webhook = await subscribe(h, receiver)
    await recover(h, webhook, since=since.isoformat())
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [str(event.id) for event in events]


async def test_what_is_missing_is_replayed_and_all_if_asked(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver, cpv=["45214"])
    since = h.clock.now().isoformat()
    receiver.answers = [web.Response(status=500) for _ in range(3)]
    await h.deliver(other(1))
    for _ in range(3):
        await h.settle()
        h.clock.advance(timedelta(hours=1))
    await h.deliver(other(2), CloudEvent.wrap(published(UUID(int=3), notice_id=UUID(int=3), cpv=["72000000"])))
    await h.settle()
    assert len(receiver.got) == 4
    await recover(h, webhook, since=since)
    assert len(receiver.got) == 5, "the one that failed; not what it does not want"
    await recover(h, webhook, since=since, what="all")
    assert len(receiver.got) == 7


async def test_a_recovery_is_refused_with_a_reason(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    for at in (h.clock.now() + timedelta(minutes=1), h.clock.now() - timedelta(days=91)):
        told = await recover(h, webhook, 422, since=at.isoformat())
        assert told["errors"][0]["where"] == "body/since"
    await recover(h, webhook, 422, since="2026-03-01T00:00:00")
    await call(h, "PATCH", f"/v1/webhooks/{webhook['webhook_id']}", 200, {"enabled": False})
    assert "PATCH" in (await recover(h, webhook, 409))["detail_en"]


async def test_a_later_recovery_ends_the_one_before(
    h: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PAGE", 1)
    since = h.clock.now().isoformat()
    await h.deliver(other(1), other(2))
    webhook = await subscribe(h, receiver)
    path = f"/v1/webhooks/{webhook['webhook_id']}/recoveries"
    await call(h, "POST", path, 202, {"since": since, "what": "all"})
    await recover(h, webhook, since=since, what="all")
    assert len(receiver.got) == 2


async def test_a_test_event_says_so_and_is_no_event(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver, types=[PUBLISHED], cpv=["99"])
    path, since = f"/v1/webhooks/{webhook['webhook_id']}", h.clock.now().isoformat()
    told = await call(h, "POST", f"{path}/test", 202, {"type": CLOSED})
    assert (told["type"], told["test"]) == (CLOSED, True)
    await h.settle()
    body = json.loads(receiver.got[0][1])
    assert (body["type"], body["source"]) == (CLOSED, "/test")
    await recover(h, webhook, since=since, what="all")
    assert len(receiver.got) == 1
    told = await call(h, "POST", f"{path}/test", 422, {"type": "bids.bid.deposited.v1"})
    assert told["errors"][0]["where"] == "body/type"


async def test_an_endpoint_that_is_enabled_again_gets_what_waited(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    await h.deliver(other(1))
    assert (await call(h, "PATCH", path, 200, {"enabled": False}))["state"] == "disabled"
    await h.deliver(other(2))
    await h.settle()
    assert receiver.got == []
    assert (await call(h, "PATCH", path, 200, {"enabled": True}))["disabled_reason"] is None
    await h.settle()
    assert len(receiver.got) == 1
    await recover(h, webhook, since=h.clock.now().isoformat())
    assert len(receiver.got) == 2, "what came meanwhile"


async def test_lists_are_paged(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    await h.deliver(*(other(number) for number in range(1, 6)))
    await h.settle()
    for name in ("deliveries", "attempts"):
        path, seen, cursor = f"/v1/webhooks/{webhook['webhook_id']}/{name}?limit=2", list[str](), ""
        for _ in range(3):
            page = await call(h, "GET", f"{path}{cursor}", 200)
            seen += [each["event_id"] for each in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert page["next"] is None
        assert len(seen) == len(set(seen)) == 5, name


async def test_a_worker_that_lost_its_lease_writes_nothing(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    await h.deliver(other(1))
    first, second, now = uuid4(), uuid4(), h.clock.now()
    async with h.runtime.read() as conn:
        (claimed,) = await store.claim(conn, now=now, most=9, at_once=9, busy=[], lease=first, seconds=0)
        (again,) = await store.claim(conn, now=now, most=9, at_once=9, busy=[], lease=second, seconds=60)
        assert await store.claim(conn, now=now, most=9, at_once=9, busy=[], lease=first, seconds=60) == []
    assert claimed.delivery_id == again.delivery_id
    settings = h.runtime.port(AlertsSettings)
    lost = service.fate_of(settings, claimed, Answer(410, None, 0.1), now)
    await service.close(h.runtime, [lost], first)
    assert await attempts(h, webhook) == []
    await service.close(h.runtime, [service.fate_of(settings, again, Answer(204, None, 0.1), now)], second)
    assert [each["state"] for each in await deliveries(h, webhook)] == ["delivered"]
    assert (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200))["state"] == "enabled"


async def test_an_endpoint_gets_no_more_at_once_than_its_lane_lets(h: Harness, receiver: Receiver) -> None:
    webhook = UUID((await subscribe(h, receiver, per_second=3))["webhook_id"])
    await h.deliver(*(other(number) for number in range(1, 9)))
    async with h.runtime.read() as conn:
        for busy, room in (([Busy(webhook, 4, 9)], 0), ([Busy(webhook, 3, 9)], 1), ([Busy(webhook, 0, 2)], 2), ([], 3)):
            found = await store.claim(conn, now=h.clock.now(), most=99, at_once=4, busy=busy, lease=uuid4(), seconds=0)
            assert len(found) == room, busy


async def test_figures_tell_what_waits_and_how_endpoints_fare(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    await h.deliver(published(), closed())
    h.clock.advance(30 * SECOND)
    await measure_webhooks(h.runtime)
    assert [WAITING.labels(kind)._value.get() for kind in ("due", "later")] == [1, 1]
    assert OLDEST._value.get() == 30
    receiver.answers = [web.Response(status=500)]
    await h.settle()
    await measure_webhooks(h.runtime)
    assert [WAITING.labels(kind)._value.get() for kind in ("due", "later")] == [0, 2]
    assert [ENDPOINTS.labels(state)._value.get() for state in ("well", "failing", "disabled")] == [0, 1, 0]
    await call(h, "DELETE", f"/v1/webhooks/{webhook['webhook_id']}", 204)


async def test_old_attempts_and_events_are_forgotten(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    await h.deliver(other(1))
    await h.settle()
    h.clock.advance(timedelta(days=31))
    await h.deliver(other(2))
    await h.settle()
    await forget_deliveries(h.runtime)
    assert len(await attempts(h, webhook)) == 1
    assert len(await deliveries(h, webhook)) == 2
    h.clock.advance(timedelta(days=60))
    await forget_deliveries(h.runtime)
    assert len(await deliveries(h, webhook)) == 1


async def test_a_buyer_is_followed(h: Harness, receiver: Receiver) -> None:
    await subscribe(h, receiver, buyers=[BUYER])
    await subscribe(h, receiver, buyers=[COMPANY])
    await h.deliver(published(), closed())
    await h.settle()
    assert types(receiver) == [PUBLISHED, CLOSED]
