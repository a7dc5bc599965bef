"""Bids sealed by the platform as they arrive: opened like the others, refused where the buyer says so, told on the receipt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages.notices import OpeningRules
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing import hardening
from services.bids.sealing.receipt import Receipt
from services.bids.uploads import receiving
from tests.api.bids.bids_world import BUYER, World, world
from tests.api.bids.uploads.uploads_world import ALPHA, Uploads, broken

CONTENT = os.urandom(700_000)


async def announce(w: World, sizes: list[int], *, expect: int = 201) -> Any:  # noqa: ANN401  # JSON
    files = [{"name": f"offre-{number}.pdf", "size": size} for number, size in enumerate(sizes, 1)]
    body = {"sealed_by": "platform", "envelopes": [{"kind": "offer", "lots": ["LOT-0001"], "files": files}]}
    return await w.call("POST", f"/consultations/{w.procedure}/bids", ALPHA, expect=expect, json=body)


async def test_a_bid_sealed_on_the_fly_is_opened_like_any_other(
    service_harness: HarnessFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving.Receiver.receive, "__kwdefaults__", {"cut": 256 * 1024})
    w = await world(service_harness)
    bid = (await announce(w, [len(CONTENT), 0, 100_000]))["bid_id"]
    u = Uploads(w, UUID(bid), [len(CONTENT), 0, 100_000])
    address = await u.create()
    await broken(u, address, 0, CONTENT[:300_000])
    assert await u.offset(address) == 300_000
    assert (await w.call("POST", f"/bids/{bid}/deposit", ALPHA, expect=422, json={}))["errors"]
    assert (await u.patch(address, 300_000, CONTENT[300_000:])).offset == len(CONTENT)
    await u.create(file=2)
    halves = []
    for start in (50_000, 0):
        part = await u.create(50_000, file=3, headers={"Upload-Concat": "partial"})
        await u.patch(part, 0, CONTENT[start : start + 50_000])
        halves.append(part)
    joined = await u.ask("POST", u.endpoint(3), {"Upload-Concat": f"final;{halves[1]} {halves[0]}"})
    assert joined.status == 201, joined.body

    receipt = await w.call("POST", f"/bids/{bid}/deposit", ALPHA, expect=201, json={})
    assert receipt["statement"]["sealed_by"] == "platform"
    assert [each["size"] for each in receipt["statement"]["documents"]][1] == 16
    again = await w.call("POST", f"/bids/{bid}/deposit", ALPHA, expect=201, json={})
    assert Receipt.model_validate(again).statement == Receipt.model_validate(receipt).statement
    assert (await u.ask("POST", u.endpoint(), {"Upload-Length": str(len(CONTENT))})).status == 409
    assert (await u.ask("DELETE", address)).status == 409
    for number, plain in ((1, CONTENT), (3, CONTENT[:100_000])):
        assert plain[:1000] not in await u.stored(number)

    w.bids[ALPHA] = UUID(bid)
    opening = (await w.open_all())["opening_id"]
    for number, plain in ((1, CONTENT), (2, b""), (3, CONTENT[:100_000])):
        path = f"/openings/{opening}/bids/{bid}/files/{number}"
        assert await w.call("GET", path, BUYER, expect=200) == plain


async def test_a_consultation_may_want_bids_sealed_by_their_bidder(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, rules=OpeningRules(platform_sealing=False))
    refused = await announce(w, [10], expect=422)
    assert [each["where"] for each in refused["errors"]] == ["body/sealed_by"]


async def test_what_could_keep_a_trace_of_plaintext_is_told(tmp_path: Path) -> None:
    table = tmp_path / "swaps"
    table.write_text("Filename Type Size Used Priority\n")
    assert not hardening.swap_on(table)
    table.write_text("Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n")
    assert hardening.swap_on(table)
    assert not hardening.swap_on(tmp_path / "none")
    assert hardening.allocator_set() or any("freed memory" in each for each in hardening.warnings())
