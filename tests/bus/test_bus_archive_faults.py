"""Whatever dies or lies while events leave for files, nothing is lost; who may read which file."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from libs.common.bus.archive import files, keeping
from libs.common.bus.archive.files import UnverifiedFileError
from libs.common.testing.harness import Harness
from tests.bus.test_bus_archive import (
    ARCHIVE,
    BUYER,
    FEED,
    OPERATIONS,
    Dying,
    age,
    archived,
    bids,
    deposit,
    get,
    in_database,
    public,
    publish,
)

__all__ = ["bids"]


async def test_a_death_at_any_step_loses_nothing_and_the_next_run_ends_it(bids: Harness) -> None:
    await publish(bids, *(random.choice((public, deposit))() for _ in range(25)))
    await age(bids.runtime)
    everything = await in_database(bids.runtime)
    bids.runtime.storage = dying = Dying(bids.runtime.settings.storage_url, service="bids")
    deaths = 0
    while await in_database(bids.runtime):
        assert await in_database(bids.runtime) == everything, "a part was dropped"
        dying.left = deaths % 11
        try:
            await keeping.keep(bids.runtime)
        except KeyboardInterrupt:
            deaths += 1
        assert deaths < 100
    assert deaths > 10
    dying.left = 1000
    whole = await archived(bids, OPERATIONS, bids.headers(BUYER, "operator"))
    assert [one["id"] for one in whole] == everything


async def test_a_process_killed_at_random_loses_nothing(bids: Harness, tmp_path: Path) -> None:
    await publish(bids, *(random.choice((public, deposit))() for _ in range(60)))
    await age(bids.runtime)
    everything, settings = await in_database(bids.runtime), bids.runtime.settings
    environment = os.environ | {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_BIDS_DATABASE_URL": settings.database_urls["bids"],
        "HALLES_STORAGE_URL": settings.storage_url,
    }
    for turn in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _KEEPER, stdout=asyncio.subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        await process.stdout.readline()  # it begins
        if turn < 3:
            await asyncio.sleep(random.uniform(0, 0.15))
            with contextlib.suppress(ProcessLookupError):  # it may have come to its end
                process.send_signal(signal.SIGKILL)
        assert await process.wait() in (0, -signal.SIGKILL)
        assert await in_database(bids.runtime) in (everything, [])
    assert await in_database(bids.runtime) == []
    whole = await archived(bids, OPERATIONS, bids.headers(BUYER, "operator"))
    assert [one["id"] for one in whole] == everything


_KEEPER = """
import asyncio
from libs.common.bus.archive import keeping
from libs.common.runtime import open_runtime
from tests.bus.test_bus_archive import SERVICE

async def main():
    keeping.FILE = 5
    async with open_runtime(SERVICE, SERVICE.settings()) as runtime:
        print("begins", flush=True)
        await keeping.keep(runtime)

asyncio.run(main())
"""


async def test_a_file_that_is_not_what_the_log_holds_stops_the_drop(bids: Harness) -> None:
    await publish(bids, public(), public())
    await age(bids.runtime)
    storage = bids.runtime.storage

    async def forged(_: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        yield gzip.compress(b"{}\n{}\n")

    original = storage.open
    storage.open = forged  # type: ignore[method-assign, assignment]  # a storage that gives back something else
    with pytest.raises(UnverifiedFileError, match="read back"):
        await keeping.keep(bids.runtime)
    storage.open = original  # type: ignore[method-assign]
    assert len(await in_database(bids.runtime)) == 2
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []


async def test_a_cut_file_is_found_out() -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield gzip.compress(b"{}\n" * 1000)[:-9]

    with pytest.raises(UnverifiedFileError):
        [line async for line in files.lines(cut())]


async def test_a_reader_of_hours_delays_the_drop_and_blocks_nobody(bids: Harness) -> None:
    await publish(bids, public())
    await age(bids.runtime)
    backup = await asyncpg.connect(bids.runtime.database.url)
    async with backup.transaction():
        await backup.fetch("SELECT * FROM event")
        await keeping.keep(bids.runtime)
        assert len((await get(bids, FEED))["events"]) == 1
    await backup.close()
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []


async def test_two_keepers_do_not_meet(bids: Harness) -> None:
    await publish(bids, *(public() for _ in range(15)))
    await age(bids.runtime)
    await asyncio.gather(*(keeping.keep(bids.runtime) for _ in range(3)))
    assert len(await archived(bids, ARCHIVE)) == 15


async def test_internal_files_are_for_operators_and_public_ones_for_anybody(bids: Harness) -> None:
    await publish(bids, public(), deposit())
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    name = (await get(bids, OPERATIONS, bids.headers(BUYER, "operator")))["items"][0]["name"]
    for path in (OPERATIONS, f"{OPERATIONS}/{name}"):
        assert (await get(bids, path, status=401))["status"] == 401
        for kind in ("buyer", "company", "partner", "state"):
            assert (await get(bids, path, bids.headers(BUYER, kind), status=403))["status"] == 403
    await get(bids, f"{ARCHIVE}/{name}", status=404)
    public_name = (await get(bids, ARCHIVE))["items"][0]["name"]
    async with bids.client.get(f"{ARCHIVE}/{public_name}", headers={"Range": "bytes=0-1"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"\x1f\x8b")
        assert answer.headers["Cache-Control"].startswith("public")
        tag = answer.headers["ETag"]
    async with bids.client.get(f"{ARCHIVE}/{public_name}", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_manifests_say_what_each_file_is(bids: Harness) -> None:
    await publish(bids, public(), deposit())
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    (item,) = (await get(bids, ARCHIVE))["items"]
    key = f"bids/archive/public/{item['name'].removesuffix('.jsonl.gz')}.manifest.json"
    manifest = json.loads(await bids.runtime.storage.read(key, 10_000))
    assert manifest["sha256"] == item["sha256"]
    assert (manifest["events"], manifest["audience"], manifest["service"]) == (1, "public", "bids")


async def test_the_inbox_forgets_after_two_weeks_in_batches(bids: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_PRUNED", 10)
    async with bids.runtime.read() as conn:
        await conn.execute(
            "INSERT INTO inbox (consumer, message_id, handled_at)"
            " SELECT 'bids.x', gen_random_uuid(), now() - make_interval(days => n % 28) FROM generate_series(0, 83) AS n"
        )
        await keeping.prune_inbox(bids.runtime)
        left = await conn.fetchrow("SELECT count(*) AS rows, min(handled_at) AS oldest, now() AS now FROM inbox")
    assert left["rows"] == 42
    assert (left["now"] - left["oldest"]).days < keeping.INBOX_DAYS
