"""Reads the numbered log, in which no row ever appears behind a reader.

Order is kept within an aggregate, and between transactions that do not overlap. What a buyer may know only later
(deposits, before the opening) is told at the place of the event that opens it, so that a cursor never passes what it
has not given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.bus import cursor
from libs.common.bus.audience import Told
from libs.common.db import load_queries
from libs.common.errors import FieldError, Gone, InvalidInput
from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["QUERIES", "ArchivedError", "Page", "Place", "page"]

SPAN = 10_000
"""Positions looked at for one page, whatever is found there."""
QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

Place = tuple[int, int]
"""Where an event is told, and its own position."""


class ArchivedError(Gone):
    """What follows a cursor is in the archive only; `archive` of the problem is the list of the files that hold it."""

    slug = "archived"
    title, title_en = "Événements archivés", "Archived events"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Ce curseur est trop ancien : lisez l'archive ({address}), puis reprenez au « next » de son dernier fichier.",
            f"This cursor is too old: read the archive ({address}), then go on from the `next` of its last file.",
        )
        self.members = {"archive": address}


@dataclass(frozen=True)
class Page:
    """Some events with their places, in the order they are told."""

    events: tuple[tuple[CloudEvent, Place], ...]
    next: Place
    """Where to go on from; it moves even when nothing was for the caller."""
    end: bool
    """Nothing more was in the log when this was read."""

    @cached_property
    def bodies(self) -> tuple[bytes, ...]:
        """The events as JSON, written once for all the streams that share the page."""
        return tuple(event.to_json() for event, _ in self.events)


async def page(runtime: Runtime, told: Told, *, after: Place | None = None, limit: int = 100) -> Page:
    """Give the events behind a place, `limit` at most; without a place, from the oldest still in the log.

    Long polls and streams read through here too. `sequence` is left out: it counts what the caller may not know of.
    Raises ArchivedError, and InvalidInput for a place the log has not reached: it is that of a log before a restore.
    """
    async with runtime.read() as conn:
        rows = await conn.fetch(
            QUERIES["feed"], *(after or (0, 0)), SPAN, list(told.public), told.organisation, list(told.own),
            list(told.gated), list(told.gates), limit,
        )  # fmt: skip
    floor = rows[0]["floor"]
    if after is not None and after < (floor, floor):  # an event that opens others is told after them: so is its place
        archive = f"{runtime.settings.public_url}/{runtime.service.name}/v1/events/archive"
        raise ArchivedError(f"{archive}?after={cursor.encode(runtime, after)}")
    if after is not None and after[0] > rows[0]["head"]:
        raise _ahead()
    found = [row for row in rows if row["body"] is not None]
    events = tuple((_envelope(row["body"]), (row["place"], row["position"])) for row in found)
    if len(found) == limit:
        return Page(events, events[-1][1], end=False)
    upto = rows[0]["upto"]
    return Page(events, (upto, upto), end=upto >= rows[0]["head"])


def _ahead() -> InvalidInput:
    """Refuse loudly what would pass in silence: events numbered after a restore, behind a cursor given before it."""
    french = "Ce curseur est en avance sur ce flux, restauré d'une sauvegarde : reprenez sans « after », écartez les « id » déjà vus."
    english = (
        "This cursor is ahead of this feed, restored from a backup: start again without 'after', drop the ids you know."
    )
    return InvalidInput(french, english, errors=[FieldError("query/after", french, english)])


def _envelope(body: str) -> CloudEvent:
    return CloudEvent.from_json(body.encode()).model_copy(update={"sequence": None})
