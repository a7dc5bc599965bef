"""A partner with real endpoints, as the tests of webhooks play it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.messages.notices import ProcedureClosedV1
from libs.common.testing.harness import Harness
from tests.unit.alerts.alerts_samples import BUYER, NOTICE, PARTNER, PROCEDURE

Json = dict[str, Any]
PUBLISHED = "notices.notice.published.v1"
CLOSED = "notices.procedure.closed.v1"


@dataclass
class Receiver:
    """A partner's real endpoint: keeps what it gets, says what it is told to say, else 204."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)
    at: dict[str, Receiver] = field(default_factory=dict)
    """Who answers at another path."""
    release: asyncio.Event | None = None
    """It answers nothing before."""
    paths: list[str] = field(default_factory=list)
    url: str = ""
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        if request.path in self.at:
            return await self.at[request.path].receive(request)
        self.paths.append(request.path)
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        async with self._more:
            self._more.notify_all()
        if self.release is not None:
            await self.release.wait()
        return self.answers.pop(0) if self.answers else web.Response(status=204)

    async def saw(self, calls: int) -> None:
        """Wait until so many calls came."""
        async with asyncio.timeout(60), self._more:
            await self._more.wait_for(lambda: len(self.got) >= calls)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve an endpoint until the end of the block."""
    handler = Receiver()
    application = web.Application()
    application.router.add_post("/{path:.*}", handler.receive)
    async with TestServer(application) as server:
        handler.url = str(server.make_url("/hook"))
        yield handler


async def call(
    h: Harness, method: str, path: str, status: int, body: object = None, *, org: str = PARTNER, kind: str = "partner"
) -> Json:
    async with h.client.request(method, f"/alerts{path}", json=body, headers=h.headers(org, kind)) as answer:
        assert answer.status == status, await answer.text()
        told: Json = await answer.json() if status not in {204} else {}
        return told


async def subscribe(h: Harness, receiver: Receiver, **filters: object) -> Json:
    return await call(h, "POST", "/v1/webhooks", 201, {"url": receiver.url, **filters})


async def attempts(h: Harness, webhook: Json) -> list[Json]:
    items: list[Json] = (await call(h, "GET", f"/v1/webhooks/{webhook['webhook_id']}/attempts", 200))["items"]
    return items


def closed(number: int = 1) -> ProcedureClosedV1:
    at = datetime(2026, 4, 1, 10, tzinfo=UTC)
    return ProcedureClosedV1(
        aggregate_id=UUID(int=number), aggregate_version=2, organisation=BUYER, procedure=PROCEDURE, occurred_at=at,
        notice_id=NOTICE, deadline=at,
    )  # fmt: skip
