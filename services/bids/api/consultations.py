"""Consultations, for anybody."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.http import Routes
from libs.common.runtime import Runtime
from services.bids.api.views import ConsultationView
from services.bids.domain.time import is_late
from services.bids.errors import UnknownConsultation
from services.bids.rounds.admission import require_visible
from services.bids.rounds.store import open_window
from services.bids.service import consultations, openings
from services.bids.settings import BidsSettings
from services.bids.store import consultations as store

__all__ = ["routes"]

routes = Routes("bids")


@routes.get("/v1/consultations/{procedure}", errors=[UnknownConsultation], tag="consultations")
async def get_consultation(runtime: Runtime, actor: Actor | None, procedure: UUID) -> ConsultationView:
    """Read a consultation: deadline, lots, key set of the opening officers, limits; a round, as its buyer or invited."""
    async with runtime.read() as conn:
        found = await consultations.get(conn, procedure)
        await require_visible(conn, actor, found, runtime.clock.now())
        opened = await openings.all_opened(conn, found)
        keys = await store.key_sets(conn, procedure)
        apply_at = await open_window(conn, procedure, runtime.clock.now())
    state = "closed" if is_late(runtime.clock.now(), found.deadline) else "open"
    if found.suspended:
        state = "suspended"
    if opened:
        state = "opened"
    most = runtime.port(BidsSettings).max_bid_bytes
    return ConsultationView.of(found, keys, state=state, max_bid_bytes=most, apply_at=apply_at)
