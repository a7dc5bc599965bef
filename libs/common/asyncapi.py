"""AsyncAPI 3.0: every event, who sends it, from which queues it is received; made from the registry and the topology."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from libs.common.bus.topology import EVENTS, Topology
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.schemas import dump, sample_of

__all__ = ["PATH", "document", "files", "render"]

PATH = "docs/asyncapi/halles.json"
"""Within the repository."""
_REF = "#/components/schemas/{model}"
_AUDIENCES = {
    Audience.PUBLIC: "everybody, at once",
    Audience.ORGANISATION: "the organisation it concerns, at once",
    Audience.INTERNAL: "the services only",
}
_DESCRIPTION = """Events of Halles, the open platform of regional public-procurement e-services.

Each event is a CloudEvent 1.0 in structured mode (`application/cloudevents+json`), delivered at least once; deduplicate \
by `id`. Order is kept within one `subject`. Within a major version members are only added: ignore those you do not know.

Partners need no broker: each service serves its public events at `GET /<service>/v1/events`, and `alerts` sends signed \
webhooks. Those who want may have a queue of their own, on the server `partners`, that gets the public events. The server \
`broker` is for the platform's own services."""
_PARTNER_QUEUE = "partner-queue"


def render() -> str:
    """Give the document as it is served and committed."""
    return dump(document())


def files() -> dict[str, str]:
    """Give the generated file, by path in the repository."""
    return {PATH: render()}


def document() -> dict[str, Any]:
    """Give the document."""
    types, topology = registry.all_types(), Topology.load()
    names, schemas = _schemas(list(types.values()))
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Halles", "version": "1.0.0", "description": _DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "broker": {
                "host": "rabbitmq:5672",
                "pathname": "/halles",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "RabbitMQ 3.10 or later; one user a service.",
            },
            "partners": {
                "host": "{host}:5671",
                "pathname": "/partners",
                "protocol": "amqps",
                "protocolVersion": "0.9.1",
                "description": "For partners, who read one queue each: docs/partners.md.",
                "variables": {"host": {"default": "halles.example", "description": "as the operator says"}},
            },
        },
        "channels": {name: _channel(model) for name, model in types.items()} | {_PARTNER_QUEUE: _partner_queue(types)},
        "operations": _operations(types, topology) | {f"send.{_PARTNER_QUEUE}": _partner_operation(types)},
        "components": {
            "messages": {name: _message(model, names[model]) for name, model in types.items()},
            "schemas": schemas,
        },
    }


def _schemas(models: list[type[Event]]) -> tuple[dict[type[BaseModel], str], dict[str, Any]]:
    """Give the name of each model's schema, and all schemas, shared parts once."""
    wanted: list[type[BaseModel]] = [CloudEvent, *models]
    refs, definitions = models_json_schema([(model, "serialization") for model in wanted], ref_template=_REF)
    names = {model: refs[model, "serialization"]["$ref"].rsplit("/", 1)[-1] for model in wanted}
    return names, definitions["$defs"]


def _channel(model: type[Event]) -> dict[str, Any]:
    return {
        "address": model.type,
        "title": model.__name__,
        "description": (model.__doc__ or "").strip(),
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.type}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EVENTS, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/halles"},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _partner_queue(types: dict[str, type[Event]]) -> dict[str, Any]:
    """Give the channel of a partner's queue: every public type, one queue a partner."""
    return {
        "address": "partner.{partner}",
        "title": "PartnerQueue",
        "description": "Public events, as the feed tells them: all of them, or the types the partner asked for. Capped: a "
        "partner who stays away loses the oldest here and finds them in the feed.",
        "servers": [{"$ref": "#/servers/partners"}],
        "parameters": {"partner": {"description": "the name the operator gave"}},
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.type}"} for model in _public(types)},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": "partner.{partner}",
                    "durable": True,
                    "exclusive": False,
                    "autoDelete": False,
                    "vhost": "/partners",
                },
                "bindingVersion": "0.3.0",
            }
        },
    }


def _partner_operation(types: dict[str, type[Event]]) -> dict[str, Any]:
    channel = f"#/channels/{_PARTNER_QUEUE}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": "Sent by alerts, at least once, to each partner who has a queue.",
        "messages": [{"$ref": f"{channel}/messages/{model.__name__}"} for model in _public(types)],
    }


def _public(types: dict[str, type[Event]]) -> list[type[Event]]:
    return [model for model in types.values() if model.audience is Audience.PUBLIC]


def _message(model: type[Event], schema: str) -> dict[str, Any]:
    told = _AUDIENCES[model.audience]
    if model.buyer_after:
        told += f"; the buyer after {model.buyer_after}"
    sample = sample_of(model).model_dump(mode="json")
    return {
        "name": model.type,
        "title": model.__name__,
        "summary": (model.__doc__ or "").strip().split("\n", 1)[0],
        "contentType": "application/cloudevents+json",
        "tags": [{"name": model.type.split(".", 1)[0]}, {"name": model.audience.value}],
        "x-halles-told-to": told,
        "payload": {
            "allOf": [
                {"$ref": _REF.format(model="CloudEvent")},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": model.type},
                        "dataschema": {"const": f"urn:halles:schema:{model.type}"},
                        "data": {"$ref": _REF.format(model=schema)},
                    },
                },
            ]
        },
        "examples": [{"name": "sample", "payload": sample}],
    }


def _operations(types: dict[str, type[Event]], topology: Topology) -> dict[str, Any]:
    sent = {
        f"send.{name}": _operation("send", model, f"Sent by {name.split('.', 1)[0]}.") for name, model in types.items()
    }
    received = {
        f"receive.{queue.name}.{name}": _operation("receive", types[name], f"Received by {queue.service}.", queue.name)
        for queue in topology.queues
        for name in queue.types
    }
    return sent | received


def _operation(action: str, model: type[Event], summary: str, queue: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{model.type}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{model.type}/messages/{model.__name__}"}],
    }
    return found | ({"x-halles-queue": queue} if queue else {})
