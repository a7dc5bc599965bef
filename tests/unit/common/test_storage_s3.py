"""The same promises on an S3 bucket as on a local folder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.common.errors import TooLarge
from libs.common.http import serve
from libs.common.storage import SMALL, AlreadyStoredError, MissingDocumentError, Storage
from tests.unit.common.s3_server import ObjectStore

LARGE = SMALL + 3_000_000


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObjectStore]:
    store = ObjectStore()
    async with serve(store.application(), "127.0.0.1", 0) as url:
        for name, value in {
            "AWS_ENDPOINT_URL": str(url).rstrip("/"),
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-west-3",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():
            monkeypatch.setenv(name, value)
        yield store


async def flow(size: int, *, fails: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, size, 500_000):
        yield bytes([start // 500_000]) * min(500_000, size - start)
    if fails:
        raise ConnectionResetError("the sender left")


@pytest.mark.parametrize("size", [10, LARGE])
async def test_a_bucket_keeps_documents_whole_and_once(bucket: ObjectStore, size: int) -> None:
    storage = Storage("s3://halles/documents", service="bids")
    content = b"".join([chunk async for chunk in flow(size)])
    kept = await storage.put("bids/a", flow(size), media_type="x/y", name="n")
    assert (kept.size, kept.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert await storage.put("bids/a", flow(size), media_type="x/y", name="n") == kept
    with pytest.raises(AlreadyStoredError):
        await storage.put("bids/a", flow(size + 1), media_type="x/y", name="n")
    assert await storage.read("bids/a", size) == content
    assert b"".join([part async for part in storage.open("bids/a", 3, 9)]) == content[3:9]
    assert bucket.objects == {"documents/bids/a": content}
    await storage.delete("bids/a")
    assert not await storage.exists("bids/a")
    with pytest.raises(MissingDocumentError):
        await storage.read("bids/a", 10)


@pytest.mark.parametrize("url", ["s3://halles/documents", "file://{folder}"])
async def test_a_thread_reads_a_document_into_a_buffer_used_again(
    bucket: ObjectStore, tmp_path: Path, url: str
) -> None:
    storage = Storage(url.format(folder=tmp_path), service="bids")
    content = b"".join([chunk async for chunk in flow(LARGE)])
    await storage.put("bids/a", content, media_type="x/y", name="n")

    def read() -> bytes:
        buffer, found = bytearray(1_000_003), bytearray()
        with storage.reader("bids/a") as reader:
            while size := reader.readinto(buffer):
                found += buffer[:size]
        return bytes(found)

    assert await asyncio.to_thread(read) == content
    with pytest.raises(MissingDocumentError):
        await asyncio.to_thread(storage.reader, "bids/absent")


@pytest.mark.parametrize("size", [10, LARGE])
async def test_a_bucket_keeps_nothing_of_a_write_that_failed(bucket: ObjectStore, size: int) -> None:
    storage = Storage("s3://halles", service="bids")
    with pytest.raises(ConnectionResetError):
        await storage.put("bids/a", flow(size, fails=True), media_type="x/y", name="n")
    with pytest.raises(TooLarge):
        await storage.put("bids/a", flow(size), media_type="x/y", name="n", limit=size - 1)
    assert bucket.objects == {}
    shared = await storage.exchange(flow(size), media_type="x/y", name="n")
    assert set(bucket.objects) == {shared.key}
