"""A service that was taken over cannot speak for another: its user's own routing keys are all that it can use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus.parked import Selection, replay, replay_many
from libs.common.bus.parked import store as parked
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import EVENTS
from libs.common.errors import Conflict
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import NoticePublishedV1
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.plugin import HarnessFactory
from libs.common.uow import Uow
from tests.bus.management import Imported, imported_definitions, managed_broker
from tests.bus.world import Behaviour, World

OPERATOR = Actor("operator-1", "Operator", "SIRET:13002526500013", OrganisationKind.OPERATOR)
CONSUMERS = Consumers("alerts")
HEARD: list[str] = []


@CONSUMERS.on(NoticePublishedV1, queue="webhooks")
async def _hear_notice(_: Uow, event: NoticePublishedV1) -> None:
    HEARD.append(f"{event.type} {event.aggregate_id}")


@CONSUMERS.on(ContractNotifiedV1, queue="webhooks")
async def _hear_contract(_: Uow, event: ContractNotifiedV1) -> None:
    HEARD.append(f"{event.type} {event.aggregate_id}")


SERVICE = Service("alerts", Settings, Path(__file__).parent / "migrations", Routes("alerts"), CONSUMERS)


@pytest.fixture
async def imported() -> AsyncIterator[Imported]:
    async with managed_broker() as broker, imported_definitions(broker) as found:
        yield found


@pytest.mark.parametrize(
    ("key", "headers"),
    [("bids.contract.notified.v1", {}), ("bids.letter.sent.v1", {"CC": ["notices.notice.published.v1"]})],
    ids=["under its own key", "with a copy to another key"],
)
async def test_a_body_that_names_another_service_is_parked_and_never_handled(
    imported: Imported, service_harness: HarnessFactory, key: str, headers: dict[str, list[str]]
) -> None:
    HEARD.clear()
    harness = await service_harness(SERVICE)
    world = World(harness.runtime, ("alerts.webhooks",), Behaviour())
    honest = event(ContractNotifiedV1)
    bus = RabbitBus(imported.url("alerts", imported.vhost))
    async with bus.consume(world.runtime):
        refused = await _is_refused(imported, key, event(NoticePublishedV1), headers)
        assert not refused or headers, "under its own key it is published"
        await publish(imported, "bids.contract.notified.v1", honest, {})

        async def heard() -> bool:
            return len(HEARD) > 0

        await world.until(heard)
        if not refused:
            (waiting,) = await world.until_parked(1)
            assert (waiting.reason, waiting.key) == ("forged", None)
            await _cannot_be_replayed(world, waiting.id)
    await bus.close()
    assert [f"{honest.type} {honest.subject}"] == HEARD


async def _is_refused(imported: Imported, key: str, body: CloudEvent, headers: dict[str, list[str]]) -> bool:
    """Publish it; RabbitMQ 4 asks for the right to the keys of the copies too (4.0.5 and 4.3.6 do, 3.10.8 does not)."""
    try:
        await publish(imported, key, body, headers)
    except ChannelAccessRefused:
        return True
    return False


async def _cannot_be_replayed(world: World, identity: int) -> None:
    with pytest.raises(Conflict, match="discarded"):
        async with world.runtime.uow(actor=OPERATOR) as uow:
            await replay(uow, identity)
    async with world.runtime.uow(actor=OPERATOR) as uow:
        assert (await replay_many(uow, Selection())).messages == 0
        await parked.discard(uow, identity)


def event(model: type[NoticePublishedV1 | ContractNotifiedV1]) -> CloudEvent:
    made = registry.parse(sample_of(model))
    return CloudEvent.wrap(made.model_copy(update={"aggregate_id": uuid4()}))


async def publish(imported: Imported, key: str, body: CloudEvent, headers: dict[str, list[str]]) -> None:
    """Publish as the user of bids, who may."""
    message = aio_pika.Message(body.to_json(), headers=headers)  # type: ignore[arg-type]
    async with (
        await aio_pika.connect(imported.url("bids", imported.vhost)) as connection,
        connection.channel() as channel,
    ):
        exchange = await channel.get_exchange(EVENTS, ensure=False)
        await exchange.publish(message, key)
