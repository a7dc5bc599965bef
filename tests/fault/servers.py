"""Private servers that a test may restart, kill, alarm and fill: same ports, same data, until the end of the block."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from libs.common.process import Guarded, Program, start
from libs.common.testing.servers import postgres as pg
from libs.common.testing.servers import rabbitmq as rabbit
from libs.common.testing.servers.scratch import new_run_folder

READY_WITHIN = 90.0  # seconds
_PORTS = range(20_000, 32_000)
"""Below those that systems give to clients: nobody takes the port of a server while it is down."""


def lasting_port() -> int:
    """Give a port of the loopback interface for a server that comes and goes."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Server:
    """A server under our hand."""

    url: str
    program: Program
    ready: Callable[[], Awaitable[bool]]
    running: Guarded
    restarts: int = 0

    async def restart(self, stop_signal: int) -> None:
        """Stop it by this signal, start it again on the same data, wait until it answers."""
        _signal_children(self.running.guard_pid, stop_signal)
        while self.running.running:  # noqa: ASYNC110  # its guard ends with it
            await asyncio.sleep(0.05)
        await self.running.stop()
        self.running = start(self.program)
        self.restarts += 1
        await self.wait()

    async def wait(self) -> None:
        """Wait until it answers. Raises RuntimeError when it does not."""
        async with asyncio.timeout(READY_WITHIN):
            while not await self.ready():  # another process does it
                if not self.running.running:
                    raise RuntimeError(f"the server ended: {self.running.tail()}")
                await asyncio.sleep(0.1)


def _signal_children(guard: int, number: int) -> None:
    for child in Path(f"/proc/{guard}/task/{guard}/children").read_text().split():
        with suppress(ProcessLookupError):  # a helper that ended with its parent
            os.kill(int(child), number)


@asynccontextmanager
async def postgres() -> AsyncIterator[Server]:
    """Run a private PostgreSQL whose commits survive an immediate shutdown (not a power cut: nothing is flushed)."""
    cluster = await asyncio.to_thread(pg._prepare, None, None)
    port = lasting_port()
    program = replace(pg._program(cluster, port), remove=None, grace=30)
    # commits must reach the kernel at least; a later -c wins over an earlier one
    program = replace(program, command=[*program.command, "-c", "synchronous_commit=on", "-c", "max_connections=150"])
    url = f"postgresql://{pg.ADMINISTRATOR}:{cluster.password_file.read_text()}@127.0.0.1:{port}/postgres"

    async def ready() -> bool:
        try:
            await (await asyncpg.connect(url, timeout=5)).close()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    server = Server(url, program, ready, start(program))
    try:
        await server.wait()
        yield server
    finally:
        await server.running.stop()
        os.close(cluster.lock)
        await asyncio.to_thread(shutil.rmtree, cluster.folder, True)


class Broker(Server):
    """A private RabbitMQ and its administration."""

    api: str
    tool: str

    async def control(self, *words: str) -> None:
        """Run rabbitmqctl on it. Raises RuntimeError."""
        command = [self.tool, "--quiet", *words]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=90,
            env={**os.environ, **self.program.env},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {words[0]}: {done.stderr or done.stdout}")

    async def ask(self, method: str, path: str, content: object = None) -> object:
        """Ask its management API. Raises aiohttp.ClientResponseError."""
        parts = urlsplit(self.api)
        login = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        base = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/{path}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Basic {login}"}, raise_for_status=True) as client,
            client.request(method, base, json=content) as answer,
        ):
            return await answer.json() if answer.content_length and answer.content_type.endswith("json") else None


@asynccontextmanager
async def rabbitmq() -> AsyncIterator[Broker]:
    """Run a private RabbitMQ."""
    scripts = rabbit.find_scripts()
    if scripts is None:
        raise RuntimeError("RabbitMQ is not installed")
    run = await asyncio.to_thread(new_run_folder, "rabbitmq")
    amqp, http, told = (lasting_port() for _ in range(3))
    program = replace(rabbit._program(scripts, run, amqp, http, told), remove=None, stop_signal=signal.SIGTERM)
    lasting = {name: str(lasting_port()) for name in ("ERL_EPMD_PORT", "RABBITMQ_DIST_PORT")}
    program = replace(program, env={**program.env, **lasting})
    url = f"amqp://guest:guest@127.0.0.1:{amqp}/"

    async def ready() -> bool:
        return await rabbit.answers(url)

    server = Broker(url, program, ready, start(program))
    server.api, server.tool = f"http://guest:guest@127.0.0.1:{http}", str(scripts / "rabbitmqctl")
    try:
        await server.wait()
        yield server
    finally:
        with suppress(FileNotFoundError):  # its guard has ended with it
            _signal_children(server.running.guard_pid, signal.SIGKILL)  # nothing of it is worth a clean end
        await server.running.stop()
        run.release()
        await asyncio.to_thread(shutil.rmtree, run.path, True)
