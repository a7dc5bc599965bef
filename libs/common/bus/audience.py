"""Who may be told of which event types: read from the types themselves, for feed, timeline and webhooks alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from libs.common.actor import Actor, OrganisationKind
from libs.common.messages import registry
from libs.common.messages.base import Audience

__all__ = ["Told", "told_to"]


@dataclass(frozen=True, slots=True)
class Told:
    """What one caller may be told."""

    public: tuple[str, ...]
    """Types told to everybody."""
    organisation: str | None
    own: tuple[str, ...]
    """Types told to the organisation they concern."""
    gated: tuple[str, ...]
    """Types told to the buyer once an event of the type at the same place of `gates` happened in the procedure."""
    gates: tuple[str, ...]


def told_to(actor: Actor | None, service: str, types: Collection[str] = ()) -> Told:
    """Give what a caller may be told of a service's events, of these types only when some are given.

    Anonymous callers, partners, and who acts by a record (of one consultation, maybe): what is public. Others: also what
    concerns the organisation they act for.
    """
    models = [
        model
        for name, model in registry.all_types().items()
        if name.startswith(f"{service}.") and (not types or name in types)
    ]
    public = tuple(model.type for model in models if model.audience is Audience.PUBLIC)
    if actor is None or actor.kind is OrganisationKind.PARTNER or actor.recorded:
        return Told(public, None, (), (), ())
    own = [model for model in models if model.audience is Audience.ORGANISATION]
    late = [(model.type, model.buyer_after) for model in own if model.buyer_after is not None]
    return Told(
        public,
        actor.organisation,
        tuple(model.type for model in own),
        tuple(kind for kind, _ in late),
        tuple(gate for _, gate in late),
    )
