"""A TCP proxy that a test can cut: what a broken network does to a connection, without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards bytes between its own port and a server."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._none = asyncio.Event()
        self._none.set()
        self.url = url

    def cut(self) -> None:
        """Reset every connection that goes through."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port or 5672)
        self._writers |= {writer, back}
        self._none.clear()
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            for end in (writer, back):
                self._writers.discard(end)
                if not self._writers:
                    self._none.set()
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = f"{self._parts.username or 'guest'}:{self._parts.password or 'guest'}"
        self.url = urlunsplit((self._parts.scheme, f"{login}@127.0.0.1:{port}", self._parts.path, "", ""))
        async with server:
            yield self
            self.cut()
            await self._none.wait()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
