"""What is measured of mails: what was to be told, what left, what waits and since when."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

__all__ = ["DUE", "KINDS", "MAILS", "NOTICES", "OLDEST", "OLDEST_TO_MATCH", "TO_MATCH", "WAITING"]

KINDS: Final = {0: "transactional", 1: "change", 2: "alert", 3: "digest"}
"""By priority."""
NOTICES = Counter("halles_alerts_notices", "Published notices that were held against the saved searches")
TO_MATCH = Gauge("halles_alerts_to_match", "Notices that not all searches were held against yet")
OLDEST_TO_MATCH = Gauge("halles_alerts_to_match_oldest_seconds", "How long the oldest of these notices waits")
DUE = Counter("halles_alerts_due", "Mails queued for people whose searches matched", ["kind"])
MAILS = Counter("halles_mails", "Mails that are due no more, by what became of them", ["kind", "outcome"])
WAITING = Gauge("halles_mails_waiting", "Mails that could leave, or digests that are overdue", ["kind"])
OLDEST = Gauge("halles_mails_oldest_seconds", "How long the oldest mail that could leave waits", ["kind"])
