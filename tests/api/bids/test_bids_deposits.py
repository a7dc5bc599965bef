"""Deposits: receipts, secrecy, lies about lengths and hashes, replacement, withdrawal, lateness, evidence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from prometheus_client import REGISTRY

from libs.common.messages.notices import OpeningRules
from libs.common.testing.plugin import HarnessFactory
from libs.common.timestamp import TimestampAuthority
from services.bids import sealing
from services.bids.jobs import complete_evidence
from services.bids.sealing.receipt import Receipt, verify_receipt
from tests.api.bids.bids_world import (
    BUYER,
    DEADLINE,
    OTHER_BUYER,
    ROOTS,
    AbsentAuthority,
    World,
    application,
    notice,
    offer,
    world,
)

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"


async def test_the_receipt_has_the_five_legal_items(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    receipt = Receipt.model_validate(await w.deposit(ALPHA, [b"one", b"two" * 30_000]))
    told = receipt.statement
    assert (told.depositor.organisation, told.depositor.name) == (ALPHA, "Entreprise 0001")
    assert (told.buyer.organisation, told.buyer.name) == (BUYER, "Communauté de communes du Val d'Ouche")
    assert (told.title, told.object) == ("Exploitation du service de l'eau", "Entretien et relève")
    assert told.received_at == w.h.clock.now()
    assert [(each.name, each.size) for each in told.documents] == [
        ("pli-1.bin", sealing.sealed_size(3)), ("pli-2.bin", sealing.sealed_size(90_000)),
    ]  # fmt: skip
    assert w.notice.opening is not None
    assert told.key_fingerprint == w.notice.opening.fingerprint
    assert (receipt.timestamp, verify_receipt(receipt, ROOTS)) == ("stamped", w.h.clock.now())
    bid = w.bids[ALPHA]
    assert Receipt.model_validate(await w.call("GET", f"/bids/{bid}/receipt", ALPHA, expect=200)) == receipt
    assert (await w.call("GET", f"/bids/{bid}/receipt.pdf", ALPHA, expect=200)).startswith(b"%PDF-")
    text = (await w.call("GET", f"/bids/{bid}/receipt.txt", ALPHA, expect=200)).decode()
    for item in (told.depositor.name, told.buyer.name, told.title, "10:00:00", *(d.sha256 for d in told.documents)):
        assert item in text


async def test_a_deposit_asked_again_gives_the_same_receipt_and_no_second_event(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.upload(ALPHA, draft["bid_id"], sealed)
    first, twin = await asyncio.gather(
        w.finish(ALPHA, draft["bid_id"], sealed), w.finish(ALPHA, draft["bid_id"], sealed)
    )
    assert first["statement"] == twin["statement"]
    w.h.clock.advance(timedelta(minutes=1))
    first = await w.call("GET", f"/bids/{draft['bid_id']}/receipt", ALPHA, expect=200)
    assert await w.finish(ALPHA, draft["bid_id"], sealed) == first
    other = w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.finish(ALPHA, draft["bid_id"], other, expect=409)
    await w.send(ALPHA, draft["bid_id"], 1, other.ciphertexts[0], expect=409)
    await w.h.settle()
    assert len(w.h.events("bids.bid.deposited.v1")) == 1


async def test_nobody_but_the_depositor_learns_of_a_deposit(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    before = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    await w.deposit(ALPHA, [b"offer"])
    bid = w.bids[ALPHA]
    for who in (BETA, BUYER, OTHER_BUYER):
        for path in ("", "/receipt", "/receipt.pdf", "/attempts"):
            await w.call("GET", f"/bids/{bid}{path}", who, expect=404)
        await w.call("POST", f"/bids/{bid}/withdrawal", who, expect=404 if who == BETA else 403)
    assert await w.call("GET", f"/consultations/{w.procedure}", None, expect=200) == before
    assert await w.call("GET", f"/consultations/{w.procedure}", BUYER, expect=200) == before
    await w.call("GET", "/bids", BUYER, expect=403)
    await w.call("GET", f"/consultations/{w.procedure}/register", BUYER, expect=409)
    await w.call("GET", f"/bids/{bid}", None, expect=401)
    assert (await w.call("GET", "/bids", BETA, expect=200))["items"] == []
    await w.h.settle()
    (event,) = w.h.events("bids.bid.deposited.v1")
    assert (event.organisation, event.buyer) == (ALPHA, BUYER)
    for who, kind in ((BUYER, "buyer"), (BETA, "company"), (ALPHA, "company")):
        async with w.h.client.get("/bids/v1/events", headers=w.h.headers(who, kind)) as answer:
            told = [each["type"] for each in (await answer.json())["events"]]
            assert ("bids.bid.deposited.v1" in told) == (who == ALPHA)


def announced(files: list[tuple[str, int]], *lots: str) -> dict[str, Any]:
    told = [{"name": name, "size": size} for name, size in files]
    return {"envelopes": [{"kind": "offer", "lots": list(lots), "files": told}]}


async def test_lies_about_length_keep_nothing(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    bid = draft["bid_id"]
    sealed = w.seal(UUID(bid), [b"offer"])
    data = sealed.ciphertexts[0]

    async def stream(content: bytes) -> AsyncIterator[bytes]:
        yield content

    for lie, status in ((data + b"x", 413), (data[:-1], 400), (b"", 400)):
        refused = await w.send(ALPHA, bid, 1, lie, expect=status)
        assert "annoncé" in refused["detail"]
    await w.send(ALPHA, bid, 1, stream(data + b"x"), length=len(data), expect=413)
    await w.send(ALPHA, bid, 1, stream(data[:-1]), length=len(data))  # it is not complete, and can go on
    await w.send(ALPHA, bid, 2, data, expect=404)
    await w.send(ALPHA, bid, 0, data, expect=404)
    await w.send(BETA, bid, 1, data, expect=404)
    view = await w.call("GET", f"/bids/{bid}", ALPHA, expect=200)
    assert view["files"][0]["sha256"] is None
    refused = await w.finish(ALPHA, bid, sealed, expect=422)
    assert "fichier non reçu" in json.dumps(refused, ensure_ascii=False)
    attempts = (await w.call("GET", f"/bids/{bid}/attempts", ALPHA, expect=200))["items"]
    outcomes = sorted((each["kind"], each["outcome"]) for each in attempts)  # of one instant, in any order
    assert outcomes == [("upload", "complete"), ("upload", "refused")]


async def test_other_bytes_than_those_of_the_envelope_are_refused(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer", b"other"])
    bid = draft["bid_id"]
    sealed = w.seal(UUID(bid), [b"offer", b"other"])
    swapped = sealing.SealedBid(sealed.envelopes, sealed.ciphertexts[::-1])
    await w.upload(ALPHA, bid, swapped)
    refused = await w.finish(ALPHA, bid, sealed, expect=422)
    assert [each["where"] for each in refused["errors"]] == ["files/1", "files/2"]
    await w.upload(ALPHA, bid, sealed)
    await w.finish(ALPHA, bid, sealed)
    await w.h.settle()  # the uploads that were replaced are removed
    folder = w.h.runtime.settings.data_dir / "storage" / "bids" / "sealed"
    assert sorted(each.read_bytes() for each in folder.rglob("*") if each.is_file()) == sorted(sealed.ciphertexts)


async def test_the_envelope_of_another_bid_consultation_or_key_set_is_refused(service_harness: HarnessFactory) -> None:
    """A receipt or an envelope replayed elsewhere is worth nothing."""
    w = await world(service_harness)
    mine = await w.draft(ALPHA, [b"offer"])
    theirs = await w.draft(BETA, [b"offer"])
    sealed = w.seal(UUID(mine["bid_id"]), [b"offer"])
    await w.upload(BETA, theirs["bid_id"], sealed)
    refused = await w.finish(BETA, theirs["bid_id"], sealed, expect=422)
    assert refused["errors"][0]["message"] == "scellée pour un autre pli"
    strangers = [sealing.generate(f"officier-{n}") for n in (1, 2, 3)]
    assert w.notice.opening is not None
    good = w.notice.opening
    w.notice = w.notice.model_copy(update={"opening": sealing.key_set(2, [each.public for each in strangers])})
    foreign = w.seal(UUID(mine["bid_id"]), [b"offer"])
    w.notice = w.notice.model_copy(update={"opening": good})
    await w.upload(ALPHA, mine["bid_id"], foreign)
    refused = await w.finish(ALPHA, mine["bid_id"], foreign, expect=422)
    assert "autre jeu de clés" in refused["errors"][0]["message"]


async def test_path_tricks_and_bad_bids_are_refused_with_every_fault(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    for name in ("../../evil", "a/b.pdf", "nul\u202efdp.exe", "C:\\x", ".htaccess"):
        body = announced([(name, 20)], "LOT-0001", "LOT-0099")
        refused = await w.call("POST", f"/consultations/{w.procedure}/bids", ALPHA, expect=422, json=body)
        assert {each["where"] for each in refused["errors"]} == {
            "body/envelopes/0/files/0/name", "body/envelopes/0/lots",
        }  # fmt: skip


async def test_the_limit_is_announced_and_refused_at_creation(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, settings={"max_bid_bytes": 1000})
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert told["limits"]["max_bid_bytes"] == 1000
    body = announced([("a", 600), ("b", 401)], "LOT-0001")
    refused = await w.call("POST", f"/consultations/{w.procedure}/bids", ALPHA, expect=413, json=body)
    assert "1000 octets" in refused["detail"]
    await w.call("POST", f"/consultations/{w.procedure}/bids", BUYER, expect=403, json=body)
    await w.call("POST", f"/consultations/{uuid4()}/bids", ALPHA, expect=404, json=body)


async def test_a_replacement_that_ends_late_displaces_nothing(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"in time"])
    first = w.bids[ALPHA]
    draft = await w.draft(ALPHA, [b"replacement"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"replacement"])
    w.h.clock.set(DEADLINE - timedelta(seconds=1))
    await w.upload(ALPHA, draft["bid_id"], sealed)  # the deadline passes during the upload
    w.h.clock.set(DEADLINE + timedelta(seconds=1))
    receipt = await w.finish(ALPHA, draft["bid_id"], sealed)
    assert receipt["statement"]["replaces"] is None
    assert receipt["statement"]["received_at"] == "2026-03-20T12:00:01+01:00"
    standing = {each["bid_id"]: each["standing"] for each in (await w.call("GET", "/bids", ALPHA, expect=200))["items"]}
    assert standing == {str(first): "counts", draft["bid_id"]: "late"}
    await w.h.settle()
    assert [each.data["late"] for each in w.h.events("bids.bid.deposited.v1")] == [False, True]


async def test_the_last_byte_at_the_instant_of_the_deadline_is_in_time(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    w.h.clock.set(DEADLINE + timedelta(microseconds=999_000))
    receipt = await w.deposit(ALPHA, [b"offer"])
    assert receipt["statement"]["received_at"] == "2026-03-20T12:00:00+01:00"
    view = await w.call("GET", f"/bids/{w.bids[ALPHA]}", ALPHA, expect=200)
    assert view["standing"] == "counts"


async def test_late_is_judged_on_the_last_deadline(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    w.h.clock.set(DEADLINE + timedelta(minutes=1))
    await w.deposit(ALPHA, [b"offer"])
    longer = w.notice.model_copy(update={"version": 2, "deadline": DEADLINE + timedelta(hours=2)})
    event = notice(w.procedure, w.officers).model_copy(update={"notice": longer, "aggregate_version": 2})
    await w.h.deliver(event)
    view = await w.call("GET", f"/bids/{w.bids[ALPHA]}", ALPHA, expect=200)
    assert view["standing"] == "counts"
    await w.start_opening(expect=409)


async def test_a_bid_is_withdrawn_with_a_receipt_until_the_deadline(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    bid = w.bids[ALPHA]
    receipt = Receipt.model_validate(await w.call("POST", f"/bids/{bid}/withdrawal", ALPHA, expect=201))
    assert receipt.statement.act == "withdrawal"
    verify_receipt(receipt, ROOTS)
    again = Receipt.model_validate(await w.call("POST", f"/bids/{bid}/withdrawal", ALPHA, expect=201))
    assert again == receipt
    await w.deposit(BETA, [b"offer"])
    await w.close()
    refused = await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", ALPHA, expect=404)
    refused = await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=409)
    assert refused["type"] == "urn:halles:problem:after-deadline"
    await w.h.settle()
    assert len(w.h.events("bids.bid.withdrawn.v1")) == 1


async def test_a_later_deposit_replaces_only_the_lots_it_is_for(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"both"], ("LOT-0001", "LOT-0002"))
    first = w.bids[ALPHA]
    receipt = await w.deposit(ALPHA, [b"second lot again"], ("LOT-0002",))
    assert receipt["statement"]["replaces"] == str(first)
    view = await w.call("GET", f"/bids/{first}", ALPHA, expect=200)
    assert (view["standing"], view["lot_standings"]) == ("counts", {"LOT-0001": "counts", "LOT-0002": "superseded"})
    await w.deposit(ALPHA, [b"first lot again"], ("LOT-0001",))
    view = await w.call("GET", f"/bids/{first}", ALPHA, expect=200)
    assert view["standing"] == "superseded"


async def test_where_deposits_add_up_nothing_is_replaced(service_harness: HarnessFactory) -> None:
    """In concessions (CE 454801), or where the notice says so."""
    w = await world(service_harness, contract_kind="concession")
    await w.deposit(ALPHA, [b"first"])
    receipt = await w.deposit(ALPHA, [b"more"])
    assert receipt["statement"]["replaces"] is None
    told = {each["standing"] for each in (await w.call("GET", "/bids", ALPHA, expect=200))["items"]}
    assert told == {"counts"}
    assert len((await w.open_all())["report"]["opened"]) == 2


async def test_envelopes_are_deposited_together_and_listed_on_the_receipt(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    lots = ("LOT-0001", "LOT-0002")
    contents = [application([b"dume", b"kbis"], lots), offer([b"one"], lots[:1]), offer([b"two"], lots[1:])]
    draft = await w.draft_all(ALPHA, contents)
    sealed = w.seal_all(UUID(draft["bid_id"]), contents)
    assert [each["envelope"] for each in draft["files"]] == [1, 1, 2, 3]
    await w.upload(ALPHA, draft["bid_id"], sealed)
    one, two, three = sealed.envelopes
    for wrong in ((one, two), (two, one, three), (one, two, two), (one, two, three.model_copy(update={"lots": lots}))):
        refused = await w.finish(ALPHA, draft["bid_id"], sealing.SealedBid(wrong, sealed.ciphertexts), expect=422)
        assert refused["type"] == "urn:halles:problem:wrong-envelope"
    receipt = await w.finish(ALPHA, draft["bid_id"], sealed)
    told = receipt["statement"]["envelopes"]
    assert [(each["kind"], tuple(each["lots"]), each["sha256"]) for each in told] == [
        ("application", lots, one.sha256), ("offer", lots[:1], two.sha256), ("offer", lots[1:], three.sha256),
    ]  # fmt: skip


async def test_the_application_that_the_notice_asks_is_missed_at_creation(service_harness: HarnessFactory) -> None:
    rules = OpeningRules(application="required")
    w = await world(service_harness, rules=rules)
    refused = await w.draft(ALPHA, [b"offer"], expect=422)
    assert "candidature à joindre pour : LOT-0001" in refused["errors"][0]["message"]
    contents = [application([b"dume"]), offer([b"offer"])]
    await w.deposit_all(ALPHA, contents)
    twice = await w.draft_all(ALPHA, [*contents, application([b"again"])], expect=422)
    assert "deux enveloppes" in str(twice["errors"])


async def test_the_receipt_is_given_at_once_when_the_authority_is_away(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, tsa=AbsentAuthority)
    receipt = await w.deposit(ALPHA, [b"offer"])
    assert (receipt["timestamp"], receipt["stamped_at"]) == ("pending", None)
    bid = w.bids[ALPHA]
    assert "en attente" in (await w.call("GET", f"/bids/{bid}/receipt.txt", ALPHA, expect=200)).decode()
    refused = await world_without_stamp(w)
    assert refused["type"] == "urn:halles:problem:unavailable"
    authority(w).away = False
    await time_passes(w)
    await complete_evidence(w.h.runtime)
    completed = Receipt.model_validate(await w.call("GET", f"/bids/{bid}/receipt", ALPHA, expect=200))
    assert completed.statement.received_at == Receipt.model_validate(receipt).statement.received_at
    assert verify_receipt(completed, ROOTS) == w.h.clock.now()


async def world_without_stamp(w: World) -> dict[str, str]:
    await w.close()
    refused: dict[str, str] = await w.start_opening(expect=503)
    return refused


def authority(w: World) -> AbsentAuthority:
    found = w.h.runtime.port(TimestampAuthority)  # type: ignore[type-abstract]  # a port is a protocol
    assert isinstance(found, AbsentAuthority)
    return found


async def time_passes(w: World) -> None:
    """As if batches and receipts had been kept an hour ago."""
    async with w.h.runtime.read() as conn:
        for table in ("evidence_batch", "receipt"):
            await conn.execute(f"UPDATE {table} SET recorded_at = recorded_at - interval '1 hour'")  # noqa: S608  # names above


async def test_a_receipt_forgotten_by_a_dead_process_is_stamped_later(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    async with w.h.runtime.read() as conn:  # as if the process had died between the deposit and its stamp
        await conn.execute("UPDATE evidence_batch SET token = NULL, stamped_at = NULL")
    await time_passes(w)
    w.h.runtime.give_ports({TimestampAuthority: AbsentAuthority(w.h.clock)})
    await complete_evidence(w.h.runtime)
    assert REGISTRY.get_sample_value("halles_receipts_pending") == 1
    authority(w).away = False
    await complete_evidence(w.h.runtime)
    assert REGISTRY.get_sample_value("halles_receipts_pending") == 0
    receipt = Receipt.model_validate(await w.call("GET", f"/bids/{w.bids[ALPHA]}/receipt", ALPHA, expect=200))
    assert verify_receipt(receipt, ROOTS)


async def test_an_upload_cut_by_the_network_is_evidence_and_can_be_sent_again(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    content = b"x" * 300_000
    draft = await w.draft(ALPHA, [content])
    bid = draft["bid_id"]
    sealed = w.seal(UUID(bid), [content])

    async def cut() -> AsyncIterator[bytes]:
        yield sealed.ciphertexts[0][:100_000]
        await asyncio.sleep(0.2)
        raise ConnectionResetError("cut")

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await w.send(ALPHA, bid, 1, cut(), length=len(sealed.ciphertexts[0]))
    for _ in range(100):
        attempts = (await w.call("GET", f"/bids/{bid}/attempts", ALPHA, expect=200))["items"]
        if attempts and attempts[0]["outcome"] != "running":
            break
        await asyncio.sleep(0.02)
    assert [(each["outcome"], each["bytes"] <= 100_000) for each in attempts] == [("interrupted", True)]
    await w.upload(ALPHA, bid, sealed)
    await w.finish(ALPHA, bid, sealed)


async def test_lists_of_bids_come_in_pages(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    made = [(await w.draft(ALPHA, [b"x"]))["bid_id"] for _ in range(3)]
    page = await w.call("GET", "/bids?limit=2", ALPHA, expect=200)
    rest = await w.call("GET", f"/bids?limit=2&cursor={page['next']}", ALPHA, expect=200)
    assert [each["bid_id"] for each in page["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    await w.call("GET", "/bids?limit=2&cursor=forged", ALPHA, expect=422)
    await w.call("GET", "/bids?colour=red", ALPHA, expect=422)
