"""RabbitMQ for tests: a private broker from installed binaries.

The private broker has its own node name, ports, cookie, `epmd` and folders: the machine's own broker, if there is one, is
not touched.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika

from libs.common.process import Guarded, Program, start
from libs.common.testing.servers.postgres import free_port
from libs.common.testing.servers.scratch import RunFolder, new_run_folder

__all__ = ["NAMED", "Broker", "RabbitError", "answers", "find_scripts", "rabbitmq"]

READY_WITHIN = 120.0
"""Seconds; a first start took 15 on a busy machine."""
NAMED = "HALLES_RABBITMQ_SCRIPTS"
"""The setting that names the folder of another broker's scripts."""
SCRIPTS = (
    Path("/usr/lib/rabbitmq/bin"),
    Path("/opt/rabbitmq/sbin"),
    Path("/usr/local/sbin"),
    Path("/opt/homebrew/sbin"),
)


class RabbitError(RuntimeError):
    """No private broker could be started; the message says why and what to do."""


@dataclass(frozen=True)
class Broker:
    """A running broker and how to administer it."""

    url: str
    """AMQP address of its default virtual host."""
    api_url: str
    """Address of its management API, with user and password."""
    metrics_url: str
    """Where it tells of itself (rabbitmq_prometheus)."""
    folder: Path
    """Of everything it writes."""


def find_scripts() -> Path | None:
    """Give the folder of a broker's own scripts (not the wrappers that change user), None when none is installed.

    `HALLES_RABBITMQ_SCRIPTS` names another than the machine's (docs/brokers.md). Raises RabbitError when it has none.
    """
    named = os.environ.get(NAMED)
    if named:
        return _named_scripts(Path(named))
    on_path = shutil.which("rabbitmq-server")
    candidates = (*SCRIPTS, *((Path(on_path).resolve().parent,) if on_path else ()))
    return next((folder for folder in candidates if (folder / "rabbitmq-server").exists()), None)


def _named_scripts(folder: Path) -> Path:
    if not (folder / "rabbitmq-server").exists():
        raise RabbitError(f"{NAMED} names {folder}, which has no rabbitmq-server: see docs/brokers.md.")
    return folder


async def answers(url: str) -> bool:
    """Tell whether a broker answers at this address with these credentials."""
    parts = urlsplit(url)
    try:
        _, probe = await asyncio.open_connection(parts.hostname, parts.port or 5672)
        probe.close()
        connection = await aio_pika.connect(url, timeout=5)
    except (OSError, TimeoutError, aio_pika.exceptions.AMQPError):
        return False
    await connection.close()
    return True


@asynccontextmanager
async def rabbitmq() -> AsyncIterator[Broker]:
    """Run a private broker, removed at the end. Raises RabbitError."""
    scripts = find_scripts()
    if scripts is None:
        raise RabbitError("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server).")
    run = new_run_folder("rabbitmq")
    try:
        amqp, http, told = free_port(), free_port(), free_port()
        server = start(_program(scripts, run, amqp, http, told))
    finally:
        run.release()
    try:
        broker = Broker(
            f"amqp://guest:guest@127.0.0.1:{amqp}/",
            f"http://guest:guest@127.0.0.1:{http}",
            f"http://127.0.0.1:{told}/metrics",
            run.path,
        )
        await _wait(server, broker)
        yield broker
    finally:
        await server.stop()


def _program(scripts: Path, run: RunFolder, amqp: int, http: int, told: int) -> Program:
    folder = run.path
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.default = 127.0.0.1:{amqp}\n"
        f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {http}\n"
        f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {told}\n"
        "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        "vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 50MB\n"
    )
    (folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
    (folder / "rabbitmq-env.conf").write_text("")
    _write_cookie(folder)
    return Program(
        [str(scripts / "rabbitmq-server")],
        folder / "rabbitmq.log",
        env=_environment(folder),
        stop_signal=signal.SIGTERM,
        grace=30,
        remove=folder,
        keep_open=(run.lock,),
    )


def _write_cookie(folder: Path) -> None:
    with os.fdopen(os.open(folder / ".erlang.cookie", os.O_WRONLY | os.O_CREAT, 0o400), "w") as file:
        file.write(secrets.token_hex(20).upper())


def _environment(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),  # of the Erlang cookie
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP_BYTES": "0",
        "RABBITMQ_NODENAME": f"halles-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the broker instead of watching over it
    }


async def _wait(server: Guarded, broker: Broker) -> None:
    limit = time.monotonic() + READY_WITHIN
    while server.running and time.monotonic() < limit:
        if await answers(broker.url):
            return
        await asyncio.sleep(0.25)
    raise RabbitError(f"RabbitMQ did not start:\n{server.tail()}")
