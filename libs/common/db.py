"""PostgreSQL: the pool of a service, its address, named SQL, wake-ups by NOTIFY."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pydantic_core

from libs.common.settings import Settings

__all__ = [
    "DATABASE_AWAY",
    "Database",
    "Queries",
    "Wake",
    "connect",
    "database_name",
    "load_queries",
    "service_password",
    "service_url",
]

Queries = Mapping[str, str]
"""SQL by name."""
DATABASE_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where the server is gone, goes, or comes back; the last one where its farewell crosses a question."""

_HEADER = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_CONNECT_SECONDS = 10
_COMMAND_SECONDS = 120  # of one statement of the pool; what takes longer belongs in `Database.session`
_CLOSE_SECONDS = 5  # to give connections back, once the service is stopped
_SESSION = {
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",  # a stuck transaction must not hold back the event log for ever
    # the server finds out that we are gone without a word (power, network) within 30 s: our locks and leads are free then
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
    "jit": "off",  # our statements are short: compiling them costs more than it gains
}


def load_queries(path: Path) -> Queries:
    """Give the blocks of a `queries.sql` by name; a block begins with `-- name --`. Raises ValueError on a name twice."""
    parts = _HEADER.split(path.read_text(encoding="utf-8"))
    names, blocks = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: a query has the same name as another")
    return MappingProxyType({name: block.strip() for name, block in zip(names, blocks, strict=True)})


def database_name(settings: Settings, service: str) -> str:
    """Give the name of a service's database, which is also its login: `halles_notices`."""
    return f"{settings.database_prefix}_{service}"


def service_password(settings: Settings, login: str) -> str:
    """Give the password of a login, derived from the secret: nothing to hand out but the secret."""
    key = settings.secret.get_secret_value().encode()
    digest = hmac.digest(key, f"database:{login}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def service_url(settings: Settings, service: str) -> str:
    """Give the address of a service's own database, with its own login."""
    if service in settings.database_urls:
        return settings.database_urls[service]
    name = database_name(settings, service)
    server = urlsplit(settings.database_url)
    place = server.netloc.rpartition("@")[2]
    netloc = f"{quote(name)}:{quote(service_password(settings, name))}@{place}"
    return urlunsplit((server.scheme, netloc, f"/{name}", server.query, ""))


async def _prepare(conn: asyncpg.Connection) -> None:
    _find_out_soon(conn)
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(
            kind, schema="pg_catalog", encoder=_to_json, decoder=pydantic_core.from_json, format="text"
        )


def _find_out_soon(conn: asyncpg.Connection) -> None:
    """Have the kernel end a connection whose server is gone without a word within 30 s, rather than after hours."""
    wire = conn._transport.get_extra_info("socket")  # noqa: SLF001  # asyncpg has no option for it
    if wire is None or wire.family == socket.AF_UNIX or not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)  # milliseconds


def _to_json(value: object) -> str:
    return pydantic_core.to_json(value).decode()


async def connect(url: str, *, application: str = "halles") -> asyncpg.Connection:
    """Open one connection outside any pool, with the same types and session as the pool's."""
    conn = await asyncpg.connect(
        url, timeout=_CONNECT_SECONDS, server_settings={**_SESSION, "application_name": application}
    )
    await _prepare(conn)
    return conn


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is not typed
    """A connection of the pool: carries no state of its session from one user to the next, so needs no reset.

    The reset is a round trip at each release: without it twice as many small reads a second were measured. What changes
    a session (SET without LOCAL, a session's lock, LISTEN) takes `Database.session` instead.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Give nothing to run at release; asyncpg still ends a transaction left open."""
        return ""


class Wake:
    """Wakes a loop when somebody notified its channel; losing a notification only costs the poll's delay."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake whoever waits, or the next who will."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when woken, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Database:
    """The database of one service: a pool, and one session that listens for all its loops."""

    def __init__(self, url: str, *, pool_size: int = 7, application: str = "halles") -> None:
        self.url = url
        self.application = application
        self._pool = asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            init=_prepare,
            connection_class=_Connection,
            timeout=_CONNECT_SECONDS,
            command_timeout=_COMMAND_SECONDS,
            server_settings={**_SESSION, "application_name": application},
        )
        self._listener: asyncpg.Connection | None = None
        self._heard: set[str] = set()
        self._channels: dict[str, list[Wake]] = {}
        self._listening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            await self._listener.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:  # somebody keeps a connection: the process ends all the same
            self._pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection of the pool."""
        async with self._pool.acquire() as conn:
            yield conn

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection of its own, for a lock held for long; ends with the block."""
        conn = await connect(self.url, application=self.application)
        try:
            yield conn
        finally:
            await conn.close()

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Wake]:
        """Give a wake-up that rings at each NOTIFY of the channel; all loops of a process share one session.

        The loop calls `keep_listening` at each turn: that opens the session.
        """
        wake = Wake()
        self._channels.setdefault(channel, []).append(wake)
        try:
            yield wake
        finally:
            self._channels[channel].remove(wake)

    async def keep_listening(self) -> None:
        """Open the listening session, again if it was lost; cheap when it is well."""
        async with self._listening:
            if self._listener is None or self._listener.is_closed():
                self._listener = await connect(self.url, application=f"{self.application} listener")
                self._heard.clear()
            for channel in self._channels.keys() - self._heard:
                await self._listener.add_listener(channel, self._ring)
                self._heard.add(channel)

    def _ring(self, _conn: object, _pid: int, channel: str, _payload: object) -> None:
        for wake in self._channels.get(channel, ()):
            wake.set()
