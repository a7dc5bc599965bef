"""The topology, as committed, is the one the services declare; every queue has a consumer, every event a sender."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from libs.common.bus import definitions
from libs.common.bus.retry import DELAYS, delay_name
from libs.common.bus.topology import COMMITTED, Topology, broker_objects
from libs.common.generate import services
from libs.common.messages import registry
from libs.common.messages.base import Audience
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
    ((path, text),) = definitions.files([service.name for service in found], topology).items()
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
    may, topics = definitions.permission(service, topology), definitions.topic_permission(service)
    objects = broker_objects(topology)
    every = {*objects.exchanges, *objects.queues}
    assert not [name for name in (*every, "anything") if re.search(may["configure"], name)]
    retries = {name for name in every if name.startswith(f"{service}.retry.")}
    assert {name for name in objects.exchanges if re.search(may["write"], name)} == {"events", *retries}
    seen = {queue.name for queue in topology.queues if any(kind.startswith(f"{service}.") for kind in queue.types)}
    own = {queue.name for queue in topology.queues if queue.service == service}
    assert {name for name in objects.queues if re.search(may["write"], name)} == (seen - own) | retries
    assert {name for name in objects.queues if re.search(may["read"], name)} == own | {f"{service}.dead"} & every
    sendable = {name for name in registry.all_types() if re.search(topics["write"], name)}
    assert sendable == {name for name in registry.all_types() if name.startswith(f"{service}.")}
    assert not re.search(may["write"], "amq.default"), "the default exchange reaches every queue"


@pytest.mark.parametrize("service", NAMES)
def test_a_user_who_sees_the_queues_of_others_has_nothing_to_bind_them_to(service: str, topology: Topology) -> None:
    """A binding asks for the right to write to the queue and to read the exchange."""
    read = definitions.permission(service, topology)["read"]
    exchanges = (
        *broker_objects(topology).exchanges,
        "amq.direct",
        "amq.topic",
        "amq.fanout",
        "amq.headers",
        "amq.match",
    )
    assert not [name for name in exchanges if re.search(read, name)]


def committed() -> dict[str, list[dict[str, Any]]]:
    document: dict[str, list[dict[str, Any]]] = json.loads((ROOT / definitions.PATH).read_text(encoding="utf-8"))
    return document


def test_what_may_change_while_a_queue_runs_is_said_by_its_one_policy(topology: Topology) -> None:
    """Type and single active consumer alone are arguments; a real broker is compared in test_bus_definitions.py."""
    document, active = committed(), broker_objects(topology).queues
    policies = [policy for policy in document["policies"] if policy["vhost"] == definitions.VHOST]
    assert {queue["name"] for queue in document["queues"]} == set(active)
    for queue in document["queues"]:
        name = queue["name"]
        assert set(queue["arguments"]) <= {"x-queue-type", "x-single-active-consumer"}
        (policy,) = [policy for policy in policies if re.search(policy["pattern"], name)]
        both = queue["arguments"] | {f"x-{key}": value for key, value in policy["definition"].items()}
        assert both == active[name], name
    assert len(policies) == len(active), "no policy without its queue"


def test_one_service_may_publish_to_partners_and_public_types_only() -> None:
    document = committed()
    here = {
        kind: [entry for entry in document[kind] if entry["vhost"] == "partners"]
        for kind in ("permissions", "topic_permissions", "queues", "bindings", "exchanges", "policies", "parameters")
    }
    assert {entry["user"] for entry in here["permissions"]} == {"alerts", "operator"}
    (may,) = [entry for entry in here["permissions"] if entry["user"] == "alerts"]
    assert (may["configure"], may["write"], may["read"]) == ("^$", "^events$", "^$")
    (topic,) = here["topic_permissions"]
    assert (topic["user"], topic["exchange"], topic["read"]) == ("alerts", "events", "^$")
    told = {name for name in (*registry.all_types(), "x", "") if re.search(topic["write"], name)}
    assert told == {name for name, model in registry.all_types().items() if model.audience is Audience.PUBLIC}
    assert [exchange["name"] for exchange in here["exchanges"]] == ["events"]
    assert not here["queues"]
    assert not here["bindings"]
    (policy,) = here["policies"]
    assert policy["pattern"] == r"^partner\."
    assert policy["definition"]["overflow"] == "drop-head"
    assert {"max-length", "max-length-bytes", "message-ttl"} < policy["definition"].keys()
    (limits,) = here["parameters"]
    assert (limits["component"], set(limits["value"])) == ("vhost-limits", {"max-queues", "max-connections"})


def test_no_internal_queue_is_bound_for_partners_and_no_name_of_theirs_is_ours(topology: Topology) -> None:
    assert not [name for name in broker_objects(topology).queues if name.startswith(definitions.PARTNER_PREFIX)]
    assert not [name for name in NAMES if name.startswith(definitions.PARTNER_PREFIX)]


def test_no_password_is_in_the_definitions() -> None:
    document = committed()
    for user in document["users"]:
        assert re.fullmatch(r"\$\{HALLES_RABBITMQ_[A-Z]+_PASSWORD\}", user["password"])
        assert "password_hash" not in user
    assert {user["name"] for user in document["users"]} == {*NAMES, "operator"}


def test_queues_are_quorum_by_default_where_every_rabbitmq_reads_it(topology: Topology) -> None:
    """Beside the name, as an export has it, an import takes no notice of it (3.10.8, 4.0.5 and 4.3.6 tried)."""
    for vhost in definitions.document(NAMES, topology, partners=definitions.PARTNERS)["vhosts"]:
        assert vhost["metadata"] == {"default_queue_type": "quorum"}
