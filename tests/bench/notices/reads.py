"""Reading one notice over HTTP, traced and counted, against a bare handler that returns the same bytes.

Each server is a process of its own; the load is raw HTTP/1.1 on kept connections, so that the client costs next to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

import asyncpg
import click
import uvloop
from aiohttp import ClientSession, web
from yarl import URL

from libs.common.db import service_url
from libs.common.migrate import migrate, provision
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer
from libs.common.testing.officers import officer
from libs.common.testing.servers.postgres import postgres
from services.notices.wiring import SERVICE

__all__ = ["Reads", "reading", "service_process", "told_port"]

ROOT = Path(__file__).resolve().parents[3]
BUYER = "SIRET:20009971100018"
_CONNECTIONS = 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEYS = [officer("deputy"), officer("president"), officer("prefecture", recovery=True)]


class _Caller(asyncio.Protocol):
    """Sends the same request again and again on one connection, and counts the answers."""

    def __init__(self, request: bytes, status: bytes) -> None:
        self._request = request
        self._begins = b"HTTP/1.1 " + status
        self._got = bytearray()
        self.done = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self._got.startswith(self._begins):
            raise RuntimeError(bytes(self._got[:200]).decode("latin-1"))
        length = _LENGTH.search(self._got, 0, end)
        if len(self._got) < end + 4 + (int(length[1]) if length and b" 304" not in self._begins else 0):
            return
        self._got.clear()
        self.done += 1
        self._transport.write(self._request)

    def close(self) -> None:
        self._transport.close()


@dataclass(frozen=True)
class Reads:
    """Two servers that hold the same notice."""

    ours: int
    """Port."""
    bare: int
    notice_id: UUID
    tag: str
    """Of our answer, and of the bare one."""
    token: str
    spans: list[int]
    """Bytes of spans that the collector got."""

    async def rate(self, server: str, *, conditional: bool = False, authenticated: bool = False) -> float:
        """Give reads a second of `ours` or `bare`."""
        path = f"/notices/v1/notices/{self.notice_id}" if server == "ours" else f"/notice/{self.notice_id}"
        lines = [f"GET {path} HTTP/1.1", "Host: bench"]
        lines += [f"If-None-Match: {self.tag}"] if conditional else []
        lines += [f"Authorization: Bearer {self.token}"] if authenticated else []
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return await _load(self.ours if server == "ours" else self.bare, request, b"304" if conditional else b"200")


async def _load(port: int, request: bytes, status: bytes, seconds: float = 2.0) -> float:
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(_CONNECTIONS):
        _, caller = await loop.create_connection(lambda: _Caller(request, status), "127.0.0.1", port)
        callers.append(caller)
    await asyncio.sleep(0.3)
    before, began = sum(caller.done for caller in callers), time.perf_counter()
    await asyncio.sleep(seconds)
    done, took = sum(caller.done for caller in callers) - before, time.perf_counter() - began
    for caller in callers:
        caller.close()
    return done / took


@asynccontextmanager
async def reading(settings: Settings, folder: Path) -> AsyncIterator[Reads]:
    """Start both servers on the database of the notices service, migrated already, and publish one notice."""
    issuer = TestIssuer()
    spans: list[int] = []
    async with contextlib.AsyncExitStack() as stack:
        collector = await stack.enter_async_context(_collector(spans))
        variables = {
            "HALLES_ENVIRONMENT": "test",
            "HALLES_DATABASE_URL": settings.database_url,
            "HALLES_DATABASE_PREFIX": settings.database_prefix,
            "HALLES_DATA_DIR": str(folder),
            "HALLES_ISSUER": issuer.issuer,
            "HALLES_JWKS_URL": issuer.write_jwks(folder),
            "HALLES_OTLP_URL": collector,
            "HALLES_RATE_PER_MINUTE": "1000000000",
        }
        ours = stack.enter_context(
            service_process(["-m", "services.notices", "api", "--port", "0"], variables, folder / "api.log")
        )
        port = await told_port(folder / "api.log")
        token = issuer.token(organisation=BUYER)
        notice_id, body, tag = await _publish(port, token)
        dsn = service_url(settings, "notices")
        await _keep(dsn, notice_id, body, tag)
        bare = stack.enter_context(
            service_process([str(ROOT / "tests/bench/notices/bare.py"), dsn], {}, folder / "bare.log")
        )
        yield Reads(port, await told_port(folder / "bare.log"), notice_id, tag, token, spans)
        assert ours.poll() is None, (folder / "api.log").read_text()[-2000:]
        assert bare.poll() is None, (folder / "bare.log").read_text()[-2000:]


@asynccontextmanager
async def _collector(spans: list[int]) -> AsyncIterator[str]:
    """Take spans as an OpenTelemetry collector does."""

    async def take(request: web.Request) -> web.Response:
        spans.append(len(await request.read()))
        return web.Response(status=200)

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def service_process(words: list[str], variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=kept | variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def told_port(log: Path) -> int:
    """Wait for the port that a process says it listens on."""
    async with asyncio.timeout(60):
        while True:
            found = await asyncio.to_thread(_port_in, log)
            if found:
                return found
            await asyncio.sleep(0.05)


def _port_in(log: Path) -> int | None:
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return next((URL(line["url"]).port for line in lines if "url" in line), None)


async def _publish(port: int, token: str) -> tuple[UUID, bytes, str]:
    """Import a notice of the demo, publish it, and give what a reader gets."""
    base = f"http://127.0.0.1:{port}/notices/v1"
    source = next((ROOT / "deploy/local/notices").glob("01-*.xml")).read_bytes()
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(headers=headers, raise_for_status=True) as client:
        taken = await client.post(f"{base}/notices/import", data=source, headers={"Content-Type": "application/xml"})
        notice = await taken.json()
        change = {"opening": {"threshold": 2, "officers": _KEYS}, "deadline": "2030-01-15T12:00:00+01:00"}
        path = f"{base}/notices/{notice['notice_id']}"
        changed = await client.patch(path, json=change, headers={"If-Match": taken.headers["ETag"]})
        await client.post(f"{path}/publication", headers={"If-Match": changed.headers["ETag"]})
    async with ClientSession(raise_for_status=True) as anybody, anybody.get(path) as answer:
        return UUID(notice["notice_id"]), await answer.read(), answer.headers["ETag"]


async def _keep(dsn: str, notice_id: UUID, body: bytes, tag: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("CREATE TABLE bare (notice_id uuid PRIMARY KEY, body bytea NOT NULL, tag text NOT NULL)")
        await conn.execute("INSERT INTO bare VALUES ($1, $2, $3)", notice_id, body, tag)
    finally:
        await conn.close()


async def _pairs(
    reads: Reads, name: str, target: float, rounds: int, *, conditional: bool, authenticated: bool
) -> None:
    """Measure both, one after the other, and print the medians; the ratio is the median of the pairs' ratios."""
    pairs = []
    for _ in range(rounds):
        ours = await reads.rate("ours", conditional=conditional, authenticated=authenticated)
        pairs.append((ours, await reads.rate("bare", conditional=conditional)))
    ratio = statistics.median(one / other for one, other in pairs)
    first, second = (statistics.median(values) for values in zip(*pairs, strict=True))
    line = {
        "name": name,
        "unit": "requests/s",
        "ours": round(first, 1),
        "baseline": round(second, 1),
        "ratio": round(ratio, 3),
        "target": target,
        "met": ratio >= target,
    }
    click.echo(json.dumps(line, ensure_ascii=False))


async def run(*, short: bool) -> None:
    """Measure, on a private PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="halles-reads-") as place:
        async with postgres() as address:
            await _measure(address, Path(place), 1 if short else 7)


async def _measure(address: str, folder: Path, rounds: int) -> None:
    settings = Settings(
        environment="test", database_url=address, database_urls={}, database_prefix="halles_bench", data_dir=folder
    )
    await provision(settings, SERVICE.name)
    await migrate(settings, SERVICE)
    async with reading(settings, folder) as reads:
        for conditional, target in ((False, 0.5), (True, 0.6)):
            for authenticated in (False, True):
                name = f"read a notice{', 304' if conditional else ''}, {'authenticated' if authenticated else 'anonymous'}"
                await _pairs(reads, name, target, rounds, conditional=conditional, authenticated=authenticated)
    click.echo(f"# the collector got {len(reads.spans)} batches of spans, {sum(reads.spans)} bytes", err=True)


@click.command(epilog="Example: python -m tests.bench.notices.reads --short")
@click.option("--short", is_flag=True, help="One pair each, to see that it works; its figures mean little.")
def main(*, short: bool) -> None:
    """Measure the reading of one notice over HTTP."""
    uvloop.run(run(short=short))


if __name__ == "__main__":
    main()
