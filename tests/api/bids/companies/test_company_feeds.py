"""The events of a company on a live stream: told to its users, and to nobody whose access was taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiohttp import ClientResponse

from libs.common.bus import numberer
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.schemas import sample_of
from libs.common.testing.harness import Harness
from tests.api.bids.companies.test_company_users import BOSS, CLERK, COMPANY, ELSEWHERE, Firm, firm
from tests.api.roles.test_roles_in_feeds import next_type

__all__ = ["firm"]

OWN, PUBLIC = (registry.event_type(name) for name in ("bids.bid.deposited.v1", "bids.contract.notified.v1"))


async def happen(h: Harness, *models: type[Event]) -> None:
    async with h.runtime.uow() as uow:
        for model in models:
            changes = {"aggregate_id": uuid4(), "organisation": COMPANY, "buyer": None, "procedure": uuid4()}
            uow.emit(registry.parse(sample_of(model)).model_copy(update=changes))
    await numberer.drain(h.runtime)


@asynccontextmanager
async def stream(h: Harness, person: str, organisation: str) -> AsyncIterator[ClientResponse]:
    headers = h.headers(organisation, "company", sub=person) | {"Accept": "text/event-stream"}
    headers |= {"Halles-Organisation": f"{COMPANY};kind=company"}
    async with h.client.get("/bids/v1/events", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield answer


async def test_a_stream_tells_nothing_more_of_the_company_once_the_access_is_taken_back(firm: Firm) -> None:
    record = await firm.join(CLERK)
    async with stream(firm.h, CLERK, ELSEWHERE) as left, stream(firm.h, BOSS, COMPANY) as kept:
        await happen(firm.h, OWN)
        assert await until(left, OWN) == await until(kept, OWN) == OWN.type
        await firm.call("DELETE", f"/company/users/{record['record_id']}", BOSS, expect=204)
        await asyncio.sleep(1)  # what a right that is over may still show
        await happen(firm.h, OWN, PUBLIC)
        assert await until(kept, OWN) == OWN.type
        assert await next_type(left, 10) == PUBLIC.type, "what is public is still told"


async def until(answer: ClientResponse, model: type[Event]) -> str | None:
    """Read past what the invitation and the records themselves told."""
    while (told := await next_type(answer, 10)) not in {model.type, None}:
        pass
    return told
