"""How long it takes to try a search out on a month of notices: those of TED, over and over, and searches drawn from them."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from itertools import cycle, islice
from typing import Any
from uuid import UUID

from libs.common.search.words import plain
from libs.common.testing.harness import Harness
from services.alerts.service.matching import feature_number
from services.alerts.service.previews import preview
from services.alerts.store import matching as store
from services.alerts.store.matching import Kept
from services.alerts.subject import subject_of_said
from tests.bench.alerts import mails
from tests.bench.alerts.crowd import Told, corpus, searches

__all__ = ["LOOP", "run"]

LOOP = mails.LOOP
_NOTICES = 10_000
"""About what is published in France in a month."""
_SEARCHES = 200
_TARGET = 1.0
"""Seconds that somebody waits who tries a search out; the issue sets none."""


async def run(*, short: bool) -> None:
    """Measure 200 searches on 10,000 notices (20 on 500 when short)."""
    notices, number = (500, 20) if short else (_NOTICES, _SEARCHES)
    async with mails.sink() as port, mails.service(port) as h:
        told = corpus()
        began = time.monotonic()
        for place, each in enumerate(islice(cycle(told), notices), 1):
            await _keep(h, place, each)
        mails.tell(f"keep a notice, {notices} of them", "s", (time.monotonic() - began) / notices, 0.05)
        took, found = [], 0
        for criteria in searches(told, number):
            began = time.monotonic()
            found += len((await preview(h.runtime, criteria)).found)
            took.append(time.monotonic() - began)
    mails.tell(f"a preview, {notices} notices, {found / number:.1f} found: p50", "s", statistics.median(took), _TARGET)
    mails.tell("the same: p95", "s", sorted(took)[int(number * 0.95)], _TARGET)


async def _keep(h: Harness, number: int, told: Told) -> None:
    at = h.clock.now() - timedelta(days=29) * (number / _NOTICES)
    said: dict[str, Any] = {
        "title": plain(told.title),
        "body": plain(told.description),
        "cpv": [code[:8] for code in told.cpv],
        "points": [told.place] if told.place else [],
        "national": told.place is None,
        "value": str(told.value) if told.value is not None else None,
        "terms": {"departments": [told.department] if told.department else []},
    }
    subject = subject_of_said(said, phase="contract", at=at, deadline=None)
    features = sorted({feature_number(feature) for feature in subject.features()})
    kept = Kept(UUID(int=number), 1, None, "contract", told.title, "x", (), (), None, at, "SIRET:24210041000123")
    async with h.runtime.uow() as uow:
        await store.keep_notice(uow.conn, kept, "contract", said, features)
