"""Uploads whose parts go to an object store: our stand-in for S3, or the server at HALLES_TEST_S3 with its bucket `halles`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import pytest

from libs.common.http import serve
from services.bids.uploads import receiving
from tests.api.bids.uploads.uploads_world import MODES, Mode, Uploads, cut, open_world, told, uploads
from tests.unit.common.s3_server import ObjectStore

DATA = os.urandom(14_000_000)
CUT = 6 * 2**20


@asynccontextmanager
async def _endpoint() -> AsyncIterator[str]:
    if given := os.environ.get("HALLES_TEST_S3"):
        yield given
        return
    async with serve(ObjectStore().application(), "127.0.0.1", 0) as url:
        yield str(url).rstrip("/")


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have the storage of this process be an object store."""
    async with _endpoint() as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-west-3",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield


async def _objects(u: Uploads) -> int:
    return len(await u.w.h.runtime.storage.keys(f"bids/sealed/{u.bid}"))


@pytest.mark.timeout(300)
async def test_parts_in_an_object_store_are_what_was_sent(
    database_url: str, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving.Receiver.receive, "__kwdefaults__", {"cut": CUT})
    async with open_world(database_url, storage_url="s3://halles/documents") as w:
        for mode in MODES:
            await _sent(await uploads(w, [len(DATA)], mode), mode)


async def _sent(u: Uploads, mode: Mode) -> None:
    left = await u.create()
    await u.patch(left, 0, BytesIO(DATA[:7_000_000]))
    assert await _objects(u) == 2
    assert (await u.ask("DELETE", left)).status == 204
    await u.w.h.settle()
    assert await _objects(u) == 0

    address = await u.create()
    at = 8_000_000
    assert (await u.patch(address, 0, BytesIO(DATA[:at]))).offset == at
    assert (await u.patch(address, at, BytesIO(DATA[at:9_000_000]), told("sha1", b"other"))).status == 460
    assert (
        await u.patch(address, at, BytesIO(DATA[at:9_000_000]), told("sha1", DATA[at:9_000_000]))
    ).offset == 9_000_000
    assert (await u.patch(address, 9_000_000, cut(DATA[9_000_000:]))).offset == len(DATA)
    await u.w.h.settle()
    assert await _objects(u) == 4  # two of the long request, one with a checksum, one chunked
    stored = await u.stored()
    assert (stored == DATA) == (mode == "bidder")
    assert DATA[:64] not in stored or mode == "bidder"
