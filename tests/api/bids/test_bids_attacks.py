"""Attacks and accidents that issue 5 names and that no other file of tests holds (table: docs/sealing.md, section 7)."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from libs.common.testing.plugin import HarnessFactory
from services.bids import sealing
from services.bids.sealing import EnvelopeError, SealingError, check_key_set
from services.bids.sealing.client import deposit
from services.bids.sealing.receipt import Receipt, verify_receipt
from services.bids.sealing.rehearsal import rehearse
from tests.api.bids.bids_world import BUYER, ROOTS, World, notice, offer, world
from tests.api.bids.test_bids_tools import bid_of
from tests.api.bids.uploads.api_process import ApiProcess, api_processes
from tests.api.bids.uploads.uploads_world import MEDIA, Mode, Uploads, open_world, uploads

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
DATA = os.urandom(300_000)


def room(process: ApiProcess, size: int) -> None:
    """Let a process and its children write files of so many bytes only (setrlimit(2): EFBIG, as ENOSPC would be)."""
    for each in process.family():
        resource.prlimit(each, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def patch(u: Uploads, process: ApiProcess, address: str, offset: int) -> int:
    headers = {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company") | MEDIA | {"Upload-Offset": str(offset)}
    async with aiohttp.ClientSession() as client:
        try:
            async with client.patch(process.url + address, headers=headers, data=DATA[offset:]) as answer:
                return answer.status
        except (aiohttp.ClientError, ConnectionError):
            return 0


@pytest.mark.parametrize("mode", ["bidder", "platform"])
async def test_a_disk_full_at_any_byte_loses_nothing_and_gives_no_receipt(mode: Mode, database_url: str) -> None:
    async with open_world(database_url, upload_expiry=timedelta(days=3650)) as w, api_processes(w, 1) as (process,):
        for size in (1, 65_536, len(DATA) - 1):
            u = await uploads(w, [len(DATA)], mode)
            address = await u.create()
            room(process, size)
            assert await patch(u, process, address, 0) != 204
            offset = await u.offset(address)
            assert offset < len(DATA)
            receipt = await u.ask("POST", f"/bids/v1/bids/{u.bid}/deposit", json={"envelopes": []})
            assert (receipt.status, b"statement" in receipt.body) == (422, False)
            room(process, resource.RLIM_INFINITY)
            assert await patch(u, process, address, offset) == 204
            if mode == "bidder":
                assert await u.stored() == DATA


@asynccontextmanager
async def database_away(w: World) -> AsyncIterator[None]:
    """Have the server end the service's connections, and take none."""
    settings = w.h.runtime.settings
    name = urlsplit(settings.database_urls["bids"]).path.lstrip("/")
    conn = await asyncpg.connect(settings.database_url)
    try:
        await conn.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
    finally:
        await conn.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        await conn.close()


async def test_the_database_away_at_the_finalisation_gives_no_false_receipt(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    contents = [offer([b"whole"])]
    bid = (await w.draft_all(ALPHA, contents))["bid_id"]
    sealed = await asyncio.to_thread(w.seal_all, UUID(bid), contents)
    await w.upload(ALPHA, bid, sealed)
    async with database_away(w):
        refused = await w.finish(ALPHA, bid, sealed, expect=503)
        assert "statement" not in refused
    await w.call("GET", f"/bids/{bid}/receipt", ALPHA, expect=404)
    receipt = Receipt.model_validate(await w.finish(ALPHA, bid, sealed))
    assert verify_receipt(receipt, ROOTS)
    await w.h.settle()
    assert len(w.h.events("bids.bid.deposited.v1")) == 1


async def test_an_operator_who_swaps_an_officers_key_is_found_by_bidders_and_officers(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    """He serves a key set of his own making, well formed and with proofs: only the published fingerprint tells."""
    w = await world(service_harness)
    published = w.notice.opening
    assert published is not None
    mine = [sealing.generate(each.officer) for each in w.officers]
    swapped = sealing.key_set(2, [each.public for each in mine])
    check_key_set(swapped)
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE consultation SET keys = $1", swapped.model_dump(mode="json"))
    served = await w.call("GET", f"/consultations/{w.procedure}", ALPHA, expect=200)
    assert served["opening"]["fingerprint"] == swapped.fingerprint
    with pytest.raises(SealingError, match="published notice"):
        await deposit(bid_of(w, tmp_path, fingerprint=published.fingerprint), tmp_path / "sealed")
    with pytest.raises(EnvelopeError, match="not the one in this file"):
        rehearse(w.officers[0], w.procedure, swapped, w.h.runtime.clock.now())
    hidden = swapped.model_copy(update={"fingerprint": published.fingerprint})
    with pytest.raises(EnvelopeError):
        check_key_set(hidden)


async def test_an_officer_removed_after_deposits_opens_what_was_sealed_to_him_and_nothing_else(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"sealed to the three"])
    removed, staying = w.officers[2], w.officers[:2]
    event = notice(w.procedure, staying, 2, notice_id=w.notice.notice_id, version=2)
    await w.h.deliver(event)
    w.notice = event.notice
    await w.deposit(BETA, [b"sealed to the two"])
    async with w.h.runtime.read() as conn:
        papers = await conn.fetch("SELECT bid, content::text AS paper FROM envelope WHERE content IS NOT NULL")
    holds = {each["bid"]: f'"{removed.officer}"' in each["paper"] for each in papers}
    assert holds == {w.bids[ALPHA]: True, w.bids[BETA]: False}
    first = await w.open_all([removed, staying[0]])
    assert [each["depositor"] for each in first["report"]["opened"]] == [ALPHA]
    second = await w.start_opening()
    path = f"/openings/{second['opening_id']}/shares"
    await w.call("GET", f"{path}?officer={removed.officer}", BUYER, expect=404)
    body = {"officer": removed.officer, "shares": []}
    await w.call("POST", path, BUYER, expect=404, json=body)
