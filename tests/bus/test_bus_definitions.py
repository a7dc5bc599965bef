"""The definitions file, imported into a real broker, gives every queue what the active declaration gives it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage

from libs.common.bus.rabbit.link import declare
from libs.common.bus.topology import Topology, broker_objects, fixed, policy
from tests.bus.management import Imported, Management, imported_definitions


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def imported(management: Management) -> AsyncIterator[Imported]:
    async with imported_definitions(management) as found:
        yield found


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_queue_has_by_policy_what_the_active_declaration_gives_as_arguments(imported: Imported) -> None:
    objects = broker_objects(Topology.load())
    found = await imported.queues(imported.vhost)
    assert found.keys() == objects.queues.keys()
    for name, arguments in objects.queues.items():
        queue = found[name]
        assert queue["effective_policy_definition"] == policy(arguments), name
        assert queue["policy"] == name, "its own, and no other: RabbitMQ applies one"
        assert queue["arguments"] == fixed(arguments), name


async def test_passive_declaration_of_production_passes_on_it(imported: Imported) -> None:
    """With the same objects, arguments and all: a passive declaration compares none."""
    connection = await aio_pika.connect(imported.broker.url("guest", "guest", imported.vhost))
    async with connection:
        await declare(connection, broker_objects(Topology.load()))


async def test_who_may_declare_makes_what_is_gone_and_leaves_the_rest_as_imported(imported: Imported) -> None:
    """Queues of the file have no arguments: declared again with some, each would be refused."""
    gone = "bids.retry.5s"
    connection = await aio_pika.connect(imported.broker.url("guest", "guest", imported.vhost))
    async with connection, connection.channel() as channel:
        await channel.queue_delete(gone)
        await declare(connection, broker_objects(Topology.load()))
        await channel.declare_queue(gone, passive=True)
        await channel.queue_delete(gone)  # as it was imported, for the other tests
        await channel.declare_queue(gone, durable=True, arguments=fixed(broker_objects(Topology.load()).queues[gone]))


async def test_a_policy_can_be_changed_while_its_queue_runs(imported: Imported) -> None:
    name = "alerts.retry.5s"
    place = f"policies/{imported.vhost}/{name}"
    told = await imported.broker.ask(place)
    kept = {key: told[key] for key in ("pattern", "apply-to", "priority", "definition")}
    changed = kept | {"definition": kept["definition"] | {"message-ttl": 250}}
    await imported.broker.ask(place, "PUT", changed)
    try:
        await _deliver(imported, name)
    finally:
        await imported.broker.ask(place, "PUT", kept)


async def _deliver(imported: Imported, name: str) -> None:
    """Send a message through a delay and take it where it comes back."""
    taken: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(message: AbstractIncomingMessage) -> None:
        await message.ack()
        taken.put_nowait(message.body)

    connection = await aio_pika.connect(imported.broker.url("guest", "guest", imported.vhost))
    async with connection, connection.channel() as channel, asyncio.timeout(15):
        await (await channel.get_queue("alerts.letters", ensure=False)).consume(take)
        exchange = await channel.get_exchange(name, ensure=False)
        begun = time.monotonic()
        await exchange.publish(aio_pika.Message(b"again"), "alerts.letters")
        assert await taken.get() == b"again"
        assert 0.2 < time.monotonic() - begun < 4, "not the five seconds of before"


async def test_partners_have_a_virtual_host_with_one_exchange_a_cap_and_limits(imported: Imported) -> None:
    exchanges = await imported.broker.ask(f"exchanges/{imported.partners}")
    own = [one for one in exchanges if one["name"] and not one["name"].startswith("amq.")]
    assert [(one["name"], one["type"], one["durable"]) for one in own] == [("events", "topic", True)]
    assert await imported.queues(imported.partners) == {}
    (limits,) = await imported.broker.ask(f"vhost-limits/{imported.partners}")
    assert limits["value"] == {"max-queues": 100, "max-connections": 1000}
    declared = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    await imported.broker.ask(f"queues/{imported.partners}/partner.somebody", "PUT", declared)
    (queue,) = (await imported.queues(imported.partners)).values()
    cap = queue["effective_policy_definition"]
    assert (cap["overflow"], cap["max-length"], cap["max-length-bytes"]) == ("drop-head", 100_000, 128 * 2**20)
    assert cap["message-ttl"] == timedelta(days=30) / timedelta(milliseconds=1)
    await imported.broker.ask(f"queues/{imported.partners}/partner.somebody", "DELETE")
