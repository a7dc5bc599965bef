"""Somebody else's clients of tus (tuspy, aiotus, tus-js-client) on our server; @tus/server as the oracle of answers."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import aiotus
import pytest
from tusclient import client as tuspy
from yarl import URL

from tests.api.bids.bids_world import World
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Uploads, uploads

DATA = os.urandom(700_000)
NODE = Path(__file__).resolve().parents[3] / "js" / "tus"
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


def url(u: Uploads, path: str) -> str:
    base = u.w.h.client._base_url
    assert base is not None
    return str(base.join(URL(path)))


async def test_tuspy(consultation: World) -> None:
    u = await uploads(consultation, [len(DATA)])
    client = tuspy.TusClient(url(u, u.endpoint()), headers=u.w.h.headers(ALPHA, "company"))
    uploader = client.uploader(file_stream=BytesIO(DATA), chunk_size=150_000, metadata={"filename": "offre.pdf"})
    await asyncio.to_thread(uploader.upload_chunk)
    again = await asyncio.to_thread(  # it asks for the offset at once
        client.uploader, file_stream=BytesIO(DATA), chunk_size=300_000, url=uploader.url
    )
    await asyncio.to_thread(again.upload)
    assert await u.stored() == DATA


async def test_tuspy_with_checksums(consultation: World) -> None:
    u = await uploads(consultation, [len(DATA)])
    client = tuspy.TusClient(url(u, u.endpoint()), headers=u.w.h.headers(ALPHA, "company"))
    uploader = client.uploader(file_stream=BytesIO(DATA), chunk_size=400_000, upload_checksum=True)
    await asyncio.to_thread(uploader.upload)
    assert await u.stored() == DATA


async def test_aiotus(consultation: World) -> None:
    u = await uploads(consultation, [len(DATA)])
    headers = u.w.h.headers(ALPHA, "company")
    made = await aiotus.upload(url(u, u.endpoint()), BytesIO(DATA), {"filename": b"offre.pdf"}, headers=headers)
    assert made is not None
    assert await u.stored() == DATA
    assert await aiotus.metadata(str(made), headers=headers) == {"filename": b"offre.pdf"}


async def test_aiotus_in_parallel(consultation: World) -> None:
    u = await uploads(consultation, [len(DATA)])
    headers = u.w.h.headers(ALPHA, "company")
    half = len(DATA) // 2
    files = [BytesIO(DATA[:half]), BytesIO(DATA[half:])]
    assert await aiotus.upload_multiple(url(u, u.endpoint()), files, headers=headers) is not None
    assert await u.stored() == DATA


@pytest.fixture(scope="module")
def node() -> Path:
    """Give the folder of the parts from npm, installed as they are pinned."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")
    if not (NODE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=NODE, check=True, timeout=150)
    return NODE


@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": 200_000}, {"during": True}, {"parallel": 3}, {"chunkSize": 100_000, "abortAfter": 200_000},
        {"terminate": True},
    ],
    ids=["chunks", "with-creation", "parallel", "aborted-and-resumed", "terminated"],
)  # fmt: skip
async def test_tus_js_client(consultation: World, node: Path, options: dict[str, Any]) -> None:
    u = await uploads(consultation, [len(DATA)])
    asked = {
        "endpoint": url(u, u.endpoint()), "headers": u.w.h.headers(ALPHA, "company"),
        "data": base64.b64encode(DATA).decode(),
    } | options  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", "client.mjs"],
        cwd=node,
        input=json.dumps(asked),
        text=True,
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    if "terminate" in options:
        assert (await u.ask("HEAD", json.loads(done.stdout)["url"])).status == 404
    else:
        assert await u.stored() == DATA


@pytest.fixture(scope="module")
def oracle(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run @tus/server; give the address of its uploads."""
    folder = tmp_path_factory.mktemp("oracle")
    with subprocess.Popen(["node", "server.mjs", str(folder)], cwd=node, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/files"
        process.kill()


async def test_we_answer_as_tus_server_does(consultation: World, oracle: str) -> None:
    """The same requests, header by header; where we differ on purpose it is said here."""
    u = await uploads(consultation, [10, 10])
    tus = {"Tus-Resumable": "1.0.0"}
    length = {"Upload-Length": "10"}
    named = {"Upload-Metadata": "filename b2ZmcmUucGRm"}
    ours = _Server(url(u, u.endpoint()), u.w.h.headers(ALPHA, "company"))
    other = _Server(oracle, {})
    steps: list[tuple[str, str, dict[str, str], bytes]] = [
        ("create", "POST", tus | length | named, b""),
        ("head", "HEAD", tus, b""),
        ("patch", "PATCH", tus | MEDIA | {"Upload-Offset": "0"}, b"12345"),
        ("wrong offset", "PATCH", tus | MEDIA | {"Upload-Offset": "0"}, b"12345"),
        ("no offset", "PATCH", tus | MEDIA, b"12345"),
        ("wrong type", "PATCH", tus | {"Upload-Offset": "5", "Content-Type": "text/plain"}, b"67890"),
        ("head again", "HEAD", tus, b""),
        ("no version", "PATCH", MEDIA | {"Upload-Offset": "5"}, b"67890"),
        ("last", "PATCH", tus | MEDIA | {"Upload-Offset": "5"}, b"67890"),
        ("whole", "HEAD", tus, b""),
        ("no length", "POST", tus, b""),
        ("bad length", "POST", tus | {"Upload-Length": "-1"}, b""),
        ("bad metadata", "POST", tus | length | {"Upload-Metadata": "a b c"}, b""),
        ("no version to create", "POST", length, b""),
        ("options", "OPTIONS", {}, b""),
        ("end", "DELETE", tus, b""),
        ("gone", "HEAD", tus, b""),
    ]  # fmt: skip
    differing: dict[tuple[str, str], tuple[Any, Any]] = {}
    for name, method, headers, body in steps:
        mine, theirs = await ours.ask(method, headers, body), await other.ask(method, headers, body)
        differing |= {(name, key): (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}
    assert differing == _ON_PURPOSE


_ON_PURPOSE: dict[tuple[str, str], tuple[Any, Any]] = {
    ("no offset", "status"): (400, 403),  # it cannot be read: nothing is forbidden
    ("wrong type", "status"): (415, 400),  # as all our routes answer (RFC 9110, 15.5.16)
    ("wrong type", "Tus-Resumable"): (None, "1.0.0"),
    ("gone", "cache"): ("no-store", None),
}
"""Where we differ from @tus/server: (ours, its)."""


class _Server:
    """One of the two, and the upload made on it."""

    _COMPARED = ("Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Metadata")

    def __init__(self, endpoint: str, headers: dict[str, str]) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._upload = ""

    async def ask(self, method: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Make a request; give the status and the headers of tus."""
        address = self._endpoint if method in {"POST", "OPTIONS"} else self._upload
        sent = self._headers | headers
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, address, headers=sent, data=body or None) as got,
        ):
            if got.status == 201:
                self._upload = str(got.url.join(URL(got.headers["Location"])))
            told = {name: got.headers.get(name) for name in self._COMPARED}
            if method == "OPTIONS":
                told["Tus-Version"] = got.headers.get("Tus-Version")
            return {"status": got.status, "cache": method == "HEAD" and got.headers.get("Cache-Control"), **told}
