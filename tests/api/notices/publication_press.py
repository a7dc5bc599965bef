"""A running notices service and the journals around it, on real HTTP servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from deploy.local.journals import CREDENTIAL, JOURNALS, Journal, application
from libs.common.periodic import tick
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, KEYS, eforms

__all__ = ["PUBLISHED", "Json", "Press", "match", "press"]

Json = dict[str, Any]
PUBLISHED = "notices.notice.published.v1"


@dataclass
class Press:
    """A running service and the journals around it."""

    h: Harness
    journals: dict[str, Journal]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        status: int,
        who: str | None = INTERCOMMUNALITY,
        **options: Any,  # noqa: ANN401
    ) -> Json:
        headers = (self.h.headers(who) if who else {}) | options.pop("headers", {})
        async with self.h.client.request(method, f"/notices/v1{path}", headers=headers, **options) as answer:
            assert answer.status == status, await answer.text()
            body: Json = await answer.json()
            return body

    async def draft(self, number: int = 1, who: str = INTERCOMMUNALITY) -> Json:
        """Import a contract notice that lacks nothing."""
        xml = {"Content-Type": "application/xml"}
        notice = await self.ask("POST", "/notices/import", status=201, who=who, data=eforms(number), headers=xml)
        path = f"/notices/{notice['notice_id']}"
        await self.ask("PUT", f"{path}/documents/rc.pdf", status=201, who=who, data=b"%PDF-1.7 rules")
        return await self.ask("PATCH", path, status=200, who=who, json={"opening": KEYS}, headers=match(notice))

    async def send(
        self,
        notice: Json,
        *channels: str,
        status: int = 201,
        who: str = INTERCOMMUNALITY,
        **more: Any,  # noqa: ANN401
    ) -> Json:
        path = f"/notices/{notice['notice_id']}/publications"
        body = {"channels": list(channels)} | more
        return await self.ask("POST", path, status=status, who=who, json=body, headers=match(notice))

    async def state(self, notice: Json, who: str = INTERCOMMUNALITY) -> str:
        return str((await self.ask("GET", f"/notices/{notice['notice_id']}", status=200, who=who))["state"])

    async def at(self, notice: Json, who: str | None = INTERCOMMUNALITY) -> dict[str, Json]:
        page = await self.ask("GET", f"/notices/{notice['notice_id']}/publications", status=200, who=who)
        return {each["channel"]: each for each in page["items"]}

    async def states(self, notice: Json, who: str = INTERCOMMUNALITY) -> dict[str, str]:
        return {code: each["state"] for code, each in (await self.at(notice, who)).items()}

    async def pass_time(self, by: timedelta = timedelta(hours=1), times: int = 1) -> None:
        """Let time go on: jobs ask the journals again, the timer looks."""
        for _ in range(times):
            self.h.clock.advance(by)
            await tick(self.h.runtime)
            await self.h.settle()


def match(notice: Json) -> dict[str, str]:
    return {"If-Match": f'"{notice["version"]}"'}


@pytest.fixture
async def press(service_harness: HarnessFactory) -> AsyncIterator[Press]:
    clock = TestClock(BEFORE)
    app = application(clock)
    async with AsyncExitStack() as stack:
        server = TestServer(app)
        await stack.enter_async_context(server)
        address = str(server.make_url("")).rstrip("/")
        paper = {"code": "shal-demo", "name": "Le Journal", "url": f"{address}/shal-demo", "credential": CREDENTIAL}
        settings = {
            "joue_url": f"{address}/joue",
            "joue_credential": CREDENTIAL,
            "boamp_url": f"{address}/boamp",
            "boamp_credential": CREDENTIAL,
            "papers": (paper,),
        }
        h = await service_harness(SERVICE, clock=clock, settings=settings)
        yield Press(h, app[JOURNALS])
