"""The receivers of real effects: a mail server, a partner's endpoints, the State. They kill who told them, now and then.

A death falls between the receiver's answer and our mark only if somebody aims: having taken an effect, a receiver may
kill its sender before it answers, or just after, or lose its own answer. Each takes its time besides.
"""

from __future__ import annotations

import asyncio
import email
import hashlib
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default

import psutil
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook, WebhookVerificationError

from libs.common.clock import SystemClock
from services.legality.actes.archive import unpack
from services.legality.actes.read import parse
from services.legality.simulator import Simulator
from tests.fault.asking import act_mark, call_mark, mail_mark
from tests.fault.fleet import Fleet
from tests.fault.model import UNKNOWN, Fault, Sent

PAUSE = 0.3  # seconds before an answer, at most
AFTER = 0.02  # seconds from an answer to the death of its sender, at most: the mark takes a few milliseconds
AIMED = 0.15  # share of the first sendings that are shot at, while there are shots
LOST = 0.02  # share of the answers that the receiver loses
_ABOUT = re.compile(r"/(?:letters|notices)/([0-9a-f-]{36})")
_NUMBER = re.compile(r"marché n° (\S+)\)")


@dataclass
class Receivers:
    """What was received, by whom it was sent, and what we do to the sender."""

    fleet: Fleet = field(init=False)
    chance: random.Random = field(init=False)
    shots: int = 0
    """Senders still to be killed."""
    losing: bool = False
    """Whether answers are lost."""
    received: list[Sent] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What no receiver should have been sent."""
    secrets: list[str] = field(default_factory=list)
    """Of the endpoints, by number."""
    smtp_url: str = ""
    url: str = ""
    _known: set[str] = field(default_factory=set)
    _digests: dict[str, str] = field(default_factory=dict)
    _state: Simulator = field(init=False)

    def __post_init__(self) -> None:
        self._state = Simulator("", str, SystemClock(), scenario="silent")

    @property
    def address(self) -> str:
        """Host and port of the endpoints."""
        return self.url.split("/")[2]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Receivers]:
        """Serve until the end of the block."""
        app = web.Application()
        app.router.add_post("/endpoints/{number}", self._call)
        app.router.add_post("/state", self._transmission)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(app, access_log=None)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            mails = await loop.create_server(lambda: SMTP(self, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
            await stack.enter_async_context(mails)
            self.smtp_url = f"smtp://127.0.0.1:{mails.sockets[0].getsockname()[1]}?starttls=no"
            yield self

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        about = _ABOUT.search(body.get_content() if body else "")
        mark = mail_mark(about[1] if about else message["Subject"])
        if await self._take("alerts", _ends(server.transport), mark, message["Message-ID"]):
            return "250 OK"
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return "451 lost"

    async def _call(self, request: web.Request) -> web.Response:
        """Take a webhook, if it is signed as Standard Webhooks say."""
        number, body = int(request.match_info["number"]), await request.read()
        try:
            told = Webhook(self.secrets[number]).verify(body.decode(), dict(request.headers))
        except WebhookVerificationError as error:
            self.wrong.append(f"call of endpoint {number}: {error}")
            raise web.HTTPUnauthorized from error
        identity = f"endpoint {number} {request.headers['webhook-id']}"
        return await self._http(request, "alerts", call_mark(number, told["subject"]), identity, body)

    async def _transmission(self, request: web.Request) -> web.Response:
        """Take an archive, and read it as the State does."""
        form = await request.post()
        name, file = form["name"], form["file"]
        assert isinstance(name, str)
        assert isinstance(file, web.FileField)
        archive = file.file.read()
        self._state.take(name, archive)
        if self._state.received[name] != "silent":
            self.wrong.append(f"{name}: {self._state.received[name]}")
        told = [parse(content).object for part, content in unpack(archive).items() if part.endswith("_0.xml")]
        number = _NUMBER.search(" ".join(filter(None, told)))
        return await self._http(request, "legality", act_mark(number[1] if number else name), name, archive)

    async def _http(self, request: web.Request, service: str, mark: str, identity: str, body: bytes) -> web.Response:
        digest = hashlib.sha256(body).hexdigest()
        if self._digests.setdefault(identity, digest) != digest:
            self.wrong.append(f"{identity} came with another content")
        transport = request.transport
        assert transport is not None
        if not await self._take(service, _ends(transport), mark, identity):
            transport.abort()
        return web.Response()

    async def _take(self, service: str, ends: tuple[int, int], mark: str, identity: str) -> bool:
        """Keep what came, and say whether to answer; its sender may be killed before or after."""
        sent = Sent(mark, identity, self._sender(service, ends), time.monotonic())
        self.received.append(sent)
        is_new = identity not in self._known
        self._known.add(identity)
        aimed = is_new and self.shots > 0 and self.chance.random() < AIMED
        self.shots -= aimed
        await asyncio.sleep(self.chance.uniform(0, PAUSE))
        if aimed and self.chance.random() < 0.5:
            self._shoot(sent.pid)
        elif aimed:
            asyncio.get_running_loop().call_later(self.chance.uniform(0, AFTER), self._shoot, sent.pid)
        elif self.losing and self.chance.random() < LOST:
            self.fleet.faults.append(Fault("answer lost", time.monotonic(), sent.pid, identity))
            return False
        return True

    def _sender(self, service: str, ends: tuple[int, int]) -> int:
        """Give the process at the other end; it may have died meanwhile."""
        slots = [slot for slot in self.fleet.slots if slot.service == service and slot.pid]
        found = [slot.pid for slot in slots if ends in _connections(slot.pid)]
        return found[0] if found else UNKNOWN

    def _shoot(self, pid: int) -> None:
        for slot in self.fleet.slots:
            if pid != UNKNOWN and slot.pid == pid and slot.wanted:
                self.fleet.kill(slot)


def _ends(transport: asyncio.BaseTransport | None) -> tuple[int, int]:
    """Give the ports of a connection, the sender's first; two senders may have the same one towards different servers."""
    assert transport is not None
    return transport.get_extra_info("peername")[1], transport.get_extra_info("sockname")[1]


def _connections(pid: int) -> set[tuple[int, int]]:
    try:
        found = psutil.Process(pid).net_connections("tcp4")
    except psutil.Error:
        return set()
    return {(each.laddr.port, each.raddr.port) for each in found if each.laddr and each.raddr}
