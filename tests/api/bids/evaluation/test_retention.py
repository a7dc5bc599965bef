"""Bids are destroyed five years after the signature, when an administrator says so and no appeal is pending, with a record."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import rfc8785

from libs.common.messages.notices import LotAbandonedV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.retention import service
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World
from tests.api.bids.evaluation.evaluation_world import ALPHA, BETA, opened

YEARS = timedelta(days=5 * 365 + 2)


async def ended(w: World) -> None:
    """Give both lots up: no contract will be signed."""
    now = w.h.clock.now()
    for lot in ("LOT-0001", "LOT-0002"):
        await w.h.deliver(
            LotAbandonedV1(
                aggregate_id=w.procedure, aggregate_version=9, organisation=BUYER, procedure=w.procedure, occurred_at=now,
                lot_id=lot, reason="chan-need", explanation="Besoin disparu.",
            )
        )  # fmt: skip


async def test_what_was_kept_long_enough_is_destroyed_when_confirmed_and_never_under_a_hold(
    service_harness: HarnessFactory,
) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    w.h.clock.advance(YEARS)
    assert await service.propose(w.h.runtime) == 0  # the lots await their award
    await ended(w)
    assert await service.propose(w.h.runtime) == 1
    assert await service.propose(w.h.runtime) == 0
    (proposed,) = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    assert (proposed["state"], proposed["kept_until"]) == ("proposed", "2031-03-20T11:00:00Z")
    assert (await w.call("GET", "/destructions", OTHER_BUYER, expect=200))["items"] == []
    await w.call("GET", "/destructions", ALPHA, expect=403)
    confirmation = f"/destructions/{proposed['destruction_id']}/confirmation"
    hold = f"/consultations/{w.procedure}/retention-hold"
    await w.call("POST", confirmation, OTHER_BUYER, expect=404)
    await w.call("PUT", hold, OTHER_BUYER, expect=403, json={"reason": "x"})
    await w.call("PUT", hold, BUYER, expect=204, json={"reason": "Recours n° 2600001 devant le TA de Dijon."})
    refused = await w.call("POST", confirmation, BUYER, expect=409)
    assert "Recours n° 2600001" in refused["detail"]
    await w.call("DELETE", hold, BUYER, expect=204)
    async with w.h.runtime.read() as conn:
        keys = [row["storage_key"] for row in await conn.fetch("SELECT storage_key FROM upload_part")]
    await w.call("POST", confirmation, BUYER, expect=200)
    await w.h.settle()
    (done,) = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    assert done["state"] == "done"
    assert {each["bid"] for each in done["record"]["files"]} == {str(each) for each in w.bids.values()}
    assert done["record_sha256"] == sha256(rfc8785.dumps(done["record"])).hexdigest()
    left = [key for key in keys if await w.h.runtime.storage.keys(key)]
    assert len(keys) == 2
    assert left == []
    opening = (await w.call("GET", f"/consultations/{w.procedure}/openings", BUYER, expect=200))["items"][0]
    await w.call("GET", f"/openings/{opening['opening_id']}/bids/{w.bids[ALPHA]}/files/1", BUYER, expect=404)


async def test_a_hold_set_after_the_confirmation_still_stops_it(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA)
    await ended(w)
    w.h.clock.advance(timedelta(days=5 * 365 - 20))
    assert await service.propose(w.h.runtime) == 0  # too early
    w.h.clock.advance(timedelta(days=30))
    assert await service.propose(w.h.runtime) == 1
    (proposed,) = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    await w.call("POST", f"/destructions/{proposed['destruction_id']}/confirmation", BUYER, expect=200)
    hold = {"reason": "Recours."}
    await w.call("PUT", f"/consultations/{w.procedure}/retention-hold", BUYER, expect=204, json=hold)
    await w.h.settle()
    (again,) = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    assert (again["state"], again["record"]) == ("proposed", None)
