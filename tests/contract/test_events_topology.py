"""The topology, as committed, is the one the services declare; every queue has a consumer, every event a sender."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from libs.common.bus import definitions
from libs.common.bus.retry import DELAYS, delay_name
from libs.common.bus.topology import COMMITTED, Topology, broker_objects
from libs.common.generate import services
from libs.common.messages import registry
from libs.common.schemas import dump
from libs.common.service import Service

ROOT = Path(__file__).parents[2]
NAMES = ("alerts", "bids", "legality", "notices", "opendata", "signature")


@pytest.fixture(scope="module")
def found() -> list[Service]:
    return services()


@pytest.fixture(scope="module")
def topology(found: list[Service]) -> Topology:
    return Topology.of(found)


def test_the_six_services_are_there(found: list[Service]) -> None:
    assert tuple(service.name for service in found) == NAMES


def test_the_committed_topology_is_what_the_services_declare(topology: Topology) -> None:
    assert COMMITTED.read_text(encoding="utf-8") == dump(topology.to_json()), "run make generate"


def test_the_committed_definitions_are_those_of_the_topology(found: list[Service], topology: Topology) -> None:
    (committed,) = definitions.files([service.name for service in found], topology).items()
    path, text = committed
    assert (ROOT / path).read_text(encoding="utf-8") == text, "run make generate"


def test_every_queue_of_the_broker_has_a_consumer(topology: Topology) -> None:
    """A service queue: its handlers. A dead queue: the worker, which parks. A retry queue: its time to live."""
    consumed = {queue.name for queue in topology.queues} | {f"{name}.dead" for name in topology.services()}
    for name, arguments in broker_objects(topology).queues.items():
        assert name in consumed or "x-message-ttl" in arguments, name


def test_every_consumed_event_is_known_and_sent_by_a_service_that_exists(topology: Topology) -> None:
    for queue in topology.queues:
        assert queue.service in NAMES
        assert queue.name.startswith(f"{queue.service}.")
        for name in queue.types:
            assert name in registry.all_types()
            assert name.split(".", 1)[0] in NAMES


def test_every_consumed_event_is_emitted_somewhere_in_its_service(topology: Topology) -> None:
    for name in {name for queue in topology.queues for name in queue.types}:
        owner, model = name.split(".", 1)[0], registry.event_type(name)
        code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "services" / owner).rglob("*.py"))
        assert f"{model.__name__}(" in code, f"{owner} never makes {model.__name__}, and {name} is waited for"


def test_every_consumed_event_reaches_its_queue(topology: Topology) -> None:
    objects = broker_objects(topology)
    for queue in topology.queues:
        bound = {key for exchange, name, key in objects.bindings if name == queue.name and exchange == "events"}
        assert bound == set(queue.types)


def test_all_queues_are_quorum_and_lose_nothing_when_they_dead_letter(topology: Topology) -> None:
    objects = broker_objects(topology)
    for name, arguments in objects.queues.items():
        assert arguments["x-queue-type"] == "quorum", name
        assert "x-max-length" not in arguments, "a full queue would refuse what is committed"
        if "x-dead-letter-exchange" in arguments:  # at most once, silently, without all three
            assert arguments["x-dead-letter-strategy"] == "at-least-once", name
            assert arguments["x-overflow"] == "reject-publish", name
            exchange = arguments["x-dead-letter-exchange"]
            assert exchange in objects.exchanges, name
            assert any(source == exchange for source, _, _ in objects.bindings), name


def test_handlers_with_effects_have_one_active_consumer(found: list[Service], topology: Topology) -> None:
    for queue in topology.queues:
        consumers = [c for service in found for c in service.consumers.items if c.queue == queue.name]
        assert queue.single_active == any(not consumer.projection for consumer in consumers)


def test_each_service_has_its_own_retry_queues(topology: Topology) -> None:
    """A shared one would let any service write to any other's queues."""
    objects = broker_objects(topology)
    for service in topology.services():
        for seconds in DELAYS:
            arguments = objects.queues[f"{service}.retry.{delay_name(seconds)}"]
            assert arguments["x-message-ttl"] == seconds * 1000
            assert arguments["x-dead-letter-exchange"] == f"{service}.again"
    for exchange, queue, _ in objects.bindings:
        if exchange != "events":
            assert exchange.split(".")[0] == queue.split(".")[0]


@pytest.mark.parametrize("service", NAMES)
def test_each_user_may_do_its_own_work_and_nothing_else(service: str, topology: Topology) -> None:
    may, topics = definitions.permission(service), definitions.topic_permission(service)
    objects = broker_objects(topology)
    every = {*objects.exchanges, *objects.queues}
    assert not [name for name in (*every, "anything") if re.search(may["configure"], name)]
    written = {name for name in every if re.search(may["write"], name)}
    assert written == {"events", *(name for name in every if name.startswith(f"{service}.retry."))} & every
    read = {name for name in every if re.search(may["read"], name)}
    assert read == {name for name in every if name.startswith(f"{service}.")}
    sendable = {name for name in registry.all_types() if re.search(topics["write"], name)}
    assert sendable == {name for name in registry.all_types() if name.startswith(f"{service}.")}
    assert not re.search(may["write"], "amq.default"), "the default exchange reaches every queue"


def test_no_password_is_in_the_definitions() -> None:
    document = json.loads((ROOT / definitions.PATH).read_text(encoding="utf-8"))
    for user in document["users"]:
        assert re.fullmatch(r"\$\{HALLES_RABBITMQ_[A-Z]+_PASSWORD\}", user["password"])
        assert "password_hash" not in user
    assert {user["name"] for user in document["users"]} == {*NAMES, "operator"}
