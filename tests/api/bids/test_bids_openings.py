"""Openings: not before the deadline, not with k-1 officers, not by others; whoever cheats is named."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.testing.harness import TestClock
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing import Envelope, SealedBid, ShareRequest, dealing, hpke, to_text
from tests.api.bids.bids_plunder import dump, plunder
from tests.api.bids.bids_world import AUTHORITY, BUYER, DEADLINE, OTHER_BUYER, World, application, offer, world

ALPHA, BETA, GAMMA = (f"SIRET:5521002540000{n}" for n in range(1, 4))


async def test_nothing_opens_before_the_deadline_or_for_others(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    w.h.clock.set(DEADLINE)
    refused = await w.start_opening(expect=409)
    assert "20 mars 2026 à 12:00:00" in refused["detail"]
    await w.close()
    path = f"/consultations/{w.procedure}/openings"
    await w.call("POST", path, ALPHA, expect=403, json={})
    await w.call("POST", path, OTHER_BUYER, expect=403, json={})
    await w.call("POST", path, None, expect=401, json={})
    opening = (await w.start_opening())["opening_id"]
    await w.start_opening(expect=409)
    for who in (OTHER_BUYER, ALPHA):
        await w.call("GET", f"/openings/{opening}", who, expect=404)
        await w.call("GET", f"/openings/{opening}/shares?officer=officier-1", who, expect=404)
        await w.call("POST", f"/openings/{opening}/completion", who, expect=404)
        await w.call(
            "POST", f"/openings/{opening}/shares", who, expect=404, json={"officer": "officier-1", "shares": []}
        )
    await w.call("GET", f"/openings/{opening}/shares?officer=intrus", BUYER, expect=404)
    await w.call("GET", f"/openings/{opening}/report.pdf", BUYER, expect=409)
    for officer in w.officers[:2]:
        await w.present(opening, officer)
    await w.complete(opening)
    file = f"/openings/{opening}/bids/{w.bids[ALPHA]}/files/1"
    assert await w.call("GET", file, BUYER, expect=200) == b"offer"
    for who in (OTHER_BUYER, ALPHA):
        await w.call("GET", file, who, expect=404)
        await w.call("GET", f"/consultations/{w.procedure}/register", who, expect=403)
    await w.call("GET", file, None, expect=401)
    await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    await w.start_opening(expect=409)


async def test_a_time_stamp_that_is_not_later_than_the_deadline_opens_nothing(service_harness: HarnessFactory) -> None:
    """The server's clock may be forward: the time stamp authority's is not moved with it."""
    slow = LocalTimestampAuthority(AUTHORITY.tsa, TestClock(DEADLINE - timedelta(hours=1)))
    w = await world(service_harness, tsa=lambda _: slow)
    await w.close()
    refused = await w.start_opening(expect=409)
    assert refused["type"] == "urn:halles:problem:before-deadline"


async def test_the_time_stamp_of_an_unknown_authority_opens_nothing(service_harness: HarnessFactory) -> None:
    stranger = TestAuthority.create()
    w = await world(service_harness, tsa=lambda clock: LocalTimestampAuthority(stranger.tsa, clock))
    await w.close()
    await w.start_opening(expect=409)


async def test_forged_missing_repeated_and_foreign_shares_are_named(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"alpha"])
    await w.deposit(BETA, [b"beta"])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    path = f"/openings/{opening}/shares"
    good = await w.opened_shares(opening, w.officers[0])
    theirs = await w.opened_shares(opening, w.officers[1])

    async def refused(body: dict[str, Any]) -> str:
        return json.dumps(await w.call("POST", path, BUYER, expect=422, json=body), ensure_ascii=False)

    def changed(index: int, **values: object) -> dict[str, Any]:
        shares = [dict(each) for each in good["shares"]]
        shares[index] |= values
        return good | {"shares": shares}

    forged = changed(1, share=to_text(os.urandom(32)))
    assert f"part fausse : pli {forged['shares'][1]['bid']}, enveloppe 1, partie 1" in await refused(forged)
    assert "part fausse" in await refused(changed(0, share=None))
    assert "part fausse" in await refused(theirs | {"officer": "officier-1"})
    assert "part manquante" in await refused(good | {"shares": good["shares"][:-1]})
    assert "répétée" in await refused(good | {"shares": [*good["shares"], good["shares"][0]]})
    assert "non demandée" in await refused(changed(0, bid=str(uuid4())))
    assert "autre ouverture" in await refused(good | {"opening": str(uuid4())})
    await w.call("POST", path, BUYER, expect=404, json=good | {"officer": "intrus"})
    view = await w.call("GET", f"/openings/{opening}", BUYER, expect=200)
    assert [each["presented_at"] for each in view["officers"]] == [None] * 3
    await w.call("POST", path, BUYER, expect=201, json=good)
    await w.call("POST", path, BUYER, expect=409, json=good)
    refusal = await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    assert "Il manque 1 officier(s) : 1 présent(s), 2 nécessaires" in refusal["detail"]
    assert "officier-2, officier-3" in refusal["detail"]


async def test_superseded_withdrawn_and_late_bids_are_never_asked_of_officers(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"first"])
    first = w.bids[ALPHA]
    await w.deposit(ALPHA, [b"second"])
    await w.deposit(BETA, [b"gone"])
    await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=201)
    await w.draft(GAMMA, [b"never deposited"])
    await w.close()
    await w.deposit(GAMMA, [b"late"])
    opening = (await w.start_opening())["opening_id"]
    request = ShareRequest.model_validate(
        await w.call("GET", f"/openings/{opening}/shares?officer=officier-1", BUYER, expect=200)
    )
    assert {each.bid for each in request.shares} == {w.bids[ALPHA]}
    for officer in w.officers[1:]:
        await w.present(opening, officer)
    report = (await w.complete(opening))["report"]
    assert [len(report[part]) for part in ("opened", "superseded", "withdrawn", "late", "unreadable")] == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert [each["officer"] for each in report["officers"]] == ["officier-2", "officier-3"]
    for bid in (first, w.bids[BETA], w.bids[GAMMA]):
        await w.call("GET", f"/openings/{opening}/bids/{bid}/files/1", BUYER, expect=404)
    await w.deposit(ALPHA, [b"after the close"])  # received and kept, marked late
    register = await w.call("GET", f"/consultations/{w.procedure}/register", BUYER, expect=200)
    assert [each["standing"] for each in register["deposits"]] == [
        "superseded", "counts", "withdrawn", "late", "late",
    ]  # fmt: skip
    assert {each["kind"] for each in register["attempts"]} == {"upload", "deposit", "withdrawal"}
    table = (await w.call("GET", f"/consultations/{w.procedure}/register.csv", BUYER, expect=200)).decode("utf-8-sig")
    assert table.count("\r\n") == 6
    assert "hors délai" in table
    async with w.h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM presence WHERE shares IS NOT NULL") == 0


async def test_an_opening_without_bids_is_reported(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    completed = await w.open_all()
    assert completed["report"]["opened"] == []
    await w.h.settle()
    (event,) = w.h.events("bids.opening.completed.v1")
    assert event.data["opened"] == 0
    assert event.data["report_sha256"] == completed["report_sha256"]


async def misdealt(w: World, company: str, content: bytes) -> UUID:
    """Deposit a bid whose third officer gets a share that opens to something else."""
    draft = await w.draft(company, [content])
    bid = UUID(draft["bid_id"])
    sealed = w.seal(bid, [content])
    (envelope,) = sealed.envelopes
    name = envelope.name.segment(1, 1)
    off = os.urandom(32)
    changed = envelope.model_dump(mode="json")
    share = changed["files"][0]["segments"][0]["shares"][2]
    recipient = w.officers[2].private.public_key().public_bytes_raw()
    info = name.context("share", "officier-3")
    share["sealed"] = to_text(hpke.seal(off, recipient, info=info, seed=os.urandom(32)))
    share["commitment"] = dealing._share_commitment(off, name, "officier-3")
    await w.upload(company, str(bid), sealed)
    await w.finish(company, str(bid), SealedBid((Envelope.model_validate(changed),), sealed.ciphertexts))
    return bid


async def test_a_bid_badly_dealt_is_reported_with_proof_whoever_opens(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    bad = await misdealt(w, ALPHA, b"hedged offer")
    await w.deposit(BETA, [b"honest offer"])
    completed = await w.open_all(w.officers[:2])  # the third officer, whose share is wrong, is not even there
    (found,) = completed["report"]["unreadable"]
    assert (found["bid"], found["fault"], found["proof"]["officers"]) == (str(bad), "bidder", ["officier-3"])
    assert set(found["proof"]["shares"]) == {"officier-1", "officier-2"}
    (honest,) = completed["report"]["opened"]
    assert (honest["depositor"], honest["lots"]) == (BETA, ["LOT-0001"])


async def test_ciphertext_altered_in_storage_is_the_platforms_fault_and_said_so(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer" * 1000])
    await w.deposit(BETA, [b"other"])
    for number, company in enumerate((ALPHA, BETA)):
        folder = w.h.runtime.settings.data_dir / "storage" / "bids" / "sealed" / str(w.bids[company])
        (path,) = [each for each in folder.rglob("*") if each.is_file()]
        if number == 0:
            content = bytearray(path.read_bytes())
            content[100] ^= 1
            path.write_bytes(bytes(content))
        else:
            path.unlink()
    report = (await w.open_all())["report"]
    assert {each["fault"] for each in report["unreadable"]} == {"platform"}
    assert len(report["unreadable"]) == 2


async def test_a_dump_of_everything_and_all_but_one_officer_recover_nothing(service_harness: HarnessFactory) -> None:
    """k-1 colluding officers, the operator, the whole database and the whole storage: a script tries everything it can.

    One of the k-1 has presented himself, so that opened shares lie in the database too. With one key more the same script
    opens every segment.
    """
    w = await world(service_harness, threshold=3, officers=4, recovery=1)
    secret_offer = b"montant secret 123456 EUR"
    await w.deposit_all(ALPHA, [application([b"dume"]), offer([secret_offer])])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    await w.present(opening, w.officers[0])
    loot = await dump(w)
    everything = b"\n".join([*loot.rows, *loot.objects])
    assert len(loot.rows) > 10
    assert len(loot.objects) == 2
    assert secret_offer not in everything
    assert sha256(secret_offer).hexdigest().encode() not in everything
    for colluding in (w.officers[:2], [w.officers[0], w.officers[4]]):
        assert plunder(loot, colluding) == []
    assert secret_offer in plunder(loot, w.officers[1:4])


async def test_a_bid_recorded_after_the_opening_began_makes_it_begin_again(service_harness: HarnessFactory) -> None:
    """A deposit whose last byte came in time may be recorded while the opening starts: it is not left out."""
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    await w.deposit(BETA, [b"slow"])
    await w.close()
    async with w.h.runtime.read() as conn:
        await conn.execute("UPDATE bid SET procedure = procedure, depositor = $1 WHERE id = $2", ALPHA, w.bids[BETA])
        opening = (await w.start_opening())["opening_id"]
        await conn.execute("UPDATE bid SET depositor = $1 WHERE id = $2", BETA, w.bids[BETA])
    for officer in w.officers[:2]:
        await w.present(opening, officer)
    refused = await w.call("POST", f"/openings/{opening}/completion", BUYER, expect=409)
    assert "recommencez l'ouverture" in refused["detail"]
    again = (await w.start_opening())["opening_id"]
    await w.call("GET", f"/openings/{opening}/shares?officer=officier-1", BUYER, expect=409)
    for officer in w.officers[:2]:
        await w.present(again, officer)
    report = (await w.complete(again))["report"]
    assert len(report["opened"]) == 2


async def test_an_officer_who_claims_bad_shares_cannot_make_a_bid_unreadable_alone(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    opening = (await w.start_opening())["opening_id"]
    path = f"/openings/{opening}"
    lies = await w.opened_shares(opening, w.officers[0])
    lies["shares"][1] |= {"share": None, "problem": "does not open"}
    await w.call("POST", f"{path}/shares", BUYER, expect=201, json=lies)
    await w.present(opening, w.officers[1])
    refused = await w.call("POST", f"{path}/completion", BUYER, expect=409)
    assert "inutilisables" in refused["detail"]
    assert "officier-3" in refused["detail"]
    await w.present(opening, w.officers[2])
    report = (await w.complete(opening))["report"]
    assert (len(report["opened"]), report["unreadable"]) == (1, [])


async def test_a_bid_whose_shares_no_officer_can_use_is_reported_with_their_claims(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
    garbage = sealed.envelopes[0].model_dump(mode="json")
    for share in garbage["files"][0]["segments"][0]["shares"]:
        share["sealed"] = to_text(os.urandom(80))
    await w.upload(ALPHA, draft["bid_id"], sealed)
    await w.finish(ALPHA, draft["bid_id"], SealedBid((Envelope.model_validate(garbage),), sealed.ciphertexts))
    (found,) = (await w.open_all(w.officers))["report"]["unreadable"]
    assert found["fault"] == "officers or bidder"
    assert {each["officer"] for each in found["proof"]["claims"]} == {each.officer for each in w.officers}
