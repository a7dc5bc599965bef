"""Procedures and their timeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from services.notices.inputs.fields import PageQuery
from services.notices.service import procedures as service
from services.notices.store import timeline as store
from services.notices.views.procedures import ProcedureView, TimelineView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/procedures/{procedure_id}", errors=[NotFound], tag="procedures")
async def get_procedure(runtime: Runtime, actor: Actor | None, procedure_id: UUID) -> ProcedureView:
    """Read a procedure and its notices."""
    procedure, notices = await service.readable_procedure(runtime, procedure_id, actor)
    return ProcedureView.of(procedure, notices, actor)


@ROUTES.get("/v1/procedures/{procedure_id}/timeline", errors=[NotFound], tag="procedures")
async def get_timeline(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PageQuery
) -> Page[TimelineView]:
    """Read what happened in a procedure: the public part for anyone, for its buyer all that may be told."""
    await service.readable_procedure(runtime, procedure_id, actor)
    after = None
    if query.cursor:
        position = Cursor.decode(runtime, query.cursor)
        after = datetime.fromisoformat(position["at"]), int(position["position"])
    async with runtime.read() as conn:
        reader = actor.organisation if actor else None
        rows = await store.timeline(conn, procedure_id, reader=reader, after=after, limit=query.limit + 1)
    shown, more = rows[: query.limit], len(rows) > query.limit
    last: Mapping[str, Any] = {"at": shown[-1].occurred_at, "position": shown[-1].position} if more else {}
    return Page(items=[TimelineView.of(row) for row in shown], next=Cursor.encode(runtime, last) if more else None)
