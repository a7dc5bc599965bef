"""The import of eForms notices, on one core: checked, drafted, stored, written, against a bare parse and INSERT of the same files.

The notices are made from the official and real ones (the demo's where those are absent), each with an identity of its own,
always the same. Each measure is a process of its own on one core; PostgreSQL is on the others, durable.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import click
from lxml import etree

from libs.common import standards
from libs.common.db import service_url
from libs.common.migrate import migrate, provision
from libs.common.settings import Settings
from libs.common.testing.servers.postgres import postgres
from services.notices.eforms.check import check
from services.notices.wiring import SERVICE
from tests.bench.backbone.proc import cpu_seconds

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[3]
TARGET = 150.0
_NOTICE = re.compile(rb'(<cbc:ID schemeName="notice-id">)[^<]*(<)')
_PROCEDURE = re.compile(rb"(<cbc:ContractFolderID>)[^<]*(<)")
_SEED = 20261122
_TOGETHER = 0.01
"""seconds: lines of the first chunk, printed together before the measure begins"""


@dataclass(frozen=True)
class Measure:
    """What one process took."""

    rate: float
    """Notices a second."""
    processor: float
    """Notices a second of processor time of the process."""
    peak: float
    """MiB."""


async def run(*, short: bool) -> None:
    """Print the rate of the import against the bare one, and its memory over few and many notices."""
    few, many = (100, 400) if short else (1_000, 10_000)
    with _folder() as folder:
        files = synthesise(folder / "xml", many)
        async with _settings(folder) as settings:
            small = await ours(settings, files[:few])
        async with _settings(folder) as settings:
            large = await ours(settings, files)
        async with _settings(folder) as settings:
            bare = await baseline(settings, files)
        _line("import of eForms notices, validation included", "notices/s/core", large.rate, TARGET, baseline=bare.rate)
        _line(
            "the same, by processor time of the process", "notices/s", large.processor, TARGET, baseline=bare.processor
        )
        _line(f"peak memory over {few} notices", "MiB", small.peak)
        _line(f"peak memory over {many} notices, at most 1.25 x that over {few}", "MiB", large.peak, 1.25 * small.peak)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="halles-bench-", dir="/var/tmp") as name:  # on a real disk
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def synthesise(folder: Path, count: int) -> list[str]:
    """Write notices made from real ones, and give their files."""
    folder.mkdir()
    sources = [data for data in _sources() if check(data).accepted and len(_NOTICE.findall(data)) == 1]
    numbers = random.Random(_SEED)  # not for secrets
    files = []
    for place in range(count):
        data = sources[place % len(sources)]
        for pattern in (_NOTICE, _PROCEDURE):
            identity = str(UUID(int=numbers.getrandbits(128), version=4)).encode()
            data = pattern.sub(rb"\g<1>" + identity + rb"\g<2>", data)
        path = folder / f"{place:05}.xml"
        path.write_bytes(data)
        files.append(str(path))
    return files


def _sources() -> list[bytes]:
    base = standards.folder()
    folders = [base / "eforms" / name for name in ("real", "notices")] if base else []
    found = [path for folder in folders for path in sorted(folder.glob("*.xml"))]
    chosen = [path for path in found if not path.name.startswith(("INVALID", "X0")) and path.stat().st_size < 2**20]
    return [path.read_bytes() for path in chosen or sorted((ROOT / "deploy/local/notices").glob("*.xml"))]


@asynccontextmanager
async def _settings(folder: Path) -> AsyncIterator[Settings]:
    """Give settings on a new durable database of the service."""
    data = folder / secrets.token_hex(4)
    data.mkdir()
    data.chmod(0o755)
    async with postgres(keep=data / "postgresql") as url:
        prefix = f"halles_bench_{secrets.token_hex(3)}"
        settings = Settings(
            environment="test", database_url=url, database_prefix=prefix, database_urls={}, data_dir=data
        )
        await provision(settings, SERVICE.name)
        await migrate(settings, SERVICE)
        yield settings
    shutil.rmtree(data, ignore_errors=True)


async def ours(settings: Settings, files: list[str]) -> Measure:
    """Measure the offline tool, all that it does at its start left out of the rate."""
    variables = {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URL": settings.database_url,
        "HALLES_DATABASE_PREFIX": settings.database_prefix,
        "HALLES_DATA_DIR": str(settings.data_dir),
        "HALLES_ISSUER": "http://127.0.0.1:1/issuer",
    }
    measure = await asyncio.to_thread(
        _process, [sys.executable, "-m", "services.notices", "import", *files], variables, len(files)
    )
    written = await _count(settings, "SELECT count(*) FROM notice")
    if written != len(files):
        raise click.ClickException(f"{written} of {len(files)} notices were imported")
    return measure


async def baseline(settings: Settings, files: list[str]) -> Measure:
    """Measure a bare parse and INSERT of the same files, each in its own transaction."""
    variables = {"BENCH_DSN": service_url(settings, SERVICE.name)}
    command = [sys.executable, "-m", "tests.bench.notices.imports", "--bare", *files]
    return await asyncio.to_thread(_process, command, variables, len(files))


async def bare(dsn: str, files: list[str]) -> None:
    """Parse and insert; what `baseline` runs."""
    conn = await asyncpg.connect(dsn)
    await conn.execute("CREATE TABLE bare (file text, body text)")
    for file in files:
        data = _read(file)
        etree.fromstring(data)
        await conn.execute("INSERT INTO bare VALUES ($1, $2)", file, data.decode())
        click.echo(json.dumps({"file": file}))
    await conn.close()


def _read(file: str) -> bytes:
    return Path(file).read_bytes()


def _process(command: list[str], variables: dict[str, str], count: int) -> Measure:
    """Run a process on the last core; the time is that from the first line it prints to its last."""
    core = max(os.sched_getaffinity(0))
    others = {
        name: value for name, value in os.environ.items() if not name.startswith("HALLES_") or "STANDARDS" in name
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=others | variables, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509  # no thread runs here
    )  # fmt: skip
    assert process.stdout is not None
    times, before = [], 0.0
    for line in process.stdout:
        if line.startswith("{"):
            times.append(time.perf_counter())
            before = before or cpu_seconds(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or len(times) != count:
        raise click.ClickException(f"{command[2]} ended with {process.returncode}, {len(times)} lines")
    rest = count - sum(1 for moment in times if moment - times[0] < _TOGETHER)
    spent = usage.ru_utime + usage.ru_stime - before
    return Measure(rest / (times[-1] - times[0]), rest / spent, usage.ru_maxrss / 1024)


async def _count(settings: Settings, question: str) -> int:
    conn = await asyncpg.connect(service_url(settings, SERVICE.name))
    try:
        return int(await conn.fetchval(question))
    finally:
        await conn.close()


def _line(name: str, unit: str, value: float, target: float | None = None, *, baseline: float | None = None) -> None:
    """Print a number as one JSON object: more is better for a rate, less for a memory."""
    met = None if target is None else (value >= target if "/s" in unit else value <= target)
    line = {
        "name": name,
        "unit": unit,
        "ours": round(value, 1),
        "baseline": None if baseline is None else round(baseline, 1),
        "ratio": None if baseline is None else round(value / baseline, 3),
        "target": None if target is None else round(target, 1),
        "met": met,
    }
    click.echo(json.dumps(line, ensure_ascii=False))


@click.command()
@click.option("--short", is_flag=True, help="Few notices, to see that it works; its figures mean little.")
@click.option("--bare", "is_bare", is_flag=True, hidden=True)
@click.argument("files", nargs=-1)
def main(*, short: bool, is_bare: bool, files: tuple[str, ...]) -> None:
    """Measure the import of eForms notices."""
    asyncio.run(bare(os.environ["BENCH_DSN"], list(files)) if is_bare else run(short=short))


if __name__ == "__main__":
    main()
