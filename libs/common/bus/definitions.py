"""RabbitMQ's definitions file, made from the topology: objects, policies, one least-privilege user a service, no password.

Passwords are placeholders `${HALLES_RABBITMQ_<SERVICE>_PASSWORD}`, filled when the broker starts (deploy/rabbitmq).
Queues carry what they have for ever, policies what an operator may change while they run. The partners' virtual host
stands beside ours (docs/adr/0019): its users and queues are made by `python -m services.alerts partner`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from libs.common.bus.topology import EVENTS, NO_LIMIT, BrokerObjects, Topology, broker_objects, fixed, policy
from libs.common.messages import registry
from libs.common.messages.base import Audience
from libs.common.schemas import dump

__all__ = ["PARTNERS", "PARTNER_PREFIX", "PATH", "VHOST", "document", "files", "partners_objects"]

PATH = "deploy/rabbitmq/definitions.json"
"""Within the repository."""
VHOST = "halles"
PARTNERS = "partners"
"""The virtual host of the partners' queues."""
PARTNER_PREFIX = "partner."
"""What the names of partners' users and queues begin with: none can be a service's."""
_FEEDER = "alerts"
_OPERATOR = "operator"
_PARTNER_QUEUE = {
    "max-length": 100_000,
    "max-length-bytes": 128 * 2**20,
    "overflow": "drop-head",
    "message-ttl": 30 * 86_400_000,
    "delivery-limit": NO_LIMIT,
}
"""Of each partner's queue: a partner who stays away loses the oldest, and finds it in the feed. 30 days (ms): an id may be
forgotten once no feed cursor is as old."""
_PARTNERS_LIMITS = {"max-queues": 100, "max-connections": 1_000}
"""Of their virtual host: with the bytes of each queue, 12.5 GiB of disk at most."""


def files(services: Sequence[str], topology: Topology) -> dict[str, str]:
    """Give the generated file, by path in the repository."""
    return {PATH: dump(document(services, topology, partners=PARTNERS))}


def document(
    services: Sequence[str], topology: Topology, vhost: str = VHOST, partners: str | None = None
) -> dict[str, Any]:
    """Give the definitions of a platform of these services, with the partners' virtual host where it is named."""
    objects, place = broker_objects(topology), {"vhost": vhost}
    own: dict[str, Any] = {
        "vhosts": [_vhost(vhost)],
        "users": [*(_user(name) for name in services), _user(_OPERATOR, "administrator")],
        "permissions": [*(place | permission(name, topology) for name in services), place | _all(_OPERATOR)],
        "topic_permissions": [place | topic_permission(name) for name in services],
        "parameters": [],
        "policies": [
            _policy(vhost, name, f"^{re.escape(name)}$", policy(arguments))
            for name, arguments in sorted(objects.queues.items())
        ],
        **_objects(objects, vhost),
    }
    others = _partners(services, partners) if partners else {}
    return {kind: entries + others.get(kind, []) for kind, entries in own.items()}


def permission(service: str, topology: Topology) -> dict[str, str]:
    """Give what a service's user may do: declare nothing, publish events and its own retries, read its own queues.

    From RabbitMQ 4.2.6 on nobody sees a queue he has no right to, and a publisher must see where its events go. Its right
    to write to these queues opens nothing: it serves to bind them to an exchange one may read, and there is none.
    """
    own = [queue.name for queue in topology.queues if queue.service == service]
    fed = {queue.name for queue in topology.queues for kind in queue.types if kind.startswith(f"{service}.")}
    return {
        "user": service,
        "configure": "^$",
        "write": _any(rf"{service}\.retry\.[0-9a-z]+", EVENTS, *map(re.escape, sorted(fed - {*own}))),
        "read": _any(*map(re.escape, [*own, f"{service}.dead"])) if own else "^$",
    }


def _any(*patterns: str) -> str:
    return f"^({'|'.join(patterns)})$"


def topic_permission(service: str) -> dict[str, str]:
    """Give which routing keys a service may publish: its own events only."""
    return {"user": service, "exchange": EVENTS, "write": rf"^{service}\.", "read": "^$"}


def partners_objects() -> BrokerObjects:
    """Give what is in the partners' virtual host whoever the partners are."""
    return BrokerObjects(exchanges={EVENTS: "topic"})


def _partners(services: Sequence[str], vhost: str) -> dict[str, Any]:
    """Give the partners' virtual host: one service may publish there, public events only."""
    place, feeders = {"vhost": vhost}, [name for name in services if name == _FEEDER]
    only = {"configure": "^$", "write": f"^{EVENTS}$", "read": "^$"}
    limits = {"component": "vhost-limits", "name": "limits", "value": _PARTNERS_LIMITS}
    return {
        "vhosts": [_vhost(vhost)],
        "permissions": [*(place | {"user": name} | only for name in feeders), place | _all(_OPERATOR)],
        "topic_permissions": [
            place | {"user": name, "exchange": EVENTS, "write": _public(), "read": "^$"} for name in feeders
        ],
        "parameters": [place | limits],
        "policies": [_policy(vhost, "partners", f"^{re.escape(PARTNER_PREFIX)}", _PARTNER_QUEUE)],
        **_objects(partners_objects(), vhost),
    }


def _public() -> str:
    """Match the public types, letter for letter: the broker itself refuses any other."""
    names = (name for name, model in registry.all_types().items() if model.audience is Audience.PUBLIC)
    return _any(*(re.escape(name) for name in sorted(names)))


def _objects(objects: BrokerObjects, vhost: str) -> dict[str, Any]:
    place = {"vhost": vhost}
    exchange = {"durable": True, "auto_delete": False, "internal": False, "arguments": {}}
    binding = {"destination_type": "queue", "arguments": {}}
    return {
        "exchanges": [
            place | {"name": name, "type": kind} | exchange for name, kind in sorted(objects.exchanges.items())
        ],
        "queues": [
            place | {"name": name, "durable": True, "auto_delete": False, "arguments": fixed(arguments)}
            for name, arguments in sorted(objects.queues.items())
        ],
        "bindings": [
            place | {"source": source, "destination": queue, "routing_key": key} | binding
            for source, queue, key in sorted(objects.bindings)
        ],
    }


def _policy(vhost: str, name: str, pattern: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Give a policy; a queue has one only, so each has a pattern of its own."""
    told = {"pattern": pattern, "apply-to": "queues", "priority": 0, "definition": definition}
    return {"vhost": vhost, "name": name, **told}


def _vhost(name: str) -> dict[str, Any]:
    return {"name": name, "metadata": {"default_queue_type": "quorum"}}  # outside of metadata no import looks at it


def _all(user: str) -> dict[str, str]:
    return {"user": user, "configure": ".*", "write": ".*", "read": ".*"}


def _user(name: str, *tags: str) -> dict[str, Any]:
    return {"name": name, "password": f"${{HALLES_RABBITMQ_{name.upper()}_PASSWORD}}", "tags": list(tags), "limits": {}}
