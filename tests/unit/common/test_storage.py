"""Documents: hashed while they are written, written once, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.common.errors import TooLarge
from libs.common.storage import CHUNK, SMALL, AlreadyStoredError, MissingDocumentError, Storage

LARGE = SMALL + 3 * CHUNK + 17


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/st ore".replace(" ", "%20"), service="bids")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def flow(size: int, *, fails: bool = False, step: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, size, step):
        yield (bytes([start // step % 251]) + b"halles")[:7].ljust(step, b"-")[: min(step, size - start)]
    if fails:
        raise ConnectionResetError("the sender left")


async def whole(size: int) -> bytes:
    return b"".join([chunk async for chunk in flow(size)])


@pytest.mark.parametrize("size", [0, 1, 65_536, SMALL, SMALL + 1, LARGE])
async def test_a_document_is_kept_whole_with_its_size_and_hash(storage: Storage, size: int) -> None:
    content = await whole(size)
    kept = await storage.put("bids/a/1", flow(size), media_type="application/pdf", name="é.pdf")
    assert (kept.size, kept.sha256, kept.name) == (size, hashlib.sha256(content).hexdigest(), "é.pdf")
    assert await storage.read("bids/a/1", LARGE) == content
    assert await storage.size("bids/a/1") == size
    assert await storage.exists("bids/a/1")


async def test_any_range_can_be_read(storage: Storage) -> None:
    content = await whole(LARGE)
    await storage.put("bids/a", flow(LARGE), media_type="x/y", name="n")
    for start, end in ((0, 10), (5, LARGE), (LARGE - 3, LARGE), (CHUNK - 1, 2 * CHUNK + 1), (7, 7), (LARGE, LARGE + 9)):
        assert b"".join([part async for part in storage.open("bids/a", start, end)]) == content[start:end]


@pytest.mark.parametrize("size", [100, LARGE])
async def test_a_document_is_written_once(storage: Storage, tmp_path: Path, size: int) -> None:
    first = await storage.put("bids/a", flow(size), media_type="x/y", name="n")
    again = await storage.put("bids/a", flow(size), media_type="x/y", name="n")
    assert again == first, "the same content again is no fault: a job may be tried twice"
    with pytest.raises(AlreadyStoredError):
        await storage.put("bids/a", b"x" + await whole(size), media_type="x/y", name="n")
    assert await storage.read("bids/a", LARGE) == await whole(size)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("size", [100, LARGE])
async def test_of_two_writers_of_a_key_one_wins(storage: Storage, tmp_path: Path, size: int) -> None:
    contents = [bytes([number]) * size for number in range(8)]
    done = await asyncio.gather(
        *(storage.put("bids/a", content, media_type="x/y", name="n") for content in contents), return_exceptions=True
    )
    won = [index for index, result in enumerate(done) if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert all(isinstance(result, AlreadyStoredError) for index, result in enumerate(done) if index not in won)
    assert await storage.read("bids/a", size) == contents[won[0]]
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("size", [100, LARGE])
async def test_nothing_is_visible_of_a_write_that_failed(storage: Storage, tmp_path: Path, size: int) -> None:
    with pytest.raises(ConnectionResetError):
        await storage.put("bids/a", flow(size, fails=True), media_type="x/y", name="n")
    with pytest.raises(TooLarge):
        await storage.put("bids/a", flow(size), media_type="x/y", name="n", limit=size - 1)
    with pytest.raises(TooLarge):
        await storage.exchange(flow(size), media_type="x/y", name="n", limit=size - 1)
    assert not await storage.exists("bids/a")
    assert files(tmp_path) == []
    await storage.put("bids/a", flow(size), media_type="x/y", name="n", limit=size)


async def test_nothing_is_visible_before_the_last_byte(storage: Storage) -> None:
    half_way = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x" * LARGE
        half_way.set()
        await asyncio.sleep(30)

    task = asyncio.create_task(storage.put("bids/a", slowly(), media_type="x/y", name="n"))
    await half_way.wait()
    assert not await storage.exists("bids/a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await storage.exists("bids/a")


async def test_what_a_killed_process_left_is_swept_after_a_day(storage: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "st ore" / "incoming"
    folder.mkdir(parents=True)
    (folder / "old").write_bytes(b"half")
    (folder / "new").write_bytes(b"half")
    os.utime(folder / "old", (0, 0))
    assert await storage.sweep() == 1
    assert [path.name for path in files(tmp_path)] == ["new"]


async def test_what_is_passed_to_others_is_named_by_its_content(storage: Storage) -> None:
    first = await storage.exchange(b"contrat", media_type="application/pdf", name="a.pdf")
    assert first.key == f"exchange/{hashlib.sha256(b'contrat').hexdigest()}"
    assert await storage.exchange(b"contrat", media_type="application/pdf", name="a.pdf") == first
    assert await storage.read(first.key, 100) == b"contrat"


async def test_a_document_that_is_not_there_says_so(storage: Storage) -> None:
    with pytest.raises(MissingDocumentError):
        await storage.read("bids/none", 10)
    with pytest.raises(MissingDocumentError):
        await anext(storage.open("bids/none"))
    await storage.delete("bids/none")
    await storage.put("bids/a", b"x", media_type="x/y", name="n")
    await storage.delete("bids/a")
    assert not await storage.exists("bids/a")


async def test_a_whole_document_is_not_read_over_the_limit(storage: Storage) -> None:
    await storage.put("bids/a", b"x" * 11, media_type="x/y", name="n")
    with pytest.raises(TooLarge):
        await storage.read("bids/a", 10)


@pytest.mark.parametrize(
    "key",
    ["", "bids", "/bids/a", "bids/", "bids//a", "bids/../notices/a", "bids/./a", "bids/.hidden", "bids/a b", "bids/é",
     "bids/a\n", "bids/a\\b", "notices/a", "incoming/a", "BIDS/a", "bids/" + "a" * 500],
)  # fmt: skip
async def test_a_key_stays_in_its_folder(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match=r"not a storage key|belongs to another service"):
        await storage.put(key, b"x", media_type="x/y", name="n")
    with pytest.raises(ValueError, match=r"not a storage key|belongs to another service"):
        await storage.read(key, 10)


def test_only_a_folder_or_a_bucket_will_do() -> None:
    with pytest.raises(ValueError, match="storage is"):
        Storage("http://example.org/bucket")
