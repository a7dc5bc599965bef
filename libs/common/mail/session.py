"""A session with a mail server, once aiosmtplib has opened it (greeting, TLS, login): mails, with few round trips.

aiosmtplib waits for the answer to each command, and reads each address as a header would be: four round trips a mail.
Where the server allows it, the commands of a mail leave together here (PIPELINING, RFC 2920).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import aiosmtplib

from libs.common.mail.message import Posting

__all__ = ["Session"]

_TIMEOUT: Final = 30.0  # seconds for the answers to what was said together
_MOST: Final = 32_768  # bytes of answers that nobody asked for yet
_BEGUN: Final = (250, 251, 354)
"""Taken: a command, an address that another server has, the beginning of a mail (RFC 5321, 4.2.3)."""
_LINE_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_NO_ADDRESS: Final = re.compile(r"[^\x21-\x7e]|[<>]")


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    @property
    def taken(self) -> bool:
        return self.code in _BEGUN

    def refusal(self) -> aiosmtplib.SMTPResponseException:
        return aiosmtplib.SMTPResponseException(self.code, self.text)


class Session(asyncio.Protocol):
    """A connection on which nothing is under way. It takes it over from aiosmtplib, which is asked nothing more."""

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        if smtp.transport is None or smtp.transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("the connection was lost")
        self._transport = cast("asyncio.Transport", smtp.transport)  # uvloop's are by their methods alone
        self._together = smtp.supports_extension("pipelining")
        self._received = bytearray()
        self._lines: list[bytes] = []
        self._replies: list[_Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether it can take a mail: neither closed, nor told anything that we did not ask (a server that leaves)."""
        return not self._transport.is_closing() and not self._replies and not self._received

    async def begin(self, posting: Posting) -> None:
        """Say whom a mail is from and to; the server has taken nothing of it yet.

        Raises SMTPResponseException when it refuses, SMTPServerDisconnected, TimeoutError; ValueError for an address
        that could be read as another command.
        """
        commands = (_path(b"MAIL FROM", posting.return_path), _path(b"RCPT TO", posting.recipient), b"DATA\r\n")
        replies = await self._say(commands)
        refused = next((reply for reply in replies if not reply.taken), None)
        if refused is None:
            return
        if replies[-1].code == 354:  # nobody is to get it, and it waits for a mail all the same: RFC 2920, 3.1
            await self._say([b".\r\n"])
        raise refused.refusal()

    async def finish(self, posting: Posting) -> None:
        """Hand the content over. Raises SMTPResponseException when it is refused, SMTPServerDisconnected, TimeoutError."""
        (reply,) = await self._say([_data(posting.content)])
        if not reply.taken:
            raise reply.refusal()

    async def reset(self) -> None:
        """Forget what was begun, and see that the server is there. Raises what `finish` raises."""
        (reply,) = await self._say([b"RSET\r\n"])
        if not reply.taken:
            raise reply.refusal()

    async def quit(self) -> None:
        """Take leave and close. Raises SMTPServerDisconnected, TimeoutError."""
        try:
            await self._say([b"QUIT\r\n"])
        finally:
            self.close()

    def close(self) -> None:
        """Close at once, whatever is under way."""
        self._transport.close()

    async def _say(self, commands: Sequence[bytes]) -> list[_Reply]:
        """Give the answers to commands: all at once where the server allows it, else until one is refused."""
        if self._together:
            return await self._exchange(b"".join(commands), len(commands))
        replies: list[_Reply] = []
        for command in commands:
            replies += await self._exchange(command, 1)
            if not replies[-1].taken:
                break
        return replies

    async def _exchange(self, said: bytes, wanted: int) -> list[_Reply]:
        if not self.is_open:
            raise aiosmtplib.SMTPServerDisconnected("the connection was lost")
        self._wanted = wanted
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(said)
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._waiter
        finally:
            self._waiter = None
        replies, self._replies = self._replies, []
        return replies

    def data_received(self, data: bytes) -> None:
        """Take lines in; the last one of an answer has no hyphen after its code (RFC 5321, 4.2.1)."""
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = rest
        for line in lines:
            self._lines.append(bytes(line).rstrip())
            if line[3:4] != b"-":
                self._answered()
        if len(self._received) + sum(map(len, self._lines)) > _MOST or len(self._replies) > self._wanted > 0:
            self._transport.abort()
        elif self._waiter is not None and not self._waiter.done() and len(self._replies) == self._wanted:
            self._waiter.set_result(None)

    def _answered(self) -> None:
        lines, self._lines = self._lines, []
        code = lines[-1][:3]
        if not code.isdigit():
            self._transport.abort()
            return
        self._replies.append(_Reply(int(code), b"\n".join(line[4:] for line in lines).decode("utf-8", "replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for an answer that none will come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(aiosmtplib.SMTPServerDisconnected("the connection was lost"))


def _path(command: bytes, address: str) -> bytes:
    """Give a command that names an address; none that could end the command and begin another."""
    if _NO_ADDRESS.search(address):
        raise ValueError("an address of a mail holds a space, a bracket, a control character or none of ASCII")
    return command + b":<" + address.encode("ascii") + b">\r\n"


def _data(content: bytes) -> bytes:
    """Give a content as DATA takes it: each line ends with CRLF and none is a dot alone (RFC 5321, 4.5.2).

    A bare CR or LF is made a line break too: servers differ on whether it ends a line, which lets a mail hide in another.
    """
    if not content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n"):
        content = _LINE_BREAK.sub(b"\r\n", content)
    stuffed = (b"\n" + content).replace(b"\n.", b"\n..")[1:]
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
