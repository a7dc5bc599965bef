"""tus 1.0.0 (tus.io/protocols/resumable-upload), core and extensions; the cases of tusd and lua-tus-server, as ours."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from email.utils import format_datetime
from uuid import uuid4

import pytest

from services.bids.uploads.upkeep import discard_expired
from tests.api.bids.bids_world import World
from tests.api.bids.uploads.uploads_world import (
    BETA,
    MEDIA,
    MODES,
    Mode,
    Uploads,
    broken,
    cut,
    draft,
    named,
    told,
    uploads,
)

DATA = os.urandom(200_000)
SIZE = len(DATA)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_spoken_is_told_to_everybody(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    for path in (u.endpoint(), f"/bids/v1/uploads/{uuid4()}"):
        async with u.w.h.client.options(path) as answer:
            assert answer.status == 204
            assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
            extensions = set(answer.headers["Tus-Extension"].split(","))
            assert extensions == {
                "creation", "creation-with-upload", "expiration", "checksum", "termination", "concatenation",
            }  # fmt: skip
            assert int(answer.headers["Tus-Max-Size"]) == 20 * 2**30
            assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


@pytest.mark.parametrize("mode", MODES)
async def test_an_upload_in_pieces_is_what_was_sent(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    address = await u.create(headers=named("offre é.pdf".encode()))
    head = await u.ask("HEAD", address)
    assert (head.status, head.offset, head.headers["Upload-Length"]) == (200, 0, str(SIZE))
    assert head.headers["Cache-Control"] == "no-store"
    assert head.headers["Upload-Metadata"] == named("offre é.pdf".encode())["Upload-Metadata"]
    for start in range(0, SIZE, 70_000):
        answer = await u.patch(address, start, DATA[start : start + 70_000])
        assert (answer.status, answer.offset) == (204, min(start + 70_000, SIZE))
    assert await u.offset(address) == SIZE
    assert "Upload-Expires" not in (await u.ask("HEAD", address)).headers
    again = await u.patch(address, SIZE, b"")
    assert (again.status, again.offset) == (204, SIZE)
    await u.w.h.settle()
    stored = await u.stored()
    assert u.objects() == 3
    assert (stored == DATA) == (mode == "bidder")
    assert (DATA[:64] in stored) == (mode == "bidder")


async def test_the_first_bytes_may_come_with_the_creation(consultation: World) -> None:
    u = await uploads(consultation, [SIZE, 5])
    answer = await u.ask("POST", u.endpoint(), MEDIA | {"Upload-Length": str(SIZE)}, data=DATA[:1000])
    assert (answer.status, answer.offset) == (201, 1000)
    assert (await u.patch(answer.headers["Location"], 1000, DATA[1000:])).offset == SIZE
    assert await u.stored() == DATA
    wrong = {"Upload-Length": "5", "Content-Type": "text/plain"}
    assert (await u.ask("POST", u.endpoint(2), wrong, data=b"hello")).status == 415
    whole = await u.ask("POST", u.endpoint(2), MEDIA | {"Upload-Length": "5"}, data=b"hello")
    assert (whole.status, whole.offset, await u.stored(2)) == (201, 5, b"hello")


async def test_what_is_wrong_with_a_creation_is_told_and_changes_nothing(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    length = {"Upload-Length": str(SIZE)}
    for headers, status in (
        ({}, 400), ({"Upload-Length": "-1"}, 400), ({"Upload-Length": "x"}, 400), ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Defer-Length": "1"}, 400), (length | {"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": str(SIZE + 1)}, 413), ({"Upload-Length": str(SIZE - 1)}, 400),
        (length | {"Tus-Resumable": ""}, 412), (length | {"Tus-Resumable": "0.2.2"}, 412),
        (length | {"Upload-Concat": "both"}, 400), (length | {"Upload-Metadata": "filename not-base-64!"}, 400),
        (length | {"Upload-Metadata": "a b2s=,a b2s="}, 400), (length | {"Upload-Metadata": "k" * 5000}, 400),
        (length | named(b"../../etc/passwd"), 400), (length | named(b"a\\b.exe"), 400),
        (length | named(b"x\x00.pdf"), 400), (length | named(b"\xff\xfe"), 400), (length | named("a\u202efdp".encode()), 400),
    ):  # fmt: skip
        answer = await u.ask("POST", u.endpoint(), headers)
        assert answer.status == status, (headers, answer.body)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert ("Tus-Version" in answer.headers) == (status == 412)
    async with u.w.h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM upload WHERE bid = $1", u.bid) == 0


async def test_limits_are_told_before_the_first_byte(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    assert (await u.ask("POST", u.endpoint(2), {"Upload-Length": "1"})).status == 404
    assert (await u.ask("POST", u.endpoint(), {"Upload-Length": str(2**60)})).status == 413


@pytest.mark.parametrize("mode", MODES)
async def test_offsets_are_not_believed(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    address = await u.create()
    for offset in (1, SIZE, SIZE + 1, 10**17):
        assert (await u.patch(address, offset, b"x")).status == 409
    assert (await u.ask("PATCH", address, MEDIA, data=b"x")).status == 400
    assert (await u.ask("PATCH", address, MEDIA | {"Upload-Offset": "-1"}, data=b"x")).status == 400
    wrong = {"Upload-Offset": "0", "Content-Type": "application/octet-stream"}
    assert (await u.ask("PATCH", address, wrong, data=b"x")).status == 415
    assert (await u.ask("PATCH", address, MEDIA | {"Upload-Offset": "0", "Tus-Resumable": ""}, data=b"x")).status == 412
    assert (await u.patch(f"/bids/v1/uploads/{uuid4()}", 0, b"x")).status == 404
    assert await u.offset(address) == 0


@pytest.mark.parametrize("mode", MODES)
async def test_more_bytes_than_announced_are_refused(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    address = await u.create()
    assert (await u.patch(address, 0, DATA + b"x")).status == 413
    assert (await u.patch(address, 0, cut(DATA + b"x"))).status == 413
    assert await u.offset(address) == 0
    assert u.objects() == 0
    assert (await u.patch(address, 0, cut(DATA))).offset == SIZE


@pytest.mark.parametrize("mode", MODES)
async def test_a_wrong_checksum_cuts_the_whole_request(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    address = await u.create()
    assert (await u.patch(address, 0, DATA[:50_000], told("sha1", DATA[:50_000]))).offset == 50_000
    refused = await u.patch(address, 50_000, DATA[50_000:], told("sha1", DATA))
    assert refused.status == 460
    assert b"checksum-mismatch" in refused.body
    for header in (
        "md5 " + base64.b64encode(bytes(16)).decode(),
        "sha1 ????",
        "sha1 " + base64.b64encode(b"x").decode(),
    ):
        assert (await u.patch(address, 50_000, b"x", {"Upload-Checksum": header})).status == 400
    await broken(u, address, 50_000, DATA[50_000:90_000], told("sha1", DATA[50_000:]))
    start = await u.offset(address)
    assert start == 50_000
    for algorithm, end in (("sha256", 150_000), ("sha512", SIZE)):
        assert (await u.patch(address, start, DATA[start:end], told(algorithm, DATA[start:end]))).offset == end
        start = end
    await u.w.h.settle()
    if mode == "bidder":
        assert await u.stored() == DATA
    async with u.w.h.runtime.read() as conn:
        rows = await conn.fetch("SELECT row_to_json(u)::text AS a FROM upload u UNION ALL"
                                " SELECT row_to_json(f)::text FROM evidence_fact f")  # fmt: skip
    digest = told("sha1", DATA)["Upload-Checksum"].split()[1]
    assert not [row for row in rows if digest in row["a"]]


@pytest.mark.parametrize("mode", MODES)
async def test_a_cut_request_keeps_what_came_unless_a_checksum_was_told(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    address = await u.create()
    await broken(u, address, 0, DATA[:77_000])
    kept = await u.offset(address)
    assert kept == 77_000
    assert (await u.patch(address, kept, DATA[kept:])).offset == SIZE
    if mode == "bidder":
        assert await u.stored() == DATA


async def test_an_ended_upload_is_gone(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    address = await u.create()
    await u.patch(address, 0, DATA[:100])
    assert (await u.ask("DELETE", address, who=BETA)).status == 404
    assert (await u.ask("DELETE", address, {"Tus-Resumable": ""})).status == 412
    assert (await u.ask("DELETE", address)).status == 204
    assert (await u.ask("HEAD", address)).status == 404
    assert (await u.patch(address, 100, b"x")).status == 404
    assert (await u.ask("DELETE", address)).status == 404
    await u.w.h.settle()
    assert u.objects() == 0


async def test_an_upload_left_too_long_expires(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    address = await u.create()
    first = (await u.ask("HEAD", address)).headers["Upload-Expires"]
    assert first == format_datetime(u.w.h.clock.now() + timedelta(days=7), usegmt=True)
    u.w.h.clock.advance(timedelta(days=6))
    later = await u.patch(address, 0, DATA[:100])
    assert later.headers["Upload-Expires"] == format_datetime(u.w.h.clock.now() + timedelta(days=7), usegmt=True)
    u.w.h.clock.advance(timedelta(days=7))
    assert (await u.ask("HEAD", address)).status == 410
    assert (await u.patch(address, 100, DATA[100:])).status == 410
    await discard_expired(u.w.h.runtime)
    await u.w.h.settle()
    assert u.objects() == 0
    assert (await u.ask("HEAD", address)).status == 410
    assert (await u.ask("DELETE", address)).status == 204


@pytest.mark.parametrize("mode", MODES)
async def test_parts_are_joined_in_the_order_told(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [SIZE], mode)
    second = await u.create(150_000, headers={"Upload-Concat": "partial"})
    first = await u.create(50_000, headers={"Upload-Concat": "partial"})
    await u.patch(second, 0, DATA[50_000:])
    final = {"Upload-Concat": f"final;{first} http://portail.example{second}"}
    assert (await u.ask("POST", u.endpoint(), final)).status == 409
    head = await u.ask("HEAD", first)
    assert head.headers["Upload-Concat"] == "partial"
    await u.patch(first, 0, DATA[:50_000])
    assert (await u.ask("POST", u.endpoint(), final | {"Upload-Length": str(SIZE)})).status == 400
    assert (await u.ask("POST", u.endpoint(), {"Upload-Concat": f"final;{first}"})).status == 400
    assert (await u.ask("POST", u.endpoint(), {"Upload-Concat": "final;"})).status == 400
    assert (await u.ask("POST", u.endpoint(), {"Upload-Concat": f"final;{first} /etc/passwd"})).status == 400
    joined = await u.ask("POST", u.endpoint(), final)
    assert joined.status == 201, joined.body
    address = joined.headers["Location"]
    head = await u.ask("HEAD", address)
    assert (head.offset, head.headers["Upload-Length"]) == (SIZE, str(SIZE))
    assert head.headers["Upload-Concat"] == final["Upload-Concat"]
    assert (await u.patch(address, SIZE, b"")).status == 403
    await u.w.h.settle()
    if mode == "bidder":
        assert await u.stored() == DATA
    async with u.w.h.runtime.read() as conn:
        rows = await conn.fetch(
            "SELECT p.part, segment, size FROM upload_part p JOIN upload u ON u.id = p.upload WHERE bid = $1 ORDER BY place",
            u.bid,
        )
    assert [tuple(row) for row in rows] == [(1002, 1, 50_000), (1001, 1, 150_000)]


async def test_parts_of_another_bidder_or_file_are_not_joined(consultation: World) -> None:
    u = await uploads(consultation, [10, 10])
    mine = await u.create(5, headers={"Upload-Concat": "partial"})
    other = await u.create(5, file=2, headers={"Upload-Concat": "partial"})
    await u.patch(mine, 0, b"12345")
    await u.patch(other, 0, b"67890")
    assert (await u.ask("POST", u.endpoint(), {"Upload-Concat": f"final;{mine} {other}"})).status == 404
    theirs = await draft_of(u, BETA)
    answer = await u.ask("POST", theirs, {"Upload-Concat": f"final;{mine} {other}"}, who=BETA)
    assert answer.status == 404
    assert (await u.ask("POST", u.endpoint(), {"Upload-Length": "10"}, who=BETA)).status == 404
    for method in ("HEAD", "PATCH", "DELETE"):
        headers = MEDIA | {"Upload-Offset": "5"}
        assert (await u.ask(method, mine, headers, who=BETA)).status == 404
    assert await u.offset(mine) == 5


async def test_methods_may_be_named_by_a_header(consultation: World) -> None:
    u = await uploads(consultation, [SIZE])
    address = await u.create()
    override = {"X-HTTP-Method-Override": "PATCH"}
    sent = await u.ask("POST", address, MEDIA | override | {"Upload-Offset": "0"}, data=DATA[:10])
    assert (sent.status, sent.offset) == (204, 10)
    assert (await u.ask("POST", address, {"X-HTTP-Method-Override": "HEAD"})).offset == 10
    assert (await u.ask("POST", address)).status == 405
    assert (await u.ask("POST", address, override | {"Upload-Offset": "10"}, data=b"x")).status == 415
    assert (await u.ask("POST", address, {"X-HTTP-Method-Override": "DELETE"})).status == 204
    assert (await u.ask("HEAD", address)).status == 404


async def test_what_was_uploaded_is_not_served(consultation: World) -> None:
    u = await uploads(consultation, [5])
    address = await u.create()
    await u.patch(address, 0, b"hello")
    assert (await u.ask("GET", address)).status == 405


async def test_a_new_start_takes_the_place_of_what_was_left(consultation: World) -> None:
    u = await uploads(consultation, [10])
    left = await u.create()
    await u.patch(left, 0, b"left")
    address = await u.create()
    assert (await u.ask("HEAD", left)).status == 410
    await u.patch(address, 0, b"0123456789")
    second = await u.create()
    assert await u.stored() == b"0123456789"
    await u.patch(second, 0, b"9876543210")
    assert await u.stored() == b"9876543210"
    assert (await u.ask("HEAD", address)).status == 404
    await discard_expired(u.w.h.runtime)
    await u.w.h.settle()
    assert u.objects() == 1


async def test_an_empty_file_is_complete_at_once(consultation: World) -> None:
    for mode in MODES:
        u = await uploads(consultation, [0], mode)
        address = await u.create()
        assert await u.offset(address) == 0
        assert len(await u.stored()) == (0 if mode == "bidder" else 16)


async def draft_of(u: Uploads, company: str) -> str:
    """Give where uploads of a bid of another company are created."""
    return f"/bids/v1/bids/{await draft(u.w, [10, 10], company=company)}/files/1/uploads"
