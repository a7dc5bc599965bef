"""The private PostgreSQL: any binaries, wherever the clone lies, closed to others, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local import embedded
from libs.common.testing.servers import postgres as module
from libs.common.testing.servers.postgres import Binaries, PostgresError, find_binaries, postgres
from libs.common.testing.servers.scratch import new_run_folder, reachable, remove_dead_runs, scratch_root

ROOT = Path(__file__).resolve().parents[3]
BUNDLED = module._bundled()[0]
KINDS = {"bundled": BUNDLED, **{f"installed-{found.major}": found for found in module._installed()}}


def servers_on(folder: Path) -> set[int]:
    """The process numbers of the PostgreSQL servers whose data lie in this folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if b"postgres\0-D\0" in command and str(folder).encode() in command:
            found.add(int(entry.name))
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_server_starts_and_leaves_nothing(kind: str) -> None:
    async with postgres(binaries=KINDS[kind]) as url:
        connection = await asyncpg.connect(url)
        folder = Path(await connection.fetchval("SHOW data_directory")).parent
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert int(await connection.fetchval("SHOW server_version_num")) // 10000 == KINDS[kind].major
        assert await connection.fetchval("SELECT to_tsvector('french', 'écoles') @@ to_tsquery('french', 'école')")
        assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
        await connection.close()
    assert not folder.exists()
    with pytest.raises(OSError, match=r"refus|Connect|refused"):
        await asyncpg.connect(url)


async def test_server_wants_its_password() -> None:
    async with postgres(binaries=BUNDLED) as url:
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(parts.password or "", "wrong"))


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root reads its own clone")
async def test_binaries_below_a_closed_folder_are_copied_where_the_server_reads_them(tmp_path: Path) -> None:
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    base = BUNDLED.parts[0].parent.parent
    parts = [shutil.copytree(part, closed / part.relative_to(base), symlinks=True) for part in BUNDLED.parts]
    assert not reachable(parts[0] / "bin", (65534, 65534))
    copies = set(scratch_root().glob("postgresql-*"))
    try:
        async with postgres(binaries=Binaries(parts[0] / "bin", BUNDLED.major, tuple(parts))) as url:
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
    finally:
        for copy in set(scratch_root().glob("postgresql-*")) - copies:
            shutil.rmtree(copy)


async def test_kept_data_are_found_again_and_used_by_one_run_at_a_time() -> None:
    run = new_run_folder("kept")
    keep = run.path / "kept"
    try:
        async with postgres(keep=keep, binaries=BUNDLED) as url:
            connection = await asyncpg.connect(url)
            await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert await connection.fetchval("SHOW fsync") == "on"
            await connection.close()
            with pytest.raises(PostgresError, match="another run"):
                async with postgres(keep=keep):
                    pass
        async with postgres(keep=keep) as url:  # finds binaries of the major version that made the data
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("SELECT answer FROM kept") == 42
            await connection.close()
    finally:
        run.release()
        shutil.rmtree(run.path)


PARENT = """
import asyncio
import asyncpg
from libs.common.testing.servers.postgres import postgres
async def main():
    async with postgres() as url:
        connection = await asyncpg.connect(url)
        print(await connection.fetchval("SHOW data_directory"), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def test_no_server_is_left_after_the_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    folder = Path(parent.stdout.readline().strip()).parent
    assert servers_on(folder)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    limit = time.monotonic() + 30
    while servers_on(folder) or folder.exists():
        assert time.monotonic() < limit, "a server or its folder is left"
        time.sleep(0.05)


def test_folders_of_dead_runs_are_removed_and_those_in_use_kept() -> None:
    dead, used = new_run_folder("dead"), new_run_folder("used")
    dead.release()
    remove_dead_runs(scratch_root())
    assert not dead.path.exists()
    assert used.path.exists()
    used.release()
    shutil.rmtree(used.path)


def test_missing_major_version_is_said_clearly() -> None:
    with pytest.raises(PostgresError, match="PostgreSQL 99 was not found"):
        find_binaries(99)


def test_runs_that_start_together_do_not_take_each_other_for_dead() -> None:
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            runs = list(threads.map(new_run_folder, ["together"] * 8))
            assert all(run.path.is_dir() for run in runs)
            for run in runs:
                run.release()
                shutil.rmtree(run.path)


async def test_server_that_cannot_start_says_why() -> None:
    run = new_run_folder("broken")
    try:
        with pytest.raises(PostgresError, match="initdb failed: out of order"):
            await _open(Binaries(_broken(run.path), 18))
    finally:
        run.release()
        shutil.rmtree(run.path)


def _broken(folder: Path) -> Path:
    folder = folder / "bin"
    folder.mkdir()
    for name in ("initdb", "postgres"):
        (folder / name).write_text("#!/bin/sh\necho 'out of order' >&2\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


async def _open(binaries: Binaries) -> None:
    async with postgres(binaries=binaries):
        raise AssertionError("a broken server cannot start")


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root reads its own folder")
def test_kept_data_of_a_closed_clone_go_where_the_server_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run_folder("system")
    monkeypatch.setattr(embedded, "SYSTEM_FOLDER", run.path / "system")
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    folder = embedded.kept_folder(closed / "data")
    assert folder.is_relative_to(run.path)
    assert folder == embedded.kept_folder(closed / "data"), "the next run would not find its data"
    assert folder != embedded.kept_folder(closed / "other")
    assert embedded.kept_folder(run.path / "data") == run.path / "data" / "postgresql"
    run.release()
    shutil.rmtree(run.path)
