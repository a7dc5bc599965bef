"""Bids are destroyed five years after the signature, when an administrator says so and no appeal is pending, with a record."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import rfc8785

from libs.common.messages.notices import Lot, LotAbandonedV1, Place
from libs.common.testing.plugin import HarnessFactory
from services.bids.retention import service
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World, award_body
from tests.api.bids.evaluation.evaluation_world import ALPHA, BETA, opened
from tests.api.bids.rounds.test_frameworks import notified
from tests.api.bids.rounds.test_rounds import applied, call, offers_opened, select

YEARS = timedelta(days=5 * 365 + 2)


VISA = {"decision": "destroy", "reference": "AD21-2031-118", "decided_on": "2031-04-02"}


async def stamp(w: World, destruction: Any, *, expect: int = 200, **changes: str) -> Any:
    return await w.call("PUT", f"/destructions/{destruction}/visa", BUYER, expect=expect, json=VISA | changes)


async def content(w: World, destruction: Any) -> list[str]:
    told = await w.call("GET", f"/destructions/{destruction}/content.csv", BUYER, expect=200)
    return [each for each in told.decode("utf-8-sig").splitlines() if each]


async def proposed_now(w: World) -> Any:
    """Have what was kept long enough proposed; give the newest proposal."""
    assert await service.propose(w.h.runtime) == 1
    return (await w.call("GET", "/destructions", BUYER, expect=200))["items"][0]


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
    unstamped = await w.call("POST", confirmation, BUYER, expect=409)
    assert unstamped["type"] == "urn:halles:problem:visa-missing"
    await stamp(w, proposed["destruction_id"])
    listed = await content(w, proposed["destruction_id"])
    assert [each.partition(";")[0][:4] for each in listed[1:]] == ["pli ", "pli ", "Plis"]
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
    await stamp(w, proposed["destruction_id"])
    await w.call("POST", f"/destructions/{proposed['destruction_id']}/confirmation", BUYER, expect=200)
    hold = {"reason": "Recours."}
    await w.call("PUT", f"/consultations/{w.procedure}/retention-hold", BUYER, expect=204, json=hold)
    await w.h.settle()
    (again,) = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    assert (again["state"], again["record"]) == ("proposed", None)


async def contracted(service_harness: HarnessFactory, **changes: Any) -> tuple[World, str]:
    """Give a consultation whose contract was signed and notified."""
    lot = Lot(
        lot_id="LOT-0001", title="Voirie", nature="works", cpv=["45233141"], duration_months=12, places=[Place(department="21")]
    ).model_copy(update=changes)  # fmt: skip
    w = await opened(service_harness, ALPHA, BETA, lots=[lot])
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    body = award_body(w.bids[ALPHA], list(w.bids.values()))
    contract = (await w.call("POST", path, BUYER, expect=201, json=body))["contract_id"]
    early = {"ended_on": w.h.clock.now().date().isoformat()}
    await w.call("PUT", f"/contracts/{contract}/end-of-performance", BUYER, expect=409, json=early)
    await notified(w, contract, ALPHA)
    return w, contract


async def end(w: World, contract: str, *, expect: int = 200, who: str = BUYER, **body: Any) -> Any:
    return await w.call("PUT", f"/contracts/{contract}/end-of-performance", who, expect=expect, json=body)


async def test_papers_of_works_are_destroyed_ten_years_after_their_end_with_the_archivists_visa(
    service_harness: HarnessFactory,
) -> None:
    w, contract = await contracted(service_harness)
    w.h.clock.advance(timedelta(days=365))
    done = w.h.clock.now().date()
    for wrong in ({"ended_on": "2026-03-01"}, {"ended_on": (done + timedelta(days=1)).isoformat()},
                  {"ended_on": done.isoformat(), "years": 5}):  # fmt: skip
        await end(w, contract, expect=422, **wrong)
    await end(w, contract, expect=404, who=OTHER_BUYER, ended_on=done.isoformat())
    await end(w, contract, expect=403, who=ALPHA, ended_on=done.isoformat())
    assert (await end(w, contract, ended_on=done.isoformat()))["years"] == 10
    w.h.clock.advance(timedelta(days=9 * 365))
    bids = await proposed_now(w)
    assert (bids["contract_id"], await service.propose(w.h.runtime)) == (None, 0)
    w.h.clock.advance(timedelta(days=370))
    papers = await proposed_now(w)
    assert papers["contract_id"] == contract
    listed = await content(w, papers["destruction_id"])
    assert [each.split(";")[0] for each in listed[1:4]] == [
        f"marché 2026-EAU-01, {form}"
        for form in ("acte d'engagement établi", "signé par le titulaire", "signé par les deux parties")
    ]
    pdf = await w.call("GET", f"/contracts/{contract}/document", BUYER, expect=200)
    assert sha256(pdf).hexdigest() in listed[3]
    confirmation = f"/destructions/{papers['destruction_id']}/confirmation"
    await w.call("POST", confirmation, BUYER, expect=409)
    await stamp(w, papers["destruction_id"])
    await w.call("POST", confirmation, BUYER, expect=200)
    await w.h.settle()
    gone = (await w.call("GET", "/destructions", BUYER, expect=200))["items"][0]
    assert (gone["state"], len(gone["record"]["files"])) == ("done", 3)
    assert gone["record"]["visa"]["reference"] == "AD21-2031-118"
    assert sha256(pdf).hexdigest() in str(gone["record"])
    for who in (BUYER, ALPHA):
        problem = await w.call("GET", f"/contracts/{contract}/document", who, expect=404)
        assert problem["type"] == "urn:halles:problem:destroyed"
    assert (await content(w, papers["destruction_id"]))[1].startswith("Pièces du marché")
    await end(w, contract, expect=409, ended_on=done.isoformat())


async def test_papers_that_the_archivist_keeps_or_an_appeal_holds_are_not_destroyed(
    service_harness: HarnessFactory,
) -> None:
    w, contract = await contracted(service_harness, nature="services", cpv=["65100000"])
    w.h.clock.advance(timedelta(days=60))
    first = w.h.clock.now().date() - timedelta(days=30)
    assert (await end(w, contract, ended_on=first.isoformat()))["years"] == 5
    w.h.clock.advance(timedelta(days=5 * 365 - 28))
    hold = f"/consultations/{w.procedure}/retention-hold"
    await w.call("PUT", hold, BUYER, expect=204, json={"reason": "Litige sur le décompte."})
    assert await service.propose(w.h.runtime) == 0
    await w.call("DELETE", hold, BUYER, expect=204)
    assert await service.propose(w.h.runtime) == 2, "the bids, and the papers"
    corrected = await end(w, contract, ended_on=(first + timedelta(days=10)).isoformat())
    assert corrected["years"] == 5
    left = (await w.call("GET", "/destructions", BUYER, expect=200))["items"]
    assert [each["contract_id"] for each in left] == [None]
    w.h.clock.advance(timedelta(days=10))
    papers = await proposed_now(w)
    await stamp(w, papers["destruction_id"], decision="keep", reference="AD21-2031-119")
    refused = await w.call("POST", f"/destructions/{papers['destruction_id']}/confirmation", BUYER, expect=409)
    assert "AD21-2031-119" in refused["detail"]
    assert (await w.call("GET", f"/contracts/{contract}/document", BUYER, expect=200)).startswith(b"%PDF")


async def test_bids_of_rounds_wait_for_the_last_signature_of_their_procedure(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, BETA)
    await select(w, ALPHA, BETA)
    r = await offers_opened(w, await call(w, "tender"), ALPHA, BETA)
    w.h.clock.advance(timedelta(days=6 * 365))
    assert await service.propose(w.h.runtime) == 0, "no lot is awarded"
    path = f"/consultations/{r.procedure}/lots/LOT-0001/award"
    body = award_body(r.bids[ALPHA], list(r.bids.values()))
    contract = (await r.call("POST", path, BUYER, expect=201, json=body))["contract_id"]
    await notified(r, contract, ALPHA)
    await ended(w)
    w.h.clock.advance(timedelta(days=5 * 365 - 10))
    assert await service.propose(w.h.runtime) == 0
    w.h.clock.advance(timedelta(days=20))
    hold = {"reason": "Recours."}
    await w.call("PUT", f"/consultations/{w.procedure}/retention-hold", BUYER, expect=204, json=hold)
    assert await service.propose(w.h.runtime) == 0, "a hold on a procedure is one on its rounds"
    await w.call("DELETE", f"/consultations/{w.procedure}/retention-hold", BUYER, expect=204)
    assert await service.propose(w.h.runtime) == 2
