"""The body of one request: read here, chunk by chunk, or let go to whoever seals, with the connection it comes by."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web

from libs.common.http import chunks
from libs.common.http.documents import IDLE
from services.bids.sealing.onfly_process import Wire
from services.bids.uploads import protocol
from services.bids.uploads.receiving import HandedOverError

__all__ = ["Body", "let_go"]

_MOST = 2**62  # bytes: what a request may bring is judged with its upload
_LET_GO = web.RequestKey("halles_connection_let_go", bool)


def let_go(request: web.Request) -> bool:
    """Say whether bytes of a request passed the HTTP library by: its connection serves no other."""
    return bool(request.get(_LET_GO))


class Body:
    """The bytes of one request, and how to stop reading them. Raises WrongHeader."""

    def __init__(self, request: web.Request) -> None:
        self.length = request.content_length
        self.checksum = protocol.checksum(request.headers)
        self._request = request
        self._wire: Wire | None = None

    def stop(self) -> None:
        """Have whoever reads keep what came, and read no more."""
        self._request.content.set_exception(HandedOverError())
        if self._wire is not None:
            self._wire.stop()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body; when it breaks off, what had come before that too, so that it need not be sent again."""
        try:
            async for chunk in chunks(self._request, _MOST):
                yield chunk
        except Exception:
            if left := self._request.content._read_nowait(-1):  # noqa: SLF001  # the public ones tell the error first
                yield left
            raise

    @contextmanager
    def connection(self) -> Iterator[Wire | None]:
        """Let go of the connection during the block; None where the body must be read here.

        That is a body whose length is not told, that came already, or that this process decrypts (TLS).
        """
        transport, content = self._request.transport, self._request.content
        if (
            self.length is None
            or transport is None
            or transport.get_extra_info("sslcontext") is not None
            or content.is_eof()
            or content.exception() is not None
        ):
            yield None
            return
        wire = self._wire = self._open(self.length, os.dup(transport.get_extra_info("socket").fileno()))
        try:
            yield wire
        finally:
            self._wire = None
            os.close(wire.descriptor)
            self._take_back(whole=wire.whole)

    def _open(self, length: int, descriptor: int) -> Wire:
        """Take what the library has of the body, then have it read no more."""
        before = b""
        while came := self._request.content.read_nowait():
            before += came
        self._request.protocol.pause_reading()
        self._request[_LET_GO] = True
        told = self.checksum
        return Wire(descriptor, before, length, IDLE, None if told is None else (told.algorithm, told.expected))

    def _take_back(self, *, whole: bool) -> None:
        """Have the library close the connection after its answer, or first read on what nobody wants, as ever."""
        if whole:
            self._request.protocol.close()
            self._request.content.feed_eof()
        else:
            self._request.protocol.resume_reading()
