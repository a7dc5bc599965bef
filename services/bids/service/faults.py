"""What went wrong on the platform near a deadline: told in the opening report, for it may excuse a late bid.

A fault of the platform may not be held against a bidder who showed diligence (CE 23 September 2021, 449250).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.bids.domain.time import legal_time
from services.bids.evidence import FactKind, reading
from services.bids.evidence.attempts import incidents_of
from services.bids.evidence.availability import gaps
from services.bids.evidence.proof import FactPaper
from services.bids.store.consultations import Consultation

__all__ = ["BEFORE", "platform_faults"]

BEFORE = timedelta(hours=24)
"""Before the deadline: from then on incidents and interruptions are told."""


async def platform_faults(conn: asyncpg.Connection, consultation: Consultation) -> dict[str, Any]:
    """Give the incidents declared and the interruptions seen in the last day before the deadline, in legal time."""

    def hour(instant: datetime | None) -> str | None:
        return None if instant is None else legal_time(instant, consultation.zone).isoformat()

    begins, ends = consultation.deadline - BEFORE, consultation.deadline
    facts = [FactPaper.of(each) for each in await reading.of_platform(conn, begins, ends)]
    beats = [each.at for each in facts if each.kind is FactKind.HEARTBEAT]
    incidents = [
        {"begins": hour(each.begins), "ends": hour(each.ends), "what": each.what}
        for each in incidents_of([each for each in facts if each.kind is FactKind.INCIDENT])
    ]
    interruptions = [{"begins": hour(each.begins), "ends": hour(each.ends)} for each in gaps(beats, begins, ends)]
    return {"since": hour(begins), "incidents": incidents, "interruptions": interruptions}
