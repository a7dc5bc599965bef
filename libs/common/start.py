"""How a process starts: it waits for what it needs, says what for, and gives up with a clear word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aio_pika
import structlog

from libs.common.bus.rabbit.link import BROKER_AWAY, guarded
from libs.common.db import DATABASE_AWAY, connect, service_url
from libs.common.migrate import NotMigratedError, check
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.stop import pause

__all__ = [
    "MissingSettingError",
    "UnavailableError",
    "broker_url",
    "wait_for_broker",
    "wait_for_database",
    "wait_for_server",
]

_BETWEEN = 0.5  # seconds between two tries
_DATABASE = (*DATABASE_AWAY, NotMigratedError)
_log = structlog.get_logger(__name__)


class MissingSettingError(Exception):
    """The process cannot run without a setting that is not there."""


class UnavailableError(Exception):
    """What the process needs did not come in time."""


async def wait_for_server(settings: Settings, stop: asyncio.Event) -> None:
    """Wait until the database server lets the administrator in. Raises UnavailableError."""

    async def ask() -> None:
        await (await connect(settings.database_url, application="halles start")).close()

    await _wait(f"database server {_place(settings.database_url)}", ask, _DATABASE, settings.start_seconds, stop)


async def wait_for_database(settings: Settings, service: Service, stop: asyncio.Event) -> None:
    """Wait until the service's own database answers and is migrated. Raises UnavailableError or MigrationError."""
    url = service_url(settings, service.name)

    async def ask() -> None:
        conn = await connect(url, application=f"halles {service.name} start")
        try:
            await check(conn, service)
        finally:
            await conn.close()

    await _wait(f"database {_place(url)}", ask, _DATABASE, settings.start_seconds, stop)


def broker_url(settings: Settings) -> str:
    """Give the address of the broker. Raises MissingSettingError."""
    if settings.amqp_url is None:
        raise MissingSettingError(
            "no broker: set HALLES_AMQP_URL (amqp://user:password@host:5672/vhost), "
            "or run all the services in one process with `make up`"
        )
    return settings.amqp_url


async def wait_for_broker(settings: Settings, stop: asyncio.Event) -> None:
    """Wait until the broker lets us in. Raises UnavailableError, MissingSettingError."""
    url = broker_url(settings)

    async def ask() -> None:
        conn = await guarded(aio_pika.connect(url, timeout=5))  # a broker that is stopping resets in the middle of it
        await guarded(conn.close())

    await _wait(f"broker {_place(url)}", ask, BROKER_AWAY, settings.start_seconds, stop)


async def _wait(
    name: str,
    ask: Callable[[], Awaitable[None]],
    away: tuple[type[BaseException], ...],
    seconds: float,
    stop: asyncio.Event,
) -> None:
    deadline, told = time.monotonic() + seconds, ""
    while not stop.is_set():
        try:
            await ask()
        except away as error:
            reason = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise UnavailableError(f"{name} is not ready after {seconds:.0f} s: {reason}") from error
            if reason != told:
                _log.warning("waiting", what=name, reason=reason)
                told = reason
        else:
            return
        await pause(stop, _BETWEEN)


def _place(url: str) -> str:
    """Give what of an address may be shown: no password."""
    parts = urlsplit(url)
    return f"{parts.path.lstrip('/') or '/'} at {parts.hostname}:{parts.port or 'default port'} as {parts.username}"
