"""A request of a buyer to a bidder is mailed as letters are: once, or kept for an address to come."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from libs.common.messages.bids import RequestSentV1
from libs.common.testing.plugin import HarnessFactory
from services.alerts.wiring import SERVICE

BIDDER, BUYER = "SIRET:55210025400001", "SIRET:20003945800017"


async def test_a_request_to_a_bidder_waits_in_one_mail(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    now, identity = h.clock.now(), uuid4()
    event = RequestSentV1(
        aggregate_id=identity, aggregate_version=1, organisation=BIDDER, buyer=BUYER, procedure=uuid4(), occurred_at=now,
        request_id=identity, lot_id="LOT-0001", kind="proofs", due_at=now + timedelta(days=5), letter_id=uuid4(),
    )  # fmt: skip
    await h.deliver(event, event)
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT organisation, kind, subject FROM mail WHERE subject_id = $1", event.letter_id)
    (row,) = rows
    assert (row["organisation"], row["kind"]) == (BIDDER, "letter")
    assert "proofs" not in row["subject"]
