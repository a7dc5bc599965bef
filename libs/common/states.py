"""The state graphs of the services, drawn: `docs/states.md` is made from the same tables that the code obeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from libs.common.service import Service

__all__ = ["Graph", "files"]

Graph = Mapping[Any, StrEnum]
"""(state, event): next state. The keys are tuples of each graph's own states: mappings do not vary in their keys."""

_HEAD = """# State graphs

Drawn from the tables that the code obeys (`make generate`): an edge is an event of the platform, or a step of the API where no
other service is concerned. `/last`, `/open`... after an event's type tell which of its effects is meant.
"""


def files(services: Sequence[Service]) -> Mapping[str, str]:
    """Give the page of all graphs, by its path in the repository."""
    parts = [_HEAD, *(text for service in services for text in _service(service))]
    return {"docs/states.md": "\n".join(parts)}


def _service(service: Service) -> Iterator[str]:
    for name, graph in service.graphs.items():
        yield f"## {service.name}: {name}\n\n```mermaid\nstateDiagram-v2\n{_edges(graph)}\n```\n"


def _edges(graph: Graph) -> str:
    """Give one line a pair of states, with every event that leads from the one to the other."""
    first = next(iter(graph))[0]
    lines = [f"    [*] --> {_name(first)}"]
    told: dict[tuple[str, str], list[str]] = {}
    for (start, event), end in graph.items():
        told.setdefault((_name(start), _name(end)), []).append(event)
    lines += [f"    {start} --> {end}: {'<br/>'.join(events)}" for (start, end), events in told.items()]
    return "\n".join(lines)


def _name(state: StrEnum) -> str:
    return state.value.replace("-", "_")
