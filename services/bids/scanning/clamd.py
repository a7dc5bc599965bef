"""ClamAV, over the INSTREAM command of clamd (man clamd, section COMMANDS): chunks with their length, then the verdict."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

from services.bids.scanning.port import ScannerAwayError, Verdict

__all__ = ["Clamd"]

_FOUND = re.compile(r"stream: (?P<threat>\S{1,200}) FOUND")
_SECONDS = 60.0
"""Without a byte taken or given by the scanner: then it is away."""
_LONGEST = 4096  # bytes of an answer


class Clamd:
    """A clamd at `tcp://host:port` or `unix:///path`; its `StreamMaxLength` bounds what it scans."""

    def __init__(self, address: str, *, patience: float = _SECONDS) -> None:
        """Take its address. Raises ValueError when it is no such address."""
        self._parts = urlsplit(address)
        self._patience = patience
        if self._parts.scheme not in {"tcp", "unix"} or not (self._parts.port or self._parts.path):
            raise ValueError(f"clamd is at tcp://host:port or unix:///path, not {address!r}")

    async def scan(self, content: AsyncIterator[bytes]) -> Verdict:
        """Scan a file as its bytes come. Raises ScannerAwayError."""
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await self._connect()
        except (OSError, TimeoutError) as error:
            raise ScannerAwayError(f"no answer: {type(error).__name__}") from error
        try:
            return _read(await self._ask(reader, writer, content))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerAwayError(f"cut off: {type(error).__name__}") from error
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._parts.scheme == "unix":
            return await asyncio.open_unix_connection(self._parts.path, limit=_LONGEST)
        return await asyncio.open_connection(self._parts.hostname, self._parts.port, limit=_LONGEST)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: AsyncIterator[bytes]
    ) -> str:
        answer = asyncio.create_task(reader.readuntil(b"\0"))
        try:
            writer.write(b"zINSTREAM\0")
            async for chunk in content:
                if answer.done():  # it knows enough: over its limit, or infected
                    break
                await self._send(writer, chunk)
            else:
                await self._send(writer, b"")
            async with asyncio.timeout(self._patience):
                return (await answer).rstrip(b"\0\n").decode("utf-8", "replace")
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter, chunk: bytes) -> None:
        writer.write(len(chunk).to_bytes(4, "big") + chunk)
        async with asyncio.timeout(self._patience):
            await writer.drain()


def _read(answer: str) -> Verdict:
    """Read clamd's answer. Raises ScannerAwayError for whatever is no verdict."""
    if answer == "stream: OK":
        return Verdict("clean")
    found = _FOUND.fullmatch(answer)
    if found is None:
        raise ScannerAwayError(f"it said: {answer[:100]}")
    return Verdict("infected", threat=found["threat"])
