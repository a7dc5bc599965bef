"""Every event type of the platform, by name: the one list from which schemas, bindings and pages are made."""

from __future__ import annotations

from collections.abc import Collection

from libs.common.messages import (
    alerts,
    bids,
    companies,
    legality,
    notices,
    opendata,
    publication,
    roles,
    rounds,
    signature,
)
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.upcasting import UPCASTERS

__all__ = ["UnknownEventTypeError", "all_types", "event_type", "parse", "readable_as", "upcast"]


class UnknownEventTypeError(LookupError):
    """No event of that type is registered."""


def _collect() -> dict[str, type[Event]]:
    modules = (notices, publication, roles, bids, alerts, legality, signature, opendata, rounds, companies)
    models = (getattr(module, name) for module in modules for name in module.__all__)
    return {model.type: model for model in models if isinstance(model, type) and issubclass(model, Event)}


_TYPES = _collect()


def all_types() -> dict[str, type[Event]]:
    """Give every registered event model by its type, sorted by type."""
    return dict(sorted(_TYPES.items()))


def event_type(name: str) -> type[Event]:
    """Give the model of a type. Raises UnknownEventTypeError."""
    try:
        return _TYPES[name]
    except KeyError:
        raise UnknownEventTypeError(name) from None


def parse(envelope: CloudEvent) -> Event:
    """Give the typed event of an envelope. Raises UnknownEventTypeError or pydantic.ValidationError."""
    return event_type(envelope.type).model_validate(envelope.data)


def readable_as(name: str) -> tuple[str, ...]:
    """Give the types whose events can be read as this one: itself, and its older majors that have an upcaster."""
    return UPCASTERS.readable_as(name)


def upcast(envelope: CloudEvent, wanted: Collection[str]) -> CloudEvent:
    """Give an event as the wanted major, under the identity that all forms of it share where several were sent.

    Its type is unchanged when it is wanted, or leads to none that is. Raises what `Upcasters.upcast` raises.
    """
    return UPCASTERS.upcast(envelope, wanted)
