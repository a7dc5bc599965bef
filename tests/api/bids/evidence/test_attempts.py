"""Attempts are drawn from the facts of the evidence: each request of an upload, deposit and withdrawal, and how it ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, World, offer, world
from tests.api.bids.uploads.uploads_world import ALPHA, Uploads, told


async def attempts(w: World, bid: str) -> list[tuple[Any, ...]]:
    listed = (await w.call("GET", f"/bids/{bid}/attempts", ALPHA, expect=200))["items"]
    return [(each["kind"], each["outcome"], each["bytes"], each["last_byte_at"] is not None) for each in listed]


async def test_attempts_and_the_register_tell_what_the_facts_tell(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    contents = [offer([b"x" * 1000])]
    bid = (await w.draft_all(ALPHA, contents))["bid_id"]
    sealed = w.seal_all(UUID(bid), contents)
    (data,) = sealed.ciphertexts
    u = Uploads(w, UUID(bid), [len(data)])
    given_up = await u.create()
    assert await attempts(w, bid) == [], "announced, no byte came"
    assert (await u.patch(given_up, 0, data[:300])).status == 204
    assert await attempts(w, bid) == [("upload", "complete", 300, True)]
    assert (await u.ask("DELETE", given_up)).status == 204
    address = await u.create()
    assert (await u.patch(address, 0, data[:400])).status == 204
    assert (await u.patch(address, 400, data[400:500], told("sha256", b"other"))).status == 460
    assert (await u.patch(address, 400, data[400:])).status == 204
    await w.finish(ALPHA, bid, sealed)
    await w.call("POST", f"/bids/{bid}/withdrawal", ALPHA, expect=201)
    expected = [
        ("upload", "complete", 300, True),
        ("upload", "complete", 400, True),
        ("upload", "refused", 0, True),
        ("upload", "complete", len(data) - 400, True),
        ("deposit", "complete", len(data), True),
        ("withdrawal", "complete", 0, True),
    ]
    assert await attempts(w, bid) == expected
    await w.close()
    register = await w.call("GET", f"/consultations/{w.procedure}/register", BUYER, expect=200)
    assert [(each["kind"], each["outcome"]) for each in register["attempts"]] == [each[:2] for each in expected]
    assert {each["depositor"] for each in register["attempts"]} == {ALPHA}
    evidence = await w.call("GET", f"/bids/{bid}/evidence", ALPHA, expect=200)
    facts = {each["fact"]["id"] for each in evidence["facts"]}
    assert {each["attempt_id"] for each in register["attempts"]} <= facts, "each can be proved"
    async with w.h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM attempt") == 0
