"""RabbitMQ's definitions file, made from the topology: objects, one least-privilege user a service, no password.

Passwords are placeholders `${HALLES_RABBITMQ_<SERVICE>_PASSWORD}`, filled when the broker starts (deploy/rabbitmq).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.common.bus.topology import EVENTS, Topology, broker_objects
from libs.common.schemas import dump

__all__ = ["PATH", "VHOST", "document", "files"]

PATH = "deploy/rabbitmq/definitions.json"
"""Within the repository."""
VHOST = "halles"
_OPERATOR = "operator"


def files(services: Sequence[str], topology: Topology) -> dict[str, str]:
    """Give the generated file, by path in the repository."""
    return {PATH: dump(document(services, topology))}


def document(services: Sequence[str], topology: Topology, vhost: str = VHOST) -> dict[str, Any]:
    """Give the definitions of a platform of these services."""
    objects = broker_objects(topology)
    place = {"vhost": vhost}
    return {
        "vhosts": [{"name": vhost, "default_queue_type": "quorum"}],
        "users": [*(_user(name) for name in services), _user(_OPERATOR, "administrator")],
        "permissions": [
            *(place | permission(name) for name in services),
            place | {"user": _OPERATOR, "configure": ".*", "write": ".*", "read": ".*"},
        ],
        "topic_permissions": [place | topic_permission(name) for name in services],
        "parameters": [],
        "policies": [],
        "exchanges": [
            place
            | {"name": name, "type": kind, "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
            for name, kind in sorted(objects.exchanges.items())
        ],
        "queues": [
            place | {"name": name, "durable": True, "auto_delete": False, "arguments": arguments}
            for name, arguments in sorted(objects.queues.items())
        ],
        "bindings": [
            place
            | {
                "source": exchange,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for exchange, queue, key in sorted(objects.bindings)
        ],
    }


def permission(service: str) -> dict[str, str]:
    """Give what a service's user may do: declare nothing, publish events and its own retries, read its own queues."""
    return {
        "user": service,
        "configure": "^$",
        "write": rf"^({EVENTS}|{service}\.retry\.[0-9a-z]+)$",
        "read": rf"^{service}\.[^.]+(\.[^.]+)*$",
    }


def topic_permission(service: str) -> dict[str, str]:
    """Give which routing keys a service may publish: its own events only."""
    return {"user": service, "exchange": EVENTS, "write": rf"^{service}\.", "read": "^$"}


def _user(name: str, *tags: str) -> dict[str, Any]:
    return {"name": name, "password": f"${{HALLES_RABBITMQ_{name.upper()}_PASSWORD}}", "tags": list(tags), "limits": {}}
