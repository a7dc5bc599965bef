"""Where the tests' servers are: named by the environment, else a PostgreSQL of our own, the broker of this machine or one of our own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from libs.common.testing.servers.debian import InstallError, find_chromium, find_promtool, install, may_install
from libs.common.testing.servers.postgres import postgres
from libs.common.testing.servers.rabbitmq import NAMED, RabbitError, answers, find_scripts, rabbitmq

__all__ = ["offer_programs", "servers"]

LOCAL_BROKER = "amqp://guest:guest@127.0.0.1:5672/"
LOCAL_API = "http://guest:guest@127.0.0.1:15672"


@asynccontextmanager
async def servers() -> AsyncIterator[dict[str, str]]:
    """Give the environment that leads the tests to a real PostgreSQL and a real RabbitMQ; stop those started for it.

    Raises RabbitError when there is no broker and none can be had: the tests never do without.
    """
    async with AsyncExitStack() as stack:
        yield {**await _database(stack), **await _broker(stack)}


async def _database(stack: AsyncExitStack) -> dict[str, str]:
    if os.environ.get("HALLES_DATABASE_URL"):
        _say("PostgreSQL: the one of HALLES_DATABASE_URL")
        return {}
    _say("PostgreSQL: a private one")  # not this machine's: each test has a database, far quicker made without fsync
    return {"HALLES_DATABASE_URL": await stack.enter_async_context(postgres())}


async def _broker(stack: AsyncExitStack) -> dict[str, str]:
    if os.environ.get("HALLES_AMQP_URL"):
        _say("RabbitMQ: the one of HALLES_AMQP_URL")
        return {}
    if not os.environ.get(NAMED) and await answers(LOCAL_BROKER):
        way = await asyncio.to_thread(_local_administration)
        if way is not None:
            _say("RabbitMQ: the one on localhost")
            return {"HALLES_AMQP_URL": LOCAL_BROKER, **way}
    if find_scripts() is None:
        await asyncio.to_thread(_install_broker)
    _say("RabbitMQ: a private one")
    broker = await stack.enter_async_context(rabbitmq())
    return {"HALLES_AMQP_URL": broker.url, "HALLES_RABBITMQ_API": broker.api_url}


def _local_administration() -> dict[str, str] | None:
    """Give what lets tests make virtual hosts on the broker of this machine, None when nothing does."""
    if os.environ.get("HALLES_RABBITMQ_API"):
        return {}
    if _api_answers(LOCAL_API):
        return {"HALLES_RABBITMQ_API": LOCAL_API}
    tool = shutil.which("rabbitmqctl")
    if tool is None:
        return None
    answer = subprocess.run([tool, "--quiet", "list_vhosts"], capture_output=True, check=False, timeout=60)
    return {} if answer.returncode == 0 else None


def _api_answers(url: str) -> bool:
    parts = urlsplit(url)
    login = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310  # our own address
        f"{parts.scheme}://{parts.hostname}:{parts.port}/api/vhosts", headers={"Authorization": f"Basic {login}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _install_broker() -> None:
    how = "set HALLES_AMQP_URL, or install rabbitmq-server (Debian: apt-get install rabbitmq-server)."
    if not may_install():
        raise RabbitError(f"The tests need a RabbitMQ, and there is none on this machine: {how}")
    _say("RabbitMQ: installing rabbitmq-server")
    try:
        install("rabbitmq-server")
    except InstallError as error:
        raise RabbitError(f"The tests need a RabbitMQ: {how} ({error})") from error


def offer_programs() -> None:
    """Install where we may the programs that some tests need; those tests are counted as skipped where not."""
    if find_chromium() is None:
        _offer("chromium", "the tests of the pages")
    if find_promtool() is None:
        _offer("prometheus", "the tests of alerts and figures")


def _offer(package: str, tests: str) -> None:
    if not may_install():
        return
    _say(f"{package}: installing it for {tests}")
    try:
        install(package)
    except InstallError as error:
        _say(f"{package}: {error} Skipped: {tests}.")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201  # a command's own progress
