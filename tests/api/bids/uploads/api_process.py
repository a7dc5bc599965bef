"""Real processes of the api, beside the service of a test: on its database, its storage and its issuer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from libs.common.testing.servers.postgres import free_port
from tests.api.bids.bids_world import World

_ROOT = Path(__file__).resolve().parents[4]
_PATIENCE = 180.0  # seconds: one starts in 2 on a quiet machine; 83 were seen at a load of 15


@dataclass
class ApiProcess:
    """One process that can be killed and started again at the same address."""

    w: World
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.port = self.port or free_port()
        settings = self.w.h.runtime.settings
        told = {
            "HALLES_ENVIRONMENT": "test",
            "HALLES_DATABASE_URLS": json.dumps(dict(settings.database_urls)),
            "HALLES_DATA_DIR": str(settings.data_dir),
            "HALLES_ISSUER": settings.issuer,
            "HALLES_JWKS_URL": str(settings.jwks_url),
            "HALLES_RATE_PER_MINUTE": "1000000",
            "HALLES_POOL_SIZE": "6",
            "HALLES_UPLOAD_EXPIRY": "P3650D",
        }
        known = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")}
        self.process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
            [sys.executable, "-m", "services.bids", "api", "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=_ROOT, env=known | told | dict(self.variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(_PATIENCE), aiohttp.ClientSession() as client:
            while not await self._ready(client):
                assert self.process.poll() is None, "the process ended"
                await asyncio.sleep(0.05)

    async def _ready(self, client: aiohttp.ClientSession) -> bool:
        with suppress(aiohttp.ClientError):
            async with client.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        return False

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Have it end by itself; give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def family(self) -> list[int]:
        """Give the numbers of the process and of all below it."""
        found = [self.pid]
        for each in found:
            with suppress(OSError):
                for task in Path(f"/proc/{each}/task").iterdir():  # the fork server was begun by a thread
                    found += [int(one) for one in (task / "children").read_text().split()]
        return found


@asynccontextmanager
async def api_processes(w: World, count: int, **variables: str) -> AsyncIterator[list[ApiProcess]]:
    """Run so many processes of the api."""
    made = [ApiProcess(w, variables) for _ in range(count)]
    try:
        await asyncio.gather(*(each.start() for each in made))
        yield made
    finally:
        for each in made:
            each.kill()


def memory(process: int) -> bytes:
    """Give all memory that a process may read; root may ask, and nothing is found of a process that ended."""
    found = []
    with suppress(OSError), Path(f"/proc/{process}/mem").open("rb", buffering=0) as pages:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if match and "[v" not in line:
                start, end = int(match[1], 16), int(match[2], 16)
                with suppress(OSError, OverflowError):
                    pages.seek(start)
                    found.append(pages.read(end - start))
    return b"".join(found)
