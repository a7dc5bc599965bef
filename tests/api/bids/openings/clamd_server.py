"""A clamd as its protocol has it (INSTREAM), on a real socket: it finds EICAR, and misbehaves when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class FakeClamd:
    """What it was sent, and the longest stream it takes."""

    limit: int = 2**30
    answer: bytes | None = None
    """Instead of a verdict."""
    scanned: list[int] = field(default_factory=list)
    address: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = bytearray()
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(size)
            if len(content) > self.limit:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                break
        else:
            found = b"Eicar-Test-Signature FOUND" if EICAR in content else b"OK"
            writer.write(self.answer or b"stream: " + found + b"\0")
            self.scanned.append(len(content))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def fake_clamd(**changes: object) -> AsyncIterator[FakeClamd]:
    """Serve on a free port."""
    fake = FakeClamd(**changes)  # type: ignore[arg-type]  # its own fields
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield fake
