"""The tests of tusd (internal/e2e) and of lua-tus-server (t/suite.t), by their names, as ours.

`OTHERS` says which test of ours tries what each of theirs does. `BLOCKS` are those of lua-tus-server that are one request:
they are made here. Where we answer otherwise on purpose it is said.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import os
import socket
import struct
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from libs.common.http import documents
from services.bids.uploads import body
from tests.api.bids.bids_world import World
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, MODES, Mode, Uploads, received, taken, told, uploads

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

_PROTOCOL, _PROCESSES = "test_uploads_protocol", "test_uploads_processes"
_HERE = "test_uploads_names"
OTHERS: dict[str, tuple[str, str]] = {
    "tusd TestSuccessfulUpload": (_PROTOCOL, "test_an_upload_in_pieces_is_what_was_sent"),
    "tusd TestNetworkReadTimeout": (_HERE, "test_network_read_timeout"),
    "tusd TestUnexpectedNetworkClose": (_PROTOCOL, "test_a_cut_request_keeps_what_came_unless_a_checksum_was_told"),
    "tusd TestUnexpectedNetworkReset": (_HERE, "test_unexpected_network_reset"),
    "tusd TestLockRelease": (_PROCESSES, "test_a_client_that_resumes_elsewhere_gets_the_upload"),
    # tusd ignores what is too much; here it refuses the request: a client that counts otherwise sends another file
    "tusd TestUploadLengthExceeded": (_PROTOCOL, "test_more_bytes_than_announced_are_refused"),
    "tusd TestStopUpload": (_HERE, "test_stop_upload"),
    "tusd TestShutdown": (_PROCESSES, "test_a_process_told_to_stop_keeps_what_came"),
    "lua A1 OPTIONS": (_PROTOCOL, "test_what_is_spoken_is_told_to_everybody"),
    "lua B1 Invalid method GET": (_PROTOCOL, "test_what_was_uploaded_is_not_served"),
    "lua C13 POST returning Upload-Expires": (_PROTOCOL, "test_an_upload_left_too_long_expires"),
    "lua C27 POST final without concatenation-unfinished": (_PROTOCOL, "test_parts_are_joined_in_the_order_told"),
    "lua C28-C29 POST valid final Upload-Concat": (_PROTOCOL, "test_parts_are_joined_in_the_order_told"),
    "lua C31 POST final with absolute paths": (_PROTOCOL, "test_parts_are_joined_in_the_order_told"),
    "lua E17 HEAD on expired upload": (_PROTOCOL, "test_an_upload_left_too_long_expires"),
    "lua F2-F3 DELETE, and DELETE again": (_PROTOCOL, "test_an_ended_upload_is_gone"),
    "lua G3-G10 PATCH with checksums": (_PROTOCOL, "test_a_wrong_checksum_cuts_the_whole_request"),
    "lua H1 PATCH against final Upload-Concat": (_PROTOCOL, "test_parts_are_joined_in_the_order_told"),
    "lua H4 POST valid final, parts complete": (_PROTOCOL, "test_parts_are_joined_in_the_order_told"),
}
NOT_SPOKEN = {
    "lua A3-A5, C7, C12, C20, D4-D6, E13, E18, F1, G4": "its extensions are switched off one by one; ours are not",
    "lua C11, C22, C30, D3, E9-E12, E14-E16, E19, H3": "creation-defer-length: sizes are announced (C9-C10 are refused)",
    "lua F5-F6": "hard_delete is a setting of its storage",
    "lua G3, G5": "md5 is not among the algorithms told",
}


@pytest.mark.parametrize("name", OTHERS)
async def test_each_of_theirs_has_one_of_ours(name: str) -> None:
    module, function = OTHERS[name]
    assert callable(getattr(importlib.import_module(f"tests.api.bids.uploads.{module}"), function))


@dataclass(frozen=True)
class Block:
    """One request of lua-tus-server, and what we answer."""

    name: str
    status: int
    method: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    to: str = "upload"
    """Where it is sent: to where uploads are created, to an upload of 10 bytes of which 6 came, to none."""
    answers: dict[str, str] = field(default_factory=dict)


def _created(name: str, status: int, **headers: str) -> Block:
    return Block(
        name, status, "POST", {each.replace("_", "-"): value for each, value in headers.items()}, to="creation"
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


_OFFSET = MEDIA | {"Upload-Offset": "6"}
_TEN = {"Upload_Length": "10"}
_TWO = f"testkey {_text(b'testval')},testkey2 {_text(b'testval2')}"
BLOCKS = (
    Block("B2 Invalid method PUT", 405, "PUT"),
    _created("C1 POST without Tus-Resumable", 412, Tus_Resumable="", **_TEN),
    _created("C2 POST with invalid Tus-Resumable", 412, Tus_Resumable="0.9.9", **_TEN),
    _created("C3 POST only with valid Tus-Resumable", 400),  # theirs: 411, which HTTP has for Content-Length
    _created("C4 POST with negative Upload-Length", 400, Upload_Length="-1"),
    _created("C5 POST with zero Upload-Length", 400, Upload_Length="0"),  # the file was announced with 10 bytes
    _created("C6 POST with positive Upload-Length", 201, **_TEN),
    _created("C8 POST with Upload-Length exceeding Tus-Max-Size", 413, Upload_Length=str(2**40)),
    _created("C9 POST with positive Upload-Length and Upload-Defer-Length", 400, Upload_Defer_Length="1", **_TEN),
    _created("C10 POST with invalid Upload-Defer-Length", 400, Upload_Defer_Length="abc"),
    _created("C14 POST with invalid Upload-Metadata 1", 400, Upload_Metadata="testkey testval-", **_TEN),
    _created("C15 POST with invalid Upload-Metadata 2", 400, Upload_Metadata="testkey dGVzdHZhbA== aa", **_TEN),
    _created("C17 POST with invalid Upload-Metadata 4", 400, Upload_Metadata="a dGVzdA==,b testval*", **_TEN),
    # C16 refuses a comma at the end; RFC 9110, 5.6.1 has a recipient take empty elements of a list
    _created("C16 POST with invalid Upload-Metadata 3", 201, Upload_Metadata="testkey dGVzdHZhbA==,", **_TEN),
    _created("C18 POST with valid Upload-Metadata", 201, Upload_Metadata=_TWO, **_TEN),
    _created("C19 POST with invalid Upload-Concat", 400, Upload_Concat="test", **_TEN),
    _created("C21 POST with valid partial Upload-Concat", 201, Upload_Concat="partial", Upload_Length="5"),
    _created("C23 POST with final Upload-Concat and invalid resource", 400, Upload_Concat="final;12345678"),
    _created(
        "C24 POST with final Upload-Concat and non-existing resource", 404,
        Upload_Concat=f"final;/bids/v1/uploads/{uuid4()}",
    ),
    Block("D1 HEAD on non-existing resource", 404, "HEAD", to="none"),
    Block("D2 HEAD on existing resource", 200, "HEAD", answers={"Upload-Offset": "6", "Upload-Length": "10"}),
    Block("E1 PATCH without Content-Type", 415, "PATCH", {"Upload-Offset": "6", "Content-Type": "x/y"}, b"7890"),
    Block("E2 PATCH with invalid Content-Type", 415, "PATCH",
          {"Upload-Offset": "6", "Content-Type": "application/octet-stream"}, b"7890"),
    Block("E3 PATCH without Upload-Offset", 400, "PATCH", MEDIA, b"7890"),  # theirs: 409
    Block("E4 PATCH first chunk", 204, "PATCH", _OFFSET, b"78", answers={"Upload-Offset": "8"}),
    Block("E5 PATCH chunk exceeding Upload-Length", 413, "PATCH", _OFFSET, b"789012"),  # theirs: 409
    Block("E6 PATCH last chunk", 204, "PATCH", _OFFSET, b"7890", answers={"Upload-Offset": "10"}),
    Block("F4 DELETE on non-existing resource", 404, "DELETE", to="none"),
    Block("G1 PATCH with badly encoded checksum", 400, "PATCH", _OFFSET | {"Upload-Checksum": "sha1 .fsdaq-"}, b"7890"),
    Block("G2 PATCH with unsupported checksum algorithm", 400, "PATCH",
          _OFFSET | {"Upload-Checksum": "crc32 ZWZjMGRlNTc="}, b"7890"),
    Block("G6 PATCH with invalid SHA1 checksum", 460, "PATCH", _OFFSET | told("sha1", b"7891"), b"7890"),
    Block("G7 PATCH with valid SHA1 checksum", 204, "PATCH", _OFFSET | told("sha1", b"7890"), b"7890",
          answers={"Upload-Offset": "10"}),
    Block("G8 PATCH with invalid SHA256 checksum", 460, "PATCH", _OFFSET | told("sha256", b"7891"), b"7890"),
    Block("G9 PATCH with valid SHA256 checksum", 204, "PATCH", _OFFSET | told("sha256", b"7890"), b"7890"),
)  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name.split()[0])
async def test_a_block_of_lua_tus_server(consultation: World, block: Block) -> None:
    u = await uploads(consultation, [10])
    address = f"/bids/v1/uploads/{uuid4()}"
    if block.to == "creation":
        address = u.endpoint()
    elif block.to == "upload":
        address = await u.create()
        await u.patch(address, 0, b"123456")
    answer = await u.ask(block.method, address, block.headers, data=block.body or None)
    assert answer.status == block.status, answer.body
    assert {name: answer.headers[name] for name in block.answers} == block.answers
    if block.to == "upload" and block.status >= 400:
        assert await u.offset(address) == 6  # nothing changed


async def test_lua_e7_and_e9_a_completed_upload_is_told_and_takes_nothing(consultation: World) -> None:
    u = await uploads(consultation, [10])
    address = await u.create()
    await u.patch(address, 0, b"1234567890")
    assert await u.offset(address) == 10
    assert (await u.patch(address, 10, b"")).offset == 10


async def test_lua_c25_and_c26_what_is_no_part_is_not_joined(consultation: World) -> None:
    u = await uploads(consultation, [10])
    part = await u.create(5, headers={"Upload-Concat": "partial"})
    whole = await u.create()
    for listed in (whole, f"{part} {whole}"):
        answer = await u.ask("POST", u.endpoint(), {"Upload-Concat": f"final;{listed}"})
        assert answer.status == 409


@pytest.mark.parametrize("mode", MODES)
async def test_network_read_timeout(consultation: World, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    monkeypatch.setattr(documents, "IDLE", 1.0)
    monkeypatch.setattr(body, "IDLE", 1.0)
    u = await uploads(consultation, [50_000], mode)
    address = await u.create()
    wire = await _begun(u, address, os.urandom(10_000))
    answer = await asyncio.get_running_loop().sock_recv(wire, 1000)
    wire.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert await u.offset(address) == 10_000


@pytest.mark.parametrize("mode", MODES)
async def test_unexpected_network_reset(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [10_000], mode)
    address = await u.create()
    wire = await _begun(u, address, os.urandom(5_000))
    await taken(u, address)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    assert await u.offset(address) == 5_000


@pytest.mark.parametrize("mode", MODES)
async def test_stop_upload(consultation: World, mode: Mode) -> None:
    u = await uploads(consultation, [10_000], mode)
    address = await u.create()
    wire = await _begun(u, address, os.urandom(5_000))
    await received(u, address)
    assert (await u.ask("DELETE", address)).status == 204
    answer = await asyncio.get_running_loop().sock_recv(wire, 1000)
    wire.close()
    assert answer.startswith(b"HTTP/1.1 423 ")
    assert (await u.ask("HEAD", address)).status == 404
    await u.w.h.settle()
    assert u.objects() == 0


async def _begun(u: Uploads, address: str, data: bytes) -> socket.socket:
    """Send the head of a request for all of an upload, and some of its bytes."""
    base = urlsplit(str(u.w.h.client._base_url))
    wire = socket.socket()
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(wire, (str(base.hostname), base.port))
    sent = {"Tus-Resumable": "1.0.0", "Host": "x", "Upload-Offset": "0", "Content-Length": str(u.sizes[0])}
    sent |= u.w.h.headers(ALPHA, "company") | MEDIA
    lines = [f"PATCH {address} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    await loop.sock_sendall(wire, "\r\n".join(lines).encode() + data)
    return wire
