"""Partners' endpoints: the events they may get, secrets that follow one another, changes, what their owners are told."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from libs.common.messages.envelope import CloudEvent
from libs.common.messages.registry import parse
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.service.webhooks import public_types
from services.alerts.wiring import SERVICE
from tests.api.alerts.webhook_flow import PUBLISHED, Json, Receiver, attempts, call, closed, receiving, subscribe
from tests.unit.alerts.alerts_samples import COMPANY, published

DAY = timedelta(days=1)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def h(service_harness: HarnessFactory, receiver: Receiver) -> Harness:
    allow = receiver.url.split("/")[2]
    return await service_harness(SERVICE, settings={"webhook_allow": allow, "webhook_schedule": (60, *[86_400] * 9)})


async def send(h: Harness, receiver: Receiver, number: int) -> tuple[dict[str, str], str]:
    """Publish a notice; give the call that tells of it."""
    await h.deliver(published(UUID(int=number), notice_id=UUID(int=number)))
    await h.settle()
    headers, body = receiver.got[-1]
    return headers, body.decode()


async def change(h: Harness, webhook: Json, status: int = 200, **body: object) -> Json:
    return await call(h, "PATCH", f"/v1/webhooks/{webhook['webhook_id']}", status, body)


async def test_event_types_are_listed_with_schema_and_example(h: Harness) -> None:
    listed: list[Json] = []
    page: Json = {"next": ""}
    while page["next"] is not None:
        cursor = f"&cursor={page['next']}" if page["next"] else ""
        async with h.client.get(f"/alerts/v1/webhook-types?limit=3{cursor}") as answer:
            assert answer.status == 200
            page = await answer.json()
        listed += page["items"]
    assert [each["type"] for each in listed] == sorted(event.type for event in public_types())
    for each in listed:
        assert each["schema_url"].endswith(f"/docs/events/schemas/{each['type']}.json")
        assert parse(CloudEvent.model_validate(each["example"])).type == each["type"]
        assert each["description"]
        assert each["description_en"]


async def test_a_secret_is_replaced_with_an_overlap_in_which_both_sign(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    path = f"/v1/webhooks/{webhook['webhook_id']}/secret"
    renewed = await call(h, "POST", path, 200, {})
    assert renewed["previous_secret_until"] == "2026-03-03T09:00:00Z"
    headers, body = await send(h, receiver, 1)
    assert len(headers["webhook-signature"].split()) == 2
    for each in (webhook, renewed):
        assert Webhook(each["secret"]).verify(body, headers)["type"] == PUBLISHED
    h.clock.advance(DAY)
    headers, body = await send(h, receiver, 2)
    assert Webhook(renewed["secret"]).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(body, headers)
    at_once = await call(h, "POST", path, 200, {"overlap_hours": 0})
    assert at_once["previous_secret_until"] is None
    headers, body = await send(h, receiver, 3)
    assert len(headers["webhook-signature"].split()) == 1
    assert Webhook(at_once["secret"]).verify(body, headers)
    await call(h, "POST", path, 422, {"overlap_hours": 169})
    await call(h, "POST", path, 404, {}, org=COMPANY)


async def test_an_endpoint_may_want_ed25519_and_its_keys_are_replaced_alike(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver, signature="v1a")
    assert webhook["secret"] is None
    renewed = await call(h, "POST", f"/v1/webhooks/{webhook['webhook_id']}/secret", 200, {})
    headers, body = await send(h, receiver, 1)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for each, signature in zip((renewed, webhook), headers["webhook-signature"].split(), strict=True):
        assert each["public_key"].startswith("whpk_")
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(each["public_key"].removeprefix("whpk_")))
        assert signature.startswith("v1a,")
        key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)


async def test_an_endpoint_is_changed_in_part(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver, types=[PUBLISHED], cpv=["45"], per_second=7)
    told = await change(h, webhook, cpv=[], departments=["21"])
    assert (told["types"], told["cpv"], told["departments"], told["per_second"]) == ([PUBLISHED], [], ["21"], 7)
    assert told == await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200)
    await change(h, webhook, url=receiver.url.replace("/hook", "/elsewhere"))
    await send(h, receiver, 1)
    assert receiver.paths == ["/elsewhere"]


async def test_what_an_endpoint_may_not_become_is_refused(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    for url in ("https://10.0.0.1/", "http://8.8.8.8/", "https://8.8.8.8:25/", "https://u:p@8.8.8.8/"):
        told = await change(h, webhook, 422, url=url)
        assert told["type"] == "urn:halles:problem:forbidden-endpoint", url
    for body in (
        {"types": ["nothing"]},
        {"per_second": 0},
        {"per_second": 10_000},
        {"signature": "v1a"},
        {"buyers": ["x"]},
    ):
        await change(h, webhook, 422, **body)
    assert (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200))["url"] == receiver.url


async def mails(h: Harness) -> list[str]:
    listed: list[Json] = (await call(h, "GET", "/v1/mails", 200))["items"]
    return [each["subject"].partition(" / ")[2] for each in listed]


async def fail(h: Harness, receiver: Receiver, days: int) -> None:
    """Have every attempt of some days fail, about one a day."""
    receiver.answers = [web.Response(status=500) for _ in range(100)]
    for _ in range(days):
        await h.settle()
        h.clock.advance(1.21 * DAY)
    receiver.answers = []


async def test_an_endpoint_is_disabled_after_days_of_failure_and_its_owner_is_warned_then_told(
    h: Harness, receiver: Receiver
) -> None:
    await call(h, "PUT", "/v1/contact", 200, {"email": "ops@partner.example"})
    webhook = await subscribe(h, receiver)
    await h.deliver(published())
    await fail(h, receiver, 3)
    assert await mails(h) == ["Your webhook fails"]
    assert (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200))["state"] == "enabled"
    await fail(h, receiver, 3)
    told = await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200)
    assert told["state"] == "disabled"
    assert told["disabled_reason"].startswith("every attempt failed since 2026-03-02")
    assert await mails(h) == ["Your webhook is disabled", "Your webhook fails"]
    assert len(receiver.got) == len(await attempts(h, webhook)) == 6
    await change(h, webhook, enabled=True)
    await h.settle()
    assert len(receiver.got) == 7, "what waits goes first"


async def test_gone_disables_an_endpoint_at_once_and_its_owner_is_told(h: Harness, receiver: Receiver) -> None:
    await call(h, "PUT", "/v1/contact", 200, {"email": "ops@partner.example"})
    webhook = await subscribe(h, receiver)
    receiver.answers = [web.Response(status=410)]
    await h.deliver(published())
    await h.settle()
    assert (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200))["disabled_reason"] == "410 Gone"
    assert await mails(h) == ["Your webhook is disabled"]
    async with h.runtime.read() as conn:
        told = await conn.fetchval("SELECT count(*) FROM journal WHERE action = 'alerts.webhook.disabled'")
    assert told == 1


async def test_a_success_ends_the_time_of_failure(h: Harness, receiver: Receiver) -> None:
    await call(h, "PUT", "/v1/contact", 200, {"email": "ops@partner.example"})
    webhook = await subscribe(h, receiver)
    await h.deliver(published())
    await fail(h, receiver, 4)
    await h.settle()
    receiver.answers = [web.Response(status=500)]
    await h.deliver(closed())
    await h.settle()
    told = await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}", 200)
    assert told["state"] == "enabled"
    assert told["failing_since"] == h.clock.now().isoformat().replace("+00:00", "Z")
    assert await mails(h) == ["Your webhook fails"]


async def test_no_secret_is_in_the_database_or_told_again(h: Harness, receiver: Receiver) -> None:
    webhook = await subscribe(h, receiver)
    secret = webhook["secret"].removeprefix("whsec_")
    await send(h, receiver, 1)
    async with h.runtime.read() as conn:
        for table in ("endpoint", "delivery", "attempt", "outgoing", "journal"):
            rows = await conn.fetch(f"SELECT {table}::text AS row FROM {table}")  # noqa: S608  # names of ours
            assert rows, table
            assert not any(secret in row["row"] for row in rows), table
    for path in ("", "/attempts", "/deliveries"):
        told = await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}{path}", 200)
        assert secret not in str(told)
