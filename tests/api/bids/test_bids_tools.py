"""The bidder's tool deposits over HTTP what officers open with theirs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing.client import Deposit, RefusedError, deposit
from services.bids.sealing.errors import SealingError
from services.bids.sealing.folder import contents
from services.bids.sealing.receipt import Receipt, verify_receipt
from tests.api.bids.bids_world import BUYER, ROOTS, World, world

ALPHA = "SIRET:55210025400001"


def bid_of(w: World, folder: Path, **changes: str) -> Deposit:
    files = {name: os.urandom(size) for name, size in (("dume.xml", 3_000), ("one.pdf", 150_000), ("two.pdf", 0))}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    offers = [f"LOT-0001={folder / 'one.pdf'}", f"LOT-0002={folder / 'two.pdf'}"]
    token = w.h.headers(ALPHA, "company")["Authorization"].removeprefix("Bearer ")
    base = f"{w.h.client._base_url}bids/v1"
    papers = contents([folder / "dume.xml"], offers)
    return Deposit(base, token, w.procedure, "Alpha", papers, changes.get("fingerprint"))


async def test_the_tool_announces_seals_uploads_deposits_and_keeps_the_receipt(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    w = await world(service_harness)
    assert w.notice.opening is not None
    what = bid_of(w, tmp_path, fingerprint=w.notice.opening.fingerprint)
    receipt = Receipt.model_validate(await deposit(what, tmp_path / "sealed"))
    assert verify_receipt(receipt, ROOTS)
    assert [(each.kind, each.lots) for each in receipt.statement.envelopes] == [
        ("application", ("LOT-0001", "LOT-0002")), ("offer", ("LOT-0001",)), ("offer", ("LOT-0002",)),
    ]  # fmt: skip
    told = json.loads((tmp_path / "sealed" / "deposit.json").read_bytes())
    assert len(told["envelopes"]) == 3
    await w.open_all()
    offers = await w.open_stage()
    path = f"/openings/{offers['opening_id']}/bids/{receipt.statement.bid_id}/files"
    for number, name in ((2, "one.pdf"), (3, "two.pdf")):
        assert await w.call("GET", f"{path}/{number}", BUYER, expect=200) == (tmp_path / name).read_bytes()


async def test_the_tool_deposits_nothing_under_another_key_set_or_when_refused(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    w = await world(service_harness)
    with pytest.raises(SealingError, match="published notice"):
        await deposit(bid_of(w, tmp_path, fingerprint="0" * 64), tmp_path / "sealed")
    what = bid_of(w, tmp_path)
    wrong = Deposit(what.base, what.token, what.procedure, "", what.papers)
    with pytest.raises(RefusedError, match="depositor_name"):
        await deposit(wrong, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()
    assert (await w.call("GET", "/bids", ALPHA, expect=200))["items"] == []
