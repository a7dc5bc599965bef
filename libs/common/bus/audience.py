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


def told_to(actor: Actor | None, service: str, types: Collection[str] = (), *, reads_all: bool) -> Told:
    """Give what a caller may be told of a service's events, of these types only when some are given.

    All: what is public. Who reads all that is of the buyer they act for (`reads_all`): also its own events, and those of
    companies that are opened to it. A company: also its own. An organisation may be both: the kind it acts as counts.
    """
    models = [
        model
        for name, model in registry.all_types().items()
        if name.startswith(f"{service}.") and (not types or name in types)
    ]
    public = tuple(model.type for model in models if model.audience is Audience.PUBLIC)
    own = [model for model in models if model.audience is Audience.ORGANISATION]
    buyers = tuple(model.type for model in own if model.buyer_after is None)
    late = [(model.type, model.buyer_after) for model in own if model.buyer_after is not None]
    companies = tuple(kind for kind, _ in late)
    if actor is not None and actor.kind is OrganisationKind.BUYER and reads_all:
        return Told(public, actor.organisation, buyers, companies, tuple(gate for _, gate in late))
    if actor is not None and actor.kind is OrganisationKind.COMPANY:
        return Told(public, actor.organisation, companies, (), ())
    return Told(public, None, (), (), ())
