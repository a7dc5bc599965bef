"""The events of a buyer are told to who holds a role in all of it, on every service, by page, long poll and stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientResponse

from libs.common.auth import Memberships
from libs.common.bus import numberer
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.roles import RoleGrantedV1, RoleName
from libs.common.schemas import sample_of
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.roles.roles_told import Rolls, ended
from tests.api.security.security_world import SERVICES

BUYER, OTHER = "SIRET:20003945800017", "SIRET:21350238800019"
PROCEDURE = uuid4()
OWN = {
    name: [
        model
        for model in registry.all_types().values()
        if model.type.startswith(f"{name}.") and model.audience is Audience.ORGANISATION and model.buyer_after is None
    ]
    for name in SERVICES
}
"""The types of each service that are a buyer's own."""


def event(model: type[Event]) -> Event:
    changes = {"aggregate_id": uuid4(), "organisation": BUYER, "buyer": None, "procedure": PROCEDURE}
    return registry.parse(sample_of(model)).model_copy(update=changes)


async def happen(h: Harness, *models: type[Event]) -> None:
    async with h.runtime.uow() as uow:
        for model in models:
            uow.emit(event(model))
    await numberer.drain(h.runtime)


async def record(h: Harness, person: str, role: RoleName, procedure: UUID | None = None) -> RoleGrantedV1:
    """Record a role where it rules: in the tables of notices, in the read model of the others."""
    told = Rolls(h, BUYER).granted(person, role, procedure=procedure)
    if h.runtime.service.name != "notices":
        await h.deliver(told)
        return told
    async with h.runtime.read() as conn:
        await conn.execute(
            "INSERT INTO ruled_organisation (organisation, since) VALUES ($1, now()) ON CONFLICT DO NOTHING", BUYER
        )
        await conn.execute(
            "INSERT INTO role_record (record_id, organisation, person, role, capacity, procedure_id, function, valid_from,"
            " granted_by, granted_at, version) VALUES ($1, $2, $3, $4, 'member', $5, '', $6, 'test', $6, 1)",
            told.aggregate_id, BUYER, person, role, procedure, h.clock.now(),
        )  # fmt: skip
    return told


async def take_back(h: Harness, told: RoleGrantedV1) -> None:
    if h.runtime.service.name != "notices":
        await h.deliver(ended(told))
        return
    async with h.runtime.read() as conn:
        await conn.execute(
            "UPDATE role_record SET revoked_at = $2, revoked_by = 'test', version = 2 WHERE record_id = $1",
            told.aggregate_id, h.clock.now(),
        )  # fmt: skip


async def drafted(h: Harness) -> UUID:
    """Give a consultation that the notices service has: there roles refer to one."""
    body = {"title": "x", "buyer": {"name": "x"}, "nature": "works", "cpv": ["45214210"]}
    draft = await Rolls(h, BUYER).ask("colleague", "POST", "/notices", 201, of=BUYER, json=body)
    return UUID(draft["procedure_id"])


async def own_events(h: Harness, person: str, *, of: str | None = None) -> int:
    page = await Rolls(h, BUYER).ask(person, "GET", "/events?limit=500", 200, of=of)
    return len([each for each in page["events"] if each.get("organisation") == BUYER])


def test_every_service_that_has_events_of_a_buyer_knows_its_roles() -> None:
    assert {name for name, models in OWN.items() if models} == {"notices", "bids", "signature", "legality"}
    followers = {
        name
        for name, service in SERVICES.items()
        if any(each.queue == f"{name}.roles" for each in service.consumers.items)
    }
    assert followers == {"bids", "signature", "legality", "opendata"}


@pytest.mark.parametrize("name", ["notices", "bids", "signature", "legality"])
async def test_only_who_holds_a_role_in_all_of_the_buyer_reads_its_events(
    name: str, service_harness: HarnessFactory
) -> None:
    h = await service_harness(SERVICES[name])
    assert h.runtime.port(Memberships)  # type: ignore[type-abstract]
    await happen(h, *OWN[name])
    assert await own_events(h, "colleague", of=BUYER) == len(OWN[name]), "no role was ever recorded"
    procedure = await drafted(h) if name == "notices" else PROCEDURE
    role = await record(h, "reader", "reader")
    await record(h, "guest", "evaluator", procedure)
    assert await own_events(h, "reader", of=BUYER) == len(OWN[name])
    assert await own_events(h, "reader", of=OTHER) == len(OWN[name]), "acting by a record"
    assert await own_events(h, "colleague", of=BUYER) == 0
    assert await own_events(h, "guest", of=BUYER) == 0
    assert await own_events(h, "guest") == 0
    headers = h.headers(BUYER, "company", sub="reader")
    async with h.client.get(f"/{name}/v1/events?limit=500", headers=headers) as answer:
        assert (await answer.json())["events"] == [], "the same number as a company is another capacity"
    await take_back(h, role)
    assert await own_events(h, "reader", of=BUYER) == 0
    await Rolls(h, BUYER).ask("reader", "GET", "/events", 403, of=OTHER)


@asynccontextmanager
async def stream(h: Harness, person: str) -> AsyncIterator[ClientResponse]:
    headers = h.headers(BUYER, sub=person) | {"Accept": "text/event-stream"}
    async with h.client.get(f"/{h.runtime.service.name}/v1/events", headers=headers) as answer:
        assert answer.status == 200
        yield answer


async def next_type(answer: ClientResponse, seconds: float) -> str | None:
    """Give the type of the next event of a stream; None where none comes in time."""
    try:
        async with asyncio.timeout(seconds):
            while line := (await answer.content.readline()).decode():
                if line.startswith("data: "):
                    return str(json.loads(line.removeprefix("data: "))["type"])
    except TimeoutError:
        pass
    return None


async def test_a_stream_and_a_long_poll_tell_nothing_more_within_a_second_of_the_end_of_the_role(
    service_harness: HarnessFactory,
) -> None:
    h = await service_harness(SERVICES["bids"])
    own, public = OWN["bids"][0], registry.event_type("bids.contract.notified.v1")
    leaves, stays = await record(h, "leaves", "reader"), await record(h, "stays", "reader")
    async with stream(h, "leaves") as left, stream(h, "stays") as kept:
        await happen(h, own)
        assert [await next_type(each, 5) for each in (left, kept)] == [own.type] * 2
        await take_back(h, leaves)
        poll = asyncio.create_task(own_events_waited(h, "leaves"))
        await asyncio.sleep(1)
        await happen(h, own, public)
        assert await next_type(kept, 5) == own.type
        assert await next_type(left, 5) == public.type, "what is public is still told"
        assert await poll == [public.type]
    assert stays


async def own_events_waited(h: Harness, person: str) -> list[str]:
    """Wait at the end of the feed for what comes."""
    end = (await Rolls(h, BUYER).ask(person, "GET", "/events?limit=500", 200, of=BUYER))["next"]
    told = await Rolls(h, BUYER).ask(person, "GET", f"/events?wait=8&after={end}", 200, of=BUYER)
    return [each["type"] for each in told["events"]]


async def test_a_long_poll_that_began_with_the_role_ends_without_it(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["bids"])
    own, public = OWN["bids"][0], registry.event_type("bids.contract.notified.v1")
    role = await record(h, "leaves", "reader")
    poll = asyncio.create_task(own_events_waited(h, "leaves"))
    await asyncio.sleep(0.5)
    await take_back(h, role)
    began = time.monotonic()
    await asyncio.sleep(0.7)
    await happen(h, own)
    await asyncio.sleep(0.3)
    assert not poll.done(), f"told of it {time.monotonic() - began} s later"
    await happen(h, public)
    assert await poll == [public.type]
