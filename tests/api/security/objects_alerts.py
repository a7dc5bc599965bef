"""What the walk of every route finds in alerts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.mail.tokens import write_token
from libs.common.messages.envelope import CloudEvent
from libs.common.testing.harness import Harness, harness
from tests.api.security.objects import COMPANY, PARTNER, call, secret_of
from tests.api.security.security_world import SERVICES, World, operations
from tests.unit.alerts.alerts_samples import BUYER, NOTICE, PROCEDURE, published


async def alerts(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A company with an address, a search; a partner with an endpoint."""
    h = await stack.enter_async_context(harness(SERVICES["alerts"], database_url))
    contact = {"email": "secret-address@entreprise.example"}
    search = {"name": "secret-search", "words": ["toiture"]}
    webhook = {"url": "https://9.9.9.9/secret-hook", "types": ["notices.notice.published.v1"]}
    await call(h, COMPANY, "PUT", "/contact", expect=200, json=contact)
    made = await call(h, COMPANY, "POST", "/searches", expect=201, json=search)
    await h.deliver(published())
    await h.settle()
    hook = await call(h, PARTNER, "POST", "/webhooks", expect=201, json=webhook)
    told = CloudEvent.wrap(published(notice_id=UUID(int=77)))
    await h.deliver(told)
    async with h.runtime.read() as conn:
        contact_id = await conn.fetchval("SELECT contact_id FROM contact")
    token = write_token(secret_of(h), contact_id, 99)  # of no present wish
    return World(
        h,
        {"company": COMPANY, "partner": PARTNER},
        targets=await operations(h)
        | {
            "search_id": [{"search_id": made["search_id"]}],
            "procedure": [{"procedure": str(PROCEDURE)}],
            "webhook_id": [{"webhook_id": hook["webhook_id"]}],
            "webhook_id,event_id": [{"webhook_id": hook["webhook_id"], "event_id": str(told.id)}],
            "search_id,notice_id": [{"search_id": made["search_id"], "notice_id": str(NOTICE)}],
            "kind,subject": [{"kind": "notice", "subject": str(NOTICE)}],
            "token": [{"token": token}],
            "token,procedure": [{"token": token, "procedure": str(PROCEDURE)}],
            "token,search_id": [{"token": token, "search_id": made["search_id"]}],
            "token,search_id,notice_id": [{"token": token, "search_id": made["search_id"], "notice_id": str(NOTICE)}],
            "token,kind,subject": [{"token": token, "kind": "buyer", "subject": BUYER}],
        },
        bodies=_bodies(h),
        secrets=(
            "secret-address",
            "secret-search",
            made["search_id"],
            "secret-hook",
            hook["webhook_id"],
            "secret-body",
        ),
    )


def _bodies(h: Harness) -> dict[tuple[str, str], dict[str, Any]]:
    """Give what is sent to each route, right for the owner."""
    return {
        ("PUT", "/v1/contact"): {"json": {"email": "other@entreprise.example"}},
        ("PUT", "/v1/me"): {"json": {"email": "me@entreprise.example"}},
        ("PATCH", "/v1/me"): {"json": {"digest_hour": 8}},
        ("PATCH", "/v1/searches/{search_id}"): {"json": {"paused": False}},
        ("PUT", "/v1/searches/{search_id}/matches/{notice_id}/feedback"): {"json": {"relevant": True}},
        ("POST", "/v1/subscriptions"): {"json": {"email": "a@b.example", "search": {"name": "x", "words": ["y"]}}},
        ("POST", "/v1/subscriptions/link"): {"json": {"email": "a@b.example"}},
        ("POST", "/v1/previews"): {"json": {"words": ["toiture"]}},
        ("POST", "/v1/searches"): {"json": {"name": "mine", "words": ["voirie"]}},
        ("POST", "/v1/webhooks"): {"json": {"url": "https://9.9.9.9/mine"}},
        ("PATCH", "/v1/webhooks/{webhook_id}"): {"json": {"per_second": 5}},
        ("POST", "/v1/webhooks/{webhook_id}/secret"): {"json": {}},
        ("POST", "/v1/webhooks/{webhook_id}/test"): {"json": {}},
        ("POST", "/v1/webhooks/{webhook_id}/recoveries"): {"json": {"since": h.clock.now().isoformat()}},
    }
