"""The feed: what a service published, page by page, to whoever may know of it; served with the broker up or down.

It reads the numbered log, in which no row ever appears behind a reader. Order is kept within an aggregate, and between
transactions that do not overlap. What a buyer may know only later (deposits, before the opening) is told at the place
of the event that opens it, so that a cursor never passes what it has not given.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.bus import cursor
from libs.common.bus.audience import Told, told_to
from libs.common.bus.sql import QUERIES
from libs.common.errors import FieldError, InvalidInput
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import Runtime

__all__ = ["FeedPage", "FeedQuery", "page", "routes"]

SPAN = 10_000
"""Positions looked at for one page, whatever is found there."""


def _split(value: object) -> object:
    if isinstance(value, list):
        return [part.strip() for text in value for part in str(text).split(",") if part.strip()]
    return value


class FeedQuery(BaseModel):
    """Which part of the feed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str | None = Field(
        default=None, max_length=200, description="`next` of the page before; none: the beginning"
    )
    limit: int = Field(default=100, ge=1, le=500, description="events at most")
    types: Annotated[list[str], BeforeValidator(_split)] = Field(
        default=[], max_length=50, description="event types, separated by commas or repeated; none: all"
    )


class FeedPage(BaseModel):
    """A page of events, and where to go on from: `next` moves even when nothing here was for the caller."""

    model_config = ConfigDict(frozen=True)

    events: list[CloudEvent]
    next: str = Field(
        description="opaque; pass it as `after`. The end is reached when `events` is empty: ask again later"
    )


def routes(service: str) -> Routes:
    """Give the feed of a service; its application mounts it beside its own routes."""
    found = Routes(service)
    found.get("/v1/events", tag="events", errors=[InvalidInput])(_events)
    return found


async def page(
    runtime: Runtime, told: Told, *, after: cursor.Place = (0, 0), limit: int = 100
) -> tuple[list[CloudEvent], cursor.Place]:
    """Give the events behind a place, `limit` at most, and the place to go on from.

    Long polling and streams read through here too. `sequence` is left out: it counts what the caller may not know of.
    """
    async with runtime.read() as conn:
        rows = await conn.fetch(
            QUERIES["feed"], *after, SPAN, list(told.public), told.organisation, list(told.own),
            list(told.gated), list(told.gates), limit,
        )  # fmt: skip
    found = [row for row in rows if row["body"] is not None]
    events = [CloudEvent.from_json(row["body"].encode()).model_copy(update={"sequence": None}) for row in found]
    if len(found) == limit:
        return events, (found[-1]["place"], found[-1]["position"])
    upto = max(rows[0]["upto"], after[0])
    return events, (upto, upto)


async def _events(runtime: Runtime, actor: Actor | None, query: FeedQuery) -> FeedPage:
    """Read the events of this service, oldest first.

    Follow it by passing `next` as `after`, for ever: each event you may know of comes exactly once. Anonymous callers
    and partners get the public events; members of an organisation also those that concern it, each from the moment the
    law lets it be told.
    """
    _check_types(runtime.service.name, query.types)
    after = cursor.decode(runtime, query.after) if query.after else (0, 0)
    told = told_to(actor, runtime.service.name, query.types)
    events, place = await page(runtime, told, after=after, limit=query.limit)
    return FeedPage(events=events, next=cursor.encode(runtime, place))


def _check_types(service: str, types: list[str]) -> None:
    known = [name for name in registry.all_types() if name.startswith(f"{service}.")]
    unknown = sorted(set(types) - set(known))
    if unknown:
        french = f"Types inconnus dans ce flux : {', '.join(unknown)}. Types possibles : {', '.join(known)}."
        english = f"Types unknown in this feed: {', '.join(unknown)}. Possible types: {', '.join(known)}."
        raise InvalidInput(french, english, errors=[FieldError("query/types", french, english)])
