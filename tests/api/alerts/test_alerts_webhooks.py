"""Webhooks, from the event to a real endpoint: signed, public events only, tried again, never inside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from libs.common.messages.base import Audience
from libs.common.messages.envelope import CloudEvent
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.consumers import CONSUMERS
from services.alerts.service.deliveries import fan_out
from services.alerts.service.webhooks import public_types
from services.alerts.settings import AlertsSettings
from services.alerts.webhooks.client import Caller
from services.alerts.webhooks.endpoints import delay_before
from services.alerts.wiring import SERVICE
from tests.api.alerts.webhook_flow import CLOSED, PUBLISHED, Receiver, attempts, call, closed, receiving, subscribe
from tests.unit.alerts.alerts_samples import COMPANY, NOTICE, letter, published


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def h(service_harness: HarnessFactory, receiver: Receiver) -> Harness:
    allow = receiver.url.split("/")[2]
    return await service_harness(SERVICE, settings={"webhook_allow": allow, "webhook_schedule": (60, 600)})


async def test_an_event_is_delivered_once_signed_as_standard_webhooks_say(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    event = CloudEvent.wrap(published())
    await h.deliver(event, event)
    await h.settle()
    assert len(receiver.got) == 1
    headers, body = receiver.got[0]
    assert headers["webhook-id"] == str(event.id)
    told = Webhook(webhook["secret"]).verify(body.decode(), headers)
    assert told["type"] == PUBLISHED
    assert told["data"]["notice"]["notice_id"] == str(NOTICE)
    assert headers["content-type"].startswith("application/cloudevents+json")
    listed = await attempts(h, webhook)
    assert [(each["number"], each["status"], each["delivery"]) for each in listed] == [(1, 204, "delivered")]
    done = h.events("alerts.webhook.delivered.v1")
    assert [(each.data["event_id"], each.data["attempts"]) for each in done] == [(str(event.id), 1)]


async def test_every_endpoint_has_its_own_secret_shown_once(h: Harness, receiver: Receiver) -> None:
    one, other = await subscribe(h, receiver), await subscribe(h, receiver)
    assert one["secret"] != other["secret"]
    listed = (await call(h, "GET", "/v1/webhooks", 200))["items"]
    assert len(listed) == 2
    assert not any("secret" in webhook for webhook in listed)


async def test_filters_hold_back_what_the_partner_does_not_want(h: Harness, receiver: Receiver) -> None:
    await subscribe(h, receiver, types=[CLOSED], cpv=["452"], departments=["21"])
    await h.deliver(published(), closed(1))
    await h.settle()
    assert [json.loads(body)["type"] for _, body in receiver.got] == [CLOSED]
    await subscribe(h, receiver, cpv=["72"])
    await subscribe(h, receiver, departments=["29"])
    await h.deliver(published(notice_id=UUID(int=5)))
    await h.settle()
    assert len(receiver.got) == 1


async def test_only_public_events_have_a_way_out(h: Harness, receiver: Receiver) -> None:
    await subscribe(h, receiver)
    await h.deliver(letter())
    await h.settle()
    assert receiver.got == []
    told = letter()
    with pytest.raises(ValueError, match="not public"):
        async with h.runtime.uow() as uow:
            await fan_out(uow, told, CloudEvent.wrap(told))
    fed = {consumer.event for consumer in CONSUMERS.items if consumer.queue == "alerts.webhooks"}
    assert fed == set(public_types())
    assert all(event.audience is Audience.PUBLIC for event in fed)
    for name in ("bids.bid.deposited.v1", "nothing.at.all"):
        body = {"url": receiver.url, "types": [PUBLISHED, name]}
        assert (await call(h, "POST", "/v1/webhooks", 422, body))["errors"][0]["where"] == "body/types/1"


async def test_a_failing_endpoint_is_tried_again_on_schedule_with_the_same_identity(
    h: Harness, receiver: Receiver
) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [
        web.Response(status=500),
        web.Response(status=302, headers={"Location": "http://169.254.169.254/"}),
    ]
    await h.deliver(published())
    await h.settle()
    assert len(receiver.got) == 1
    await h.settle()
    assert len(receiver.got) == 1, "not before its time"
    h.clock.advance(timedelta(seconds=75))
    await h.settle()
    assert len(receiver.got) == 2
    h.clock.advance(timedelta(seconds=750))
    await h.settle()
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert [each["status"] for each in await attempts(h, webhook)] == [204, 302, 500]


async def test_a_delivery_that_used_all_its_attempts_has_failed(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=503) for _ in range(9)]
    await h.deliver(published())
    for _ in range(5):
        await h.settle()
        h.clock.advance(timedelta(days=1))
    listed = await attempts(h, webhook)
    assert [each["number"] for each in listed] == [3, 2, 1]
    assert {each["delivery"] for each in listed} == {"failed"}
    assert h.events("alerts.webhook.delivered.v1") == []


async def test_retry_after_is_respected(h: Harness, receiver: Receiver) -> None:
    await subscribe(h, receiver)
    receiver.answers = [web.Response(status=429, headers={"Retry-After": "3600"})]
    await h.deliver(published())
    await h.settle()
    h.clock.advance(timedelta(minutes=50))
    await h.settle()
    assert len(receiver.got) == 1
    h.clock.advance(timedelta(minutes=11))
    await h.settle()
    assert len(receiver.got) == 2


async def test_gone_disables_the_endpoint(h: Harness, receiver: Receiver) -> None:
    await subscribe(h, receiver)
    receiver.answers = [web.Response(status=410)]
    await h.deliver(published())
    await h.settle()
    assert [each["state"] for each in (await call(h, "GET", "/v1/webhooks", 200))["items"]] == ["disabled"]
    await h.deliver(closed())
    h.clock.advance(timedelta(days=2))
    await h.settle()
    assert len(receiver.got) == 1


async def test_a_deleted_endpoint_gets_nothing_more(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    await h.deliver(published())
    await call(h, "DELETE", f"/v1/webhooks/{webhook['webhook_id']}", 204)
    await h.settle()
    assert receiver.got == []


async def test_only_partners_and_only_their_own(h: Harness, receiver: Receiver) -> None:
    await call(h, "POST", "/v1/webhooks", 403, {"url": receiver.url}, org=COMPANY, kind="company")
    webhook = await subscribe(h, receiver)
    for method, path in (("DELETE", ""), ("GET", "/attempts")):
        await call(h, method, f"/v1/webhooks/{webhook['webhook_id']}{path}", 404, org=COMPANY)
    assert (await call(h, "GET", "/v1/webhooks", 200, org=COMPANY))["items"] == []


async def test_a_private_address_is_refused_at_once_with_a_clear_reason(h: Harness) -> None:
    urls = ("http://127.0.0.1/", "http://localhost/", "http://[::ffff:10.0.0.1]/", "http://0177.0.0.1/", "http://169.254.169.254/", "ftp://x.example/", "http://x.invalid/")  # fmt: skip
    for url in urls:
        told = await call(h, "POST", "/v1/webhooks", 422, {"url": url})
        assert told["type"] == "urn:halles:problem:forbidden-endpoint", url
        assert told["errors"][0]["where"] == "body/url"
    assert (await call(h, "GET", "/v1/webhooks", 200))["items"] == []


async def test_dns_rebinding_between_subscription_and_delivery_reaches_nothing(
    service_harness: HarnessFactory, receiver: Receiver
) -> None:
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    async def lookup(host: str, port: int) -> list[str]:
        assert (host, port) == ("partner.example", int(receiver.url.split(":")[2].split("/")[0]))
        return answers.pop(0)

    h = await service_harness(SERVICE, ports={Caller: Caller(lookup=lookup, timeout=10)})
    url = receiver.url.replace("http://127.0.0.1", "https://partner.example")
    webhook = await call(h, "POST", "/v1/webhooks", 201, {"url": url})
    await h.deliver(published())
    await h.settle()
    assert receiver.got == []
    assert answers == []
    listed = await attempts(h, webhook)
    assert listed[0]["status"] is None
    assert listed[0]["error"].startswith("forbidden address")


def test_schedule_is_that_of_standard_webhooks_with_jitter() -> None:
    schedule = AlertsSettings(environment="test").webhook_schedule
    delays = [delay_before(attempt, schedule, delivery=UUID(int=999)) for attempt in range(2, 12)]
    assert delays[-1] is None
    assert delays[:3] == pytest.approx([5 * 1.1998, 300 * 1.1998, 1800 * 1.1998])
    assert delay_before(2, schedule, delivery=UUID(int=0), retry_after=10**6) == 86_400


def test_production_refuses_an_allow_list() -> None:
    settings = AlertsSettings(webhook_allow=("127.0.0.1:9",))
    assert any("HALLES_WEBHOOK_ALLOW" in fault for fault in settings.unsafe())


def test_allow_list_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_WEBHOOK_ALLOW", "127.0.0.1:9, partner.test:80")
    assert AlertsSettings(environment="test").webhook_allow == ("127.0.0.1:9", "partner.test:80")
