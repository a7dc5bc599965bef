"""What the objects of every service are made with."""

from __future__ import annotations

from typing import Any

from libs.common.testing.harness import Harness
from tests.api.security.security_world import Caller

PARTNER = Caller("partner", "SIRET:53210025400019")
COMPANY = Caller("company", "SIRET:55210025400001")
XML = {"Content-Type": "application/xml"}
PDF = {"Content-Type": "application/pdf"}


async def call(h: Harness, who: Caller, method: str, path: str, *, expect: int, **options: Any) -> Any:  # noqa: ANN401  # JSON
    headers = options.pop("headers", {}) | h.headers(who.organisation, str(who.kind), sub=who.subject)
    async with h.client.request(method, f"/{h.runtime.service.name}/v1{path}", headers=headers, **options) as answer:
        body = await answer.json() if "json" in answer.content_type else await answer.read()
        assert answer.status == expect, body
        return body


def secret_of(h: Harness) -> str:
    """Give what a service signs its tokens with."""
    return h.runtime.settings.secret.get_secret_value()
