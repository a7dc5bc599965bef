"""The topology as data: who consumes what from which queue, and the broker's objects that follow from it.

`topology.json` is generated from the services' declarations (`python -m libs.common.generate`) and committed: a
publisher knows which types have a consumer without importing any service.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from libs.common.service import Service

__all__ = ["COMMITTED", "Queue", "Topology"]

COMMITTED = Path(__file__).with_name("topology.json")


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
        single = not all(consumer.projection for consumer in consumers)
        found.append(Queue(name, service.name, tuple(types), single))
    return found
