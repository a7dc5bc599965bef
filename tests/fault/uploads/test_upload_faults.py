"""The short storm over uploads; `make fault-uploads` is the long one."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.api.bids.uploads.api_process import api_processes
from tests.api.bids.uploads.uploads_world import open_world
from tests.fault.uploads.storm import Storm, Tally


@pytest.mark.timeout(600)
async def test_uploads_interrupted_at_any_byte_end_as_what_was_sent(database_url: str) -> None:
    async with open_world(database_url, upload_expiry=timedelta(days=3650)) as w, api_processes(w, 2) as processes:
        tally = await Storm(w, processes, random.Random(5), Tally(40)).run()
    assert sum(tally.done.values()) >= 40
    assert len(tally.done) >= 4
    assert tally.files >= 4
    assert (tally.differing, tally.false_receipts) == (0, 0)
