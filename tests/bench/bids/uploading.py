"""What the measures of uploads share: a world, a process of the api, a file, one client that costs next to nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from tests.api.bids.uploads.api_process import ApiProcess, api_processes
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, Uploads, draft, open_world

__all__ = ["Place", "file_of", "oracle", "place", "send", "spent", "told"]

_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
_NODE = Path(__file__).resolve().parents[2] / "js" / "tus"


@dataclass
class Place:
    """A process of the api, and the service of a test beside it."""

    u: Uploads
    api: ApiProcess

    async def upload(self, size: int) -> tuple[str, dict[str, str]]:
        """Announce an upload that the platform seals; give its address and the headers of its bytes."""
        u = Uploads(self.u.w, await draft(self.u.w, [size], "platform"), [size])
        headers = {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company")
        return self.api.url + await u.create(), headers | MEDIA | {"Upload-Offset": "0"}


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Run the service, and one process of the api."""
    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    async with open_world(address, upload_expiry=timedelta(days=3650)) as w, api_processes(w, 1) as (api,):
        yield Place(Uploads(w, await draft(w, [1]), [1]), api)


@asynccontextmanager
async def file_of(size: int) -> AsyncIterator[Path]:
    """Give a file of random bytes."""
    with tempfile.TemporaryDirectory(prefix="halles-bench-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        yield path


@dataclass(frozen=True)
class Oracle:
    """@tus/server, running."""

    endpoint: str
    pid: int


@asynccontextmanager
async def oracle() -> AsyncIterator[Oracle | None]:
    """Run @tus/server with its file store; None where there is no Node."""
    if shutil.which("npm") is None:
        yield None
        return
    if not (_NODE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=_NODE, check=True)  # noqa: ASYNC221
    with tempfile.TemporaryDirectory(prefix="halles-bench-") as folder:
        process = subprocess.Popen(  # noqa: ASYNC220
            ["node", "server.mjs", folder],
            cwd=_NODE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            port = (await asyncio.to_thread(process.stdout.readline)).decode().strip()
            yield Oracle(f"http://127.0.0.1:{port}/files", process.pid)
        finally:
            process.kill()
            process.wait()


def send(address: str, headers: dict[str, str], path: Path, size: int) -> float:
    """Send a file in one PATCH with sendfile(2); give the seconds it took until the answer. Raises RuntimeError."""
    url = urlsplit(address)
    told = headers | {"Host": "localhost", "Content-Length": str(size)}
    head = f"PATCH {url.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items()) + "\r\n"
    with socket.create_connection((str(url.hostname), url.port or 80)) as wire, path.open("rb") as file:
        began = time.perf_counter()
        wire.sendall(head.encode())
        wire.sendfile(file, count=size)
        answer = wire.recv(65_536)
        seconds = time.perf_counter() - began
    if b" 204 " not in answer.split(b"\r\n", 1)[0]:
        raise RuntimeError(answer[:300].decode(errors="replace"))
    return seconds


def spent(family: list[int]) -> float:
    """Give the seconds of processor time that these processes used, and those below them that ended (proc(5), stat)."""
    ticks = 0
    for each in family:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def told(headers: dict[str, str], length: int) -> str:
    """Give a request that announces an upload to the oracle."""
    return "".join(f"{name}: {value}\r\n" for name, value in (headers | {"Upload-Length": str(length)}).items())
