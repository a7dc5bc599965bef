"""The feed: each caller gets what it may know of, once, in order, from when it may know it, and nothing else."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus import numberer
from libs.common.bus.audience import told_to
from libs.common.bus.feed import reading
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.bids import BidDepositedV1, BidsOpenedV1, ContractNotifiedV1
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory

BUYER = "SIRET:21210231500018"
OTHER_BUYER = "SIRET:21330063500017"
COMPANY = "SIRET:55210055400013"
RIVAL = "SIRET:44306184100047"
SERVICE = Service("bids", Settings, Path(__file__).parent / "migrations", Routes("bids"), Consumers("bids"))


@pytest.fixture
async def bids(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


def event(model: type[Event], *, organisation: str, buyer: str | None = None, procedure: UUID | None = None) -> Event:
    changes = {"organisation": organisation, "buyer": buyer, "procedure": procedure, "aggregate_id": uuid4()}
    return registry.parse(sample_of(model)).model_copy(update=changes)


async def publish(harness: Harness, *events: Event) -> list[str]:
    """Commit each event by itself and number it; give the aggregates."""
    for one in events:
        async with harness.runtime.uow() as uow:
            uow.emit(one)
        await numberer.drain(harness.runtime)
    return [str(one.aggregate_id) for one in events]


async def read(harness: Harness, path: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    async with harness.client.get(f"/bids/v1/events{path}", headers=headers) as answer:
        page: dict[str, Any] = await answer.json()
        assert answer.status == 200, page
        return page


async def follow(harness: Harness, limit: int = 2, headers: dict[str, str] | None = None) -> list[str]:
    """Read page by page to the end, as a partner does."""
    after, found = "", list[str]()
    while True:
        page = await read(harness, f"?limit={limit}&after={after}", headers=headers)
        found += [told["subject"] for told in page["events"]]
        if not page["events"]:
            return found
        after = page["next"]


async def test_everybody_gets_public_events_once_in_order_whatever_the_page_size(bids: Harness) -> None:
    hidden = [event(BidDepositedV1, organisation=COMPANY, buyer=BUYER) for _ in range(3)]
    public = [event(ContractNotifiedV1, organisation=BUYER) for _ in range(5)]
    mixed = [public[0], hidden[0], public[1], public[2], hidden[1], hidden[2], public[3], public[4]]
    await publish(bids, *mixed)
    expected = [str(one.aggregate_id) for one in public]
    for limit in (1, 2, 5, 100):
        assert await follow(bids, limit) == expected
    assert await follow(bids, headers=bids.headers(COMPANY, "partner")) == expected


async def test_next_moves_when_all_was_filtered_and_finds_what_comes_later(bids: Harness) -> None:
    await publish(bids, event(BidDepositedV1, organisation=COMPANY, buyer=BUYER))
    page = await read(bids)
    assert page["events"] == []
    (later,) = await publish(bids, event(ContractNotifiedV1, organisation=BUYER))
    page = await read(bids, f"?after={page['next']}")
    assert [told["subject"] for told in page["events"]] == [later]


async def test_a_company_is_told_of_its_own_deposits_only(bids: Harness) -> None:
    own, rival = await publish(
        bids,
        event(BidDepositedV1, organisation=COMPANY, buyer=BUYER),
        event(BidDepositedV1, organisation=RIVAL, buyer=BUYER),
    )
    assert await follow(bids, headers=bids.headers(COMPANY, "company")) == [own]
    assert await follow(bids, headers=bids.headers(RIVAL, "company")) == [rival]


async def test_the_buyer_learns_of_the_deposits_at_the_opening_though_its_cursor_had_passed_them(bids: Harness) -> None:
    """Order of 22 March 2019 ECOM1831552A; nothing before, all at the opening, those of its own procedure."""
    procedure, another = uuid4(), uuid4()
    buyer = bids.headers(BUYER)
    deposits = await publish(
        bids,
        event(BidDepositedV1, organisation=COMPANY, buyer=BUYER, procedure=procedure),
        event(BidDepositedV1, organisation=RIVAL, buyer=BUYER, procedure=procedure),
        event(BidDepositedV1, organisation=RIVAL, buyer=BUYER, procedure=another),
    )
    page = await read(bids, headers=buyer)
    assert page["events"] == []
    (opening,) = await publish(bids, event(BidsOpenedV1, organisation=BUYER, procedure=procedure))
    (late,) = await publish(bids, event(BidDepositedV1, organisation=RIVAL, buyer=BUYER, procedure=procedure))
    found, after = [], page["next"]
    for _ in range(5):
        page = await read(bids, f"?limit=1&after={after}", headers=buyer)
        found += [told["subject"] for told in page["events"]]
        after = page["next"]
    assert found == [*deposits[:2], opening, late]
    assert await follow(bids, headers=buyer) == found
    assert await follow(bids, headers=bids.headers(OTHER_BUYER)) == []


async def test_another_buyer_opens_nothing_by_naming_the_same_procedure(bids: Harness) -> None:
    procedure = uuid4()
    _, forged = await publish(
        bids,
        event(BidDepositedV1, organisation=COMPANY, buyer=BUYER, procedure=procedure),
        event(BidsOpenedV1, organisation=OTHER_BUYER, procedure=procedure),
    )
    assert await follow(bids, headers=bids.headers(OTHER_BUYER)) == [forged]
    assert await follow(bids, headers=bids.headers(BUYER)) == []


async def test_neither_cursor_nor_event_tells_how_many_hidden_events_there_were(bids: Harness) -> None:
    await publish(
        bids,
        event(BidDepositedV1, organisation=COMPANY, buyer=BUYER),
        event(ContractNotifiedV1, organisation=BUYER),
    )
    page, again = await read(bids), await read(bids)
    assert "sequence" not in page["events"][0]
    assert page["next"] != again["next"], "equal cursors would tell that nothing happened"
    raw = base64.urlsafe_b64decode(page["next"] + "==")
    assert struct.pack(">q", 2) not in raw, "the position can be read"
    assert len(page["next"]) == len(again["next"])


async def test_types_filter_and_unknown_ones_are_refused(bids: Harness) -> None:
    buyer = bids.headers(BUYER)
    opened, _ = await publish(
        bids, event(BidsOpenedV1, organisation=BUYER), event(ContractNotifiedV1, organisation=BUYER)
    )
    page = await read(bids, "?types=bids.opening.completed.v1", headers=buyer)
    assert [told["subject"] for told in page["events"]] == [opened]
    page = await read(bids, "?types=bids.opening.completed.v1,bids.contract.notified.v1", headers=buyer)
    assert len(page["events"]) == 2
    async with bids.client.get("/bids/v1/events?types=bids.bid.eaten.v1") as answer:
        assert answer.status == 422
        assert "bids.bid.eaten.v1" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    "query", ["after=abc", "after=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "limit=0", "limit=501", "wat=1"]
)
async def test_a_wrong_query_is_refused(bids: Harness, query: str) -> None:
    async with bids.client.get(f"/bids/v1/events?{query}") as answer:
        assert answer.status == 422
        assert (await answer.json())["type"] == "urn:halles:problem:invalid-input"


async def test_the_span_looked_at_is_bounded_and_nothing_is_skipped(
    bids: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SPAN", 2)
    hidden = [event(BidDepositedV1, organisation=COMPANY, buyer=BUYER) for _ in range(7)]
    (last,) = (await publish(bids, *hidden, event(ContractNotifiedV1, organisation=BUYER)))[-1:]
    after, found = "", list[str]()
    for _ in range(6):
        page = await read(bids, f"?after={after}")
        found += [told["subject"] for told in page["events"]]
        after = page["next"]
    assert found == [last]


@pytest.mark.parametrize("name", sorted(registry.all_types()))
def test_each_type_is_told_to_its_audience_only(name: str) -> None:
    model = registry.event_type(name)
    service = name.split(".", 1)[0]
    for kind in (None, *OrganisationKind):
        actor = Actor("x", "X", BUYER, kind) if kind else None
        told = told_to(actor, service, reads_all=True)
        assert (name in told.public) == (model.audience is Audience.PUBLIC)
        owner = OrganisationKind.BUYER if model.buyer_after is None else OrganisationKind.COMPANY
        assert (name in told.own) == (kind is owner and model.audience is Audience.ORGANISATION)
        assert (name in told.gated) == (kind is OrganisationKind.BUYER and model.buyer_after is not None)
        assert set(told_to(actor, service, reads_all=False).own) <= set(told.own)
    if model.buyer_after is not None:
        gate = registry.event_type(model.buyer_after)
        assert gate.type.startswith(f"{service}."), "the feed opens on an event of its own log"
