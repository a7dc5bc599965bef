"""Where it is measured: private servers with durable settings, databases of the service, its processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aio_pika

from libs.common.bus.rabbit import RabbitBus
from libs.common.db import connect
from libs.common.migrate import migrate, provision
from libs.common.runtime import Runtime, open_runtime
from libs.common.settings import Settings
from libs.common.testing.servers.postgres import postgres
from libs.common.testing.servers.rabbitmq import rabbitmq
from tests.bench.backbone.shop import QUEUE, SERVICE, TOPOLOGY, body_template

__all__ = ["Place", "Servers", "servers"]

ROOT = Path(__file__).resolve().parents[3]
_FILL = """
WITH made AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, md5((g % $3)::text)::uuid AS key, g / $3 + 1 + $4::bigint AS place
      FROM generate_series(0, $2::bigint - 1) AS g
)
INSERT INTO outbox (event_id, type, key, organisation, recorded_at, body)
SELECT id, 'legality.act.exempted.v1', key::text, 'SIRET:21210231500018', now(),
       replace(replace(replace($1, '@id@', id::text), '@key@', key::text), '@place@', place::text)
  FROM made
 ORDER BY place
"""
_KEYS = 5000
_LOOK = 0.02  # seconds between two looks at what others do
_ENDED = "SELECT NOT EXISTS (SELECT FROM outbox) AND (SELECT min(position) FROM publisher) = position FROM event_head"


@dataclass
class Servers:
    """The private servers."""

    postgres: str
    amqp: str
    folder: Path

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Give a new database of the service, and a runtime on it."""
        prefix = f"halles_bench_{secrets.token_hex(3)}"
        settings = Settings(
            environment="test",
            database_url=self.postgres,
            database_prefix=prefix,
            database_urls={},
            amqp_url=self.amqp,
            data_dir=self.folder,
        )
        await provision(settings, SERVICE.name)
        await migrate(settings, SERVICE)
        async with open_runtime(SERVICE, settings) as runtime:
            bus = RabbitBus(self.amqp, topology=TOPOLOGY, name="bench")
            await bus.connect()
            try:
                yield Place(runtime, bus, self)
            finally:
                await bus.close()


@dataclass
class Place:
    """A database of the service, and its bus."""

    runtime: Runtime
    bus: RabbitBus
    servers: Servers
    filled: int = 0

    async def fill(self, count: int) -> None:
        """Commit events of 1 KiB to the outbox, at once; the places of each aggregate go on."""
        async with self.runtime.database.session() as conn:
            await conn.execute(_FILL, body_template(), count, _KEYS, self.filled)
        self.filled += count // _KEYS + 1

    async def published(self) -> bool:
        """Tell whether all that was committed is numbered, confirmed and marked."""
        async with self.runtime.read() as conn:
            return bool(await conn.fetchval(_ENDED))

    async def value(self, question: str) -> int:
        """Ask the database for a number."""
        async with self.runtime.read() as conn:
            return int(await conn.fetchval(question))

    async def until(self, look: Callable[[], Awaitable[int]], expected: int) -> None:
        """Wait until it is so."""
        while await look() != expected:  # noqa: ASYNC110  # other processes do it
            await asyncio.sleep(_LOOK)

    async def empty(self, table: str) -> None:
        """Empty a table."""
        async with self.runtime.read() as conn:
            await conn.execute({"effect": "TRUNCATE effect", "inbox": "TRUNCATE inbox"}[table])

    async def bodies(self, count: int) -> list[bytes]:
        """Give bodies of events that were published."""
        async with self.runtime.read() as conn:
            rows = await conn.fetch("SELECT body FROM event ORDER BY position DESC LIMIT $1", count)
        return [row["body"].encode() for row in reversed(rows)]

    async def purge(self) -> None:
        """Empty the queue."""
        async with await aio_pika.connect(self.servers.amqp) as connection, connection.channel() as channel:
            await (await channel.get_queue(QUEUE, ensure=False)).purge()

    @asynccontextmanager
    async def processes(self, *roles: str) -> AsyncIterator[dict[str, subprocess.Popen[bytes]]]:
        """Run real processes of the service, by role; `relay.2` is a second relay."""
        settings = self.runtime.settings
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HALLES_")},
            "HALLES_ENVIRONMENT": "test",
            "HALLES_DATABASE_URL": settings.database_url,
            "HALLES_DATABASE_PREFIX": settings.database_prefix,
            "HALLES_AMQP_URL": self.servers.amqp,
            "HALLES_DATA_DIR": str(self.servers.folder),
            "HALLES_ISSUER": "http://127.0.0.1:1/issuer",
            "HALLES_PORT": "0",
        }
        running = {}
        try:
            for role in roles:
                running[role] = _start(role, variables, self.servers.folder / f"{role}.log")
            yield running
        finally:
            for role, process in running.items():
                if process.poll() not in {None, -signal.SIGKILL}:
                    log = (self.servers.folder / f"{role}.log").read_text()
                    sys.stderr.write(f"{role} ended by itself: {log[-2000:]}\n")
                process.terminate()
            for process in running.values():
                await asyncio.to_thread(process.wait, 30)


def _start(role: str, variables: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.backbone.node", role.partition(".")[0]]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="halles-bench-", dir="/var/tmp"))  # on a real disk
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Run private servers that lose nothing: fsync and synchronous commits on, as in production."""
    folder = _folder()
    try:
        async with postgres(keep=folder / "postgresql") as url:
            conn = await connect(url)
            await conn.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            await conn.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
            await conn.close()
        async with postgres(keep=folder / "postgresql") as url, rabbitmq() as broker:
            yield Servers(url, broker.url, folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
