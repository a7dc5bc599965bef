"""The topology as data: who consumes what from which queue, and the broker's objects that follow from it.

`topology.json` is generated from the services' declarations (`python -m libs.common.generate`) and committed: a
publisher knows which types have a consumer without importing any service.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from libs.common.bus.retry import DELAYS, delay_name
from libs.common.messages import registry
from libs.common.service import Service

__all__ = [
    "COMMITTED",
    "EVENTS",
    "NO_LIMIT",
    "BrokerObjects",
    "Queue",
    "Topology",
    "broker_objects",
    "fixed",
    "policy",
    "retry_exchange",
]

COMMITTED = Path(__file__).with_name("topology.json")
EVENTS = "events"
"""The topic exchange of all events; the routing key is the event's type."""
DELIVERY_LIMIT = 20
"""Times the broker brings a message whose consumer died; then the dead queue, whose consumer parks it. Generous: each
lost connection counts for all messages in hand (3.10.8, 4.0.5 and 4.3.6 alike). Attempts that fail are counted by us, in SQL."""
NO_LIMIT = 1_000_000_000
"""Of deliveries: RabbitMQ 4 drops a message after 20 unless told otherwise, and only it knows -1."""
_FIXED = ("x-queue-type", "x-single-active-consumer")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of one service."""

    name: str
    service: str
    types: tuple[str, ...]
    single_active: bool
    """Consumed by one process at a time, the others standing by: handlers with effects need the order of a key."""


@dataclass(frozen=True, slots=True)
class Topology:
    """All queues, sorted by name."""

    queues: tuple[Queue, ...]

    @classmethod
    def of(cls, services: Iterable[Service]) -> Self:
        """Give the topology the services declare. Raises ValueError when a queue has two handlers for one type."""
        return cls(tuple(sorted((q for s in services for q in _queues(s)), key=lambda queue: queue.name)))

    @classmethod
    @cache
    def load(cls) -> Self:
        """Give the committed topology."""
        return cls.from_json(json.loads(COMMITTED.read_text(encoding="utf-8")))

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Give the topology of a document made by `to_json`."""
        return cls(tuple(Queue(**{**queue, "types": tuple(queue["types"])}) for queue in document["queues"]))

    def to_json(self) -> dict[str, Any]:
        """Give the document to commit."""
        return {
            "queues": [
                {"name": q.name, "service": q.service, "types": list(q.types), "single_active": q.single_active}
                for q in self.queues
            ]
        }

    def queues_for(self, kind: str) -> tuple[Queue, ...]:
        """Give the queues an event type goes to; none: only the feed has it."""
        return tuple(queue for queue in self.queues if kind in queue.types)

    def including(self, service: Service) -> Topology:
        """Give this topology with the queues a service declares now, whatever is committed for it."""
        others = tuple(queue for queue in self.queues if queue.service != service.name)
        return Topology(tuple(sorted((*others, *_queues(service)), key=lambda queue: queue.name)))

    def services(self) -> tuple[str, ...]:
        """Give the services that consume something."""
        return tuple(sorted({queue.service for queue in self.queues}))


def _queues(service: Service) -> list[Queue]:
    from libs.common.bus.delivery import queues_of  # noqa: PLC0415  # the delivery needs a runtime, data does not

    found = []
    for name, consumers in queues_of(service.consumers).items():
        types = sorted(consumer.event.type for consumer in consumers)
        if len(set(types)) != len(types):
            raise ValueError(f"queue {name} has two handlers for one event type: name another queue")
        types = sorted({kind for each in types for kind in registry.readable_as(each)})
        single = not all(consumer.projection for consumer in consumers)
        found.append(Queue(name, service.name, tuple(types), single))
    return found


@dataclass(frozen=True)
class BrokerObjects:
    """What must exist on the broker: exchanges (name, type), queues (name, arguments), bindings."""

    exchanges: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    """With all they need as arguments, for brokers whose queues are declared by us: tests, one machine. Definitions
    files give the queue what is `fixed` and say the rest as its `policy`, which can be changed while it runs."""
    bindings: list[tuple[str, str, str]] = field(default_factory=list)
    """Exchange, queue, routing key."""


def fixed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments of a queue that no policy can give: they are of the queue for ever."""
    return {name: value for name, value in arguments.items() if name in _FIXED}


def policy(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the others as a policy says them (RabbitMQ: the name of the argument without `x-`)."""
    return {name.removeprefix("x-"): value for name, value in arguments.items() if name not in _FIXED}


def retry_exchange(service: str, seconds: float) -> str:
    """Give the exchange that brings a message back to its queue (the routing key) after a delay."""
    return f"{service}.retry.{delay_name(seconds)}"


def broker_objects(topology: Topology, delays: Sequence[float] = DELAYS) -> BrokerObjects:
    """Give the broker's objects of a topology.

    Each service has its own retry queues and way back: with shared ones, whoever may retry could write to any queue.
    """
    objects = BrokerObjects(exchanges={EVENTS: "topic"})
    for service in topology.services():
        _add_service(objects, service, delays)
    for queue in topology.queues:
        arguments = _dead_letters_to(f"{queue.service}.given-up") | {
            "x-dead-letter-routing-key": queue.name,
            "x-delivery-limit": DELIVERY_LIMIT,
        }
        objects.queues[queue.name] = arguments | ({"x-single-active-consumer": True} if queue.single_active else {})
        objects.bindings.append((f"{queue.service}.again", queue.name, queue.name))
        objects.bindings.extend((EVENTS, queue.name, kind) for kind in queue.types)
    return objects


def _add_service(objects: BrokerObjects, service: str, delays: Sequence[float]) -> None:
    # no exchange has the name of a queue that a service reads: who may read an exchange may bind queues to it
    objects.exchanges.update({f"{service}.again": "direct", f"{service}.given-up": "fanout"})
    # without a limit of its own, RabbitMQ 4 drops a message here after 20 deliveries
    objects.queues[f"{service}.dead"] = {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}
    objects.bindings.append((f"{service}.given-up", f"{service}.dead", ""))
    for seconds in delays:
        name = retry_exchange(service, seconds)
        objects.exchanges[name] = "fanout"
        # the delay belongs to the queue, never to the message: a long one at the head would hold back the others
        objects.queues[name] = _dead_letters_to(f"{service}.again") | {"x-message-ttl": round(seconds * 1000)}
        objects.bindings.append((name, name, ""))


def _dead_letters_to(exchange: str) -> dict[str, Any]:
    """Dead-letter at least once: RabbitMQ falls back to at most once, silently, without reject-publish."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
