"""The operators' HTTP routes to the parked messages, the same on every service."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus.parked import store
from libs.common.bus.parked.many import Done, discard_many, replay_many
from libs.common.bus.parked.store import ACTIVE, ParkedGroup, ParkedMessage, ParkedState, Selection
from libs.common.errors import Conflict, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow

__all__ = ["DiscardMany", "ParkedBody", "ParkedGroups", "ParkedQuery", "ReplayMany", "Replayed", "routes"]


class ParkedQuery(Selection):
    """Which parked messages."""

    state: ParkedState | None = Field(default=None, description="all but the discarded ones when absent")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500)


class ParkedBody(ParkedMessage):
    """A message in trouble with its body, as it came; bytes that are no UTF-8 are replaced."""

    body: str


class ParkedGroups(BaseModel):
    """How many messages are in trouble where and why."""

    model_config = ConfigDict(frozen=True)

    items: list[ParkedGroup] = Field(description="the largest first")


class ReplayMany(Selection):
    """Which messages that failed are handled again: all, when nothing is given."""

    before: AwareDatetime | None = Field(default=None, description="of the answer before, to go on")


class DiscardMany(Selection):
    """Which messages that failed are given up: of one queue, for one reason, and what else is given."""

    queue: str = Field(max_length=200)
    reason: str = Field(max_length=200)
    before: AwareDatetime | None = Field(default=None, description="of the answer before, to go on")


class Replayed(BaseModel):
    """What a replay released."""

    model_config = ConfigDict(frozen=True)

    messages: int = Field(description="this one and the parked ones of its key")


def routes(service: str) -> Routes:
    """Give the routes of a service; its application mounts them beside its own."""
    found = Routes(service)
    found.get("/v1/operations/parked", tag="operations")(_list)
    found.get("/v1/operations/parked/groups", tag="operations")(_groups)
    found.post("/v1/operations/parked/replay", tag="operations")(_replay_many)
    found.post("/v1/operations/parked/discard", tag="operations")(_discard_many)
    found.get("/v1/operations/parked/{identity}", errors=[NotFound], tag="operations")(_read)
    found.post("/v1/operations/parked/{identity}/replay", errors=[NotFound, Conflict], tag="operations")(_replay)
    found.post("/v1/operations/parked/{identity}/discard", errors=[NotFound, Conflict], tag="operations", status=204)(
        _discard
    )
    return found


async def _list(runtime: Runtime, actor: Actor, query: ParkedQuery) -> Page[ParkedMessage]:
    """List the messages that failed, with those held behind them.

    For operators. Oldest first; the body is given with each message by itself.
    """
    actor.require(OrganisationKind.OPERATOR)
    after = int(Cursor.decode(runtime, query.cursor)["parked"]) if query.cursor else 0
    states = (query.state,) if query.state else ACTIVE
    async with runtime.read() as conn:
        items = await store.listed(conn, after=after, limit=query.limit + 1, where=query, states=states)
    page = items[: query.limit]
    more = len(items) > query.limit
    return Page[ParkedMessage](items=page, next=Cursor.encode(runtime, {"parked": page[-1].id}) if more else None)


async def _groups(runtime: Runtime, actor: Actor) -> ParkedGroups:
    """Tell how many messages failed, in which queue, of which type and why.

    For operators: the first look when thousands wait.
    """
    actor.require(OrganisationKind.OPERATOR)
    async with runtime.read() as conn:
        return ParkedGroups(items=await store.groups(conn))


async def _replay_many(uow: Uow, actor: Actor, body: ReplayMany) -> Done:
    """Handle many parked messages again, each with those of its key, in order.

    For operators; each is written in the audit journal. At most 500 that failed are taken at once: ask again, with the
    `before` of the answer, while there is more. What fails again is parked again, and not taken a second time.
    """
    actor.require(OrganisationKind.OPERATOR)
    return await replay_many(uow, body, body.before)


async def _discard_many(uow: Uow, actor: Actor, body: DiscardMany) -> Done:
    """Give up many parked messages of one queue that failed for one reason; those behind them go on.

    For operators; each is written in the audit journal and kept. At most 500 at once: ask again, with the `before` of the
    answer, while there is more.
    """
    actor.require(OrganisationKind.OPERATOR)
    return await discard_many(uow, body, body.before)


async def _read(runtime: Runtime, actor: Actor, identity: int) -> ParkedBody:
    """Read one parked message with its body. For operators."""
    actor.require(OrganisationKind.OPERATOR)
    async with runtime.read() as conn:
        message, body = await store.read(conn, identity)
    return ParkedBody(**message.model_dump(), body=body.decode(errors="replace"))


async def _replay(uow: Uow, actor: Actor, identity: int) -> Replayed:
    """Handle a parked message again, with all those of its key, in order.

    For operators; written in the audit journal. What fails again is parked again.
    """
    actor.require(OrganisationKind.OPERATOR)
    return Replayed(messages=await store.replay(uow, identity))


async def _discard(uow: Uow, actor: Actor, identity: int) -> None:
    """Give a parked message up; those behind it go on.

    For operators; written in the audit journal. The message is kept, with who gave it up.
    """
    actor.require(OrganisationKind.OPERATOR)
    await store.discard(uow, identity)
