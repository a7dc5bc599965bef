"""Deputies: an absent officer's shares, sealed again and signed by him, taken and served by the platform; they open nothing."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common.messages.notices import OpeningKey
from libs.common.testing.plugin import HarnessFactory
from services.bids import sealing
from services.bids.sealing import EnvelopeError, OfficerKey, ShareRequest
from services.bids.sealing.resealing import ResealedShares, hand_over, key_digest, open_resealed
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, ROOTS, World, world

ALPHA = "SIRET:55210025400001"


async def begun(service_harness: HarnessFactory) -> tuple[World, str]:
    """Give a world with a bid, whose opening began with the first officer present."""
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    opening = str((await w.start_opening())["opening_id"])
    await w.present(opening, w.officers[0])
    return w, opening


async def resealed(w: World, opening: str, officer: OfficerKey, deputy: OpeningKey) -> ResealedShares:
    asked = await w.call("GET", f"/openings/{opening}/shares?officer={officer.officer}", BUYER, expect=200)
    request = ShareRequest.model_validate(asked)
    return hand_over(request, officer, deputy, ROOTS, at=w.h.runtime.clock.now())


async def hand_in(w: World, opening: str, told: ResealedShares, *, expect: int, who: str = BUYER) -> Any:  # noqa: ANN401
    body = told.model_dump(mode="json")
    return await w.call("POST", f"/openings/{opening}/deputies", who, expect=expect, json=body)


async def test_a_deputy_fetches_from_the_platform_what_the_officer_sealed_to_him_and_stands_in(
    service_harness: HarnessFactory,
) -> None:
    w, opening = await begun(service_harness)
    deputy = sealing.generate("adjoint")
    view = await hand_in(w, opening, await resealed(w, opening, w.officers[1], deputy.public), expect=201)
    assert (view["officer"], view["deputy_key_sha256"]) == ("officier-2", key_digest(deputy.public))
    listed = await w.call("GET", f"/openings/{opening}/deputies", BUYER, expect=200)
    assert [each["deputy"] for each in listed["items"]] == ["adjoint"]
    await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    path = f"/openings/{opening}/deputies/shares?officer=officier-2"
    told = ResealedShares.model_validate(await w.call("GET", path, BUYER, expect=200))
    opened = open_resealed(told, deputy, ROOTS, keys=w.notice.opening).model_dump(mode="json")
    await w.call("POST", f"/openings/{opening}/shares", BUYER, expect=201, json=opened)
    report = (await w.complete(opening))["report"]
    assert [each["deputy"] for each in report["officers"]] == [None, "adjoint"]
    assert len(report["opened"]) == 1
    await w.call("GET", path, BUYER, expect=409)
    async with w.h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM resealed WHERE paper IS NOT NULL") == 0


async def test_resealed_shares_open_nothing_by_themselves(service_harness: HarnessFactory) -> None:
    w, opening = await begun(service_harness)
    told = await resealed(w, opening, w.officers[1], sealing.generate("adjoint").public)
    await hand_in(w, opening, told, expect=201)
    await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    as_opened = {
        "officer": "officier-2",
        "deputy": "adjoint",
        "shares": [
            {key: value for key, value in each.model_dump(mode="json").items() if key not in {"sealed", "commitment"}}
            | {"share": each.sealed}
            for each in told.request.shares
        ],
    }
    refused = await w.call("POST", f"/openings/{opening}/shares", BUYER, expect=422, json=as_opened)
    assert refused["type"] == "urn:halles:problem:wrong-shares"
    seen = await w.call("GET", f"/openings/{opening}", BUYER, expect=200)
    assert [each["presented_at"] is not None for each in seen["officers"]] == [True, False, False]


async def test_an_operator_who_swaps_the_deputys_key_is_refused_and_found(service_harness: HarnessFactory) -> None:
    """He has all the platform has, and a key of his own with its proof; he has no officer's key."""
    w, opening = await begun(service_harness)
    deputy, his = sealing.generate("adjoint"), sealing.generate("adjoint")
    asked = await w.call("GET", f"/openings/{opening}/shares?officer=officier-2", BUYER, expect=200)
    request, read_out = ShareRequest.model_validate(asked), key_digest(deputy.public)
    with pytest.raises(EnvelopeError, match="not the one he read out"):
        hand_over(request, w.officers[1], his.public, ROOTS, at=w.h.runtime.clock.now(), deputy_digest=read_out)
    true = await resealed(w, opening, w.officers[1], deputy.public)
    swapped = true.model_copy(update={"deputy_key": his.public})
    forged = swapped.model_copy(update={"signature": his.sign(swapped.signed)})
    for each in (swapped, forged):
        refused = await hand_in(w, opening, each, expect=422)
        assert "reseal" in refused["detail"]
    await hand_in(w, opening, true, expect=201)
    async with w.h.runtime.uow() as uow:  # past all checks, in the database itself
        await uow.conn.execute("UPDATE resealed SET paper = $1", forged.model_dump(mode="json"))
    path = f"/openings/{opening}/deputies/shares?officer=officier-2"
    served = ResealedShares.model_validate(await w.call("GET", path, BUYER, expect=200))
    with pytest.raises(EnvelopeError, match="tell the officer"):
        open_resealed(served, deputy, ROOTS)
    with pytest.raises(EnvelopeError, match="another key"):
        open_resealed(served, his, ROOTS, keys=w.notice.opening)
    opened = open_resealed(served, his, ROOTS)
    assert all(each.share is None for each in opened.shares), "they were never sealed to him"


async def test_what_is_not_of_this_officer_and_opening_is_refused_and_changes_nothing(
    service_harness: HarnessFactory,
) -> None:
    w, opening = await begun(service_harness)
    deputy = sealing.generate("adjoint").public
    good = await resealed(w, opening, w.officers[1], deputy)

    def signed(told: ResealedShares, **changes: Any) -> ResealedShares:  # noqa: ANN401
        made = told.model_copy(update={"request": told.request.model_copy(update=changes), "signature": ""})
        return made.model_copy(update={"signature": w.officers[1].sign(made.signed)})

    statement = good.request.statement.model_copy(update={"nonce": "0" * 64})
    for wrong in (signed(good, statement=statement), signed(good, shares=()), signed(good, officer="officier-3")):
        await hand_in(w, opening, wrong, expect=422)
    await hand_in(w, opening, signed(good, officer="inconnu"), expect=404)
    await hand_in(w, opening, good, expect=404, who=OTHER_BUYER)
    assert (await w.call("GET", f"/openings/{opening}/deputies", BUYER, expect=200))["items"] == []
    await w.present(opening, w.officers[1])
    refused = await hand_in(w, opening, good, expect=409)
    assert refused["type"] == "urn:halles:problem:officer-present"
    await w.call("GET", f"/openings/{opening}/deputies/shares?officer=officier-3", BUYER, expect=404)
