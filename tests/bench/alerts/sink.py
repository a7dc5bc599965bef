"""A mail server that takes everything and keeps nothing, in a process of its own: `python -m tests.bench.alerts.sink`.

It prints its port, then answers each command at once (RFC 5321, RFC 2920); when its standard input closes, it ends.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_END = b"\r\n.\r\n"


class _Server(asyncio.Protocol):
    """Reads what came at once, answers it at once: as little work a mail as a server in Python can do."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received, self._in_mail = b"", False
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        answers = b""
        while (end := self._received.find(_END if self._in_mail else b"\r\n")) >= 0:
            if self._in_mail:
                self._received, self._in_mail = self._received[end + len(_END) :], False
                answers += b"250 taken\r\n"
                continue
            command, self._received = self._received[:4].upper(), self._received[end + 2 :]
            answers += _ANSWERS.get(command, b"250 ok\r\n")
            self._in_mail = command == b"DATA"
        self._transport.write(answers)


_ANSWERS = {b"EHLO": b"250-sink\r\n250 PIPELINING\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # what its starter reads
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_main())
