"""Mails on their way: connections kept, headers unbroken, a slow domain that holds up no other; a real SMTP server."""

from __future__ import annotations

import asyncio
import email
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import aiosmtplib
import pytest
import uvloop
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Served

from libs.common.mail import domains as lanes
from libs.common.mail import session
from libs.common.mail.domains import Domains
from libs.common.mail.message import Content, Posting, build
from libs.common.mail.message import Envelope as MailEnvelope
from libs.common.mail.session import Session
from libs.common.mail.smtp import MailPostponedError, MailRefusedError, SmtpMailer

POSTING = Posting("retours@halles.example", "marches@toitures.example", b"Subject: x\r\n\r\nx\r\n")


@dataclass
class Server:
    """Counts its connections; closes one after each mail when told so."""

    connections: int = 0
    mails: int = 0
    resets: int = 0
    together: bool = False
    """Whether it says that it takes commands together (RFC 2920)."""
    answers: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Addresses that it never answers about."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    contents: list[bytes] = field(default_factory=list)
    open: list[SMTP] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802  # the library's names
        self, server: SMTP, session: Served, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.together else []), responses[-1]]

    async def handle_RCPT(  # noqa: N802  # the library's names
        self, server: SMTP, session: Served, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.silent:
            self.asked.set()
            await asyncio.Event().wait()
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, server: SMTP, session: Served, envelope: Envelope) -> str:  # noqa: N802
        self.resets += 1
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Served, envelope: Envelope) -> str:  # noqa: N802
        self.mails += 1
        assert isinstance(envelope.original_content, bytes)
        self.contents.append(envelope.original_content)
        return "250 OK"

    def connect(self) -> SMTP:
        self.connections += 1
        self.open.append(SMTP(self, loop=asyncio.get_running_loop()))
        return self.open[-1]


@pytest.fixture(params=[False, True], ids=["one-by-one", "pipelining"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Server, SmtpMailer]]:
    told = Server(together=request.param)
    listening = await asyncio.get_running_loop().create_server(told.connect, "127.0.0.1", 0)
    async with listening:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}?starttls=no", connections=3)
        yield told, mailer
        await mailer.aclose()


async def test_connections_are_kept_between_mails_and_bounded(server: tuple[Server, SmtpMailer]) -> None:
    told, mailer = server
    for _ in range(5):
        await mailer.send(POSTING)
    assert (told.mails, told.connections) == (5, 1)
    await asyncio.gather(*(mailer.send(POSTING) for _ in range(20)))
    assert told.mails == 25
    assert told.connections == 3


async def test_a_connection_that_the_server_closed_costs_no_mail(server: tuple[Server, SmtpMailer]) -> None:
    told, mailer = server
    await mailer.send(POSTING)
    assert told.open[0].transport is not None
    told.open[0].transport.close()
    await asyncio.sleep(0)
    await mailer.send(POSTING)
    assert (told.mails, told.connections) == (2, 2)


async def test_after_a_refusal_the_connection_is_reset_for_the_next_mail(server: tuple[Server, SmtpMailer]) -> None:
    told, mailer = server
    told.answers = ["550 5.1.1 no such user"]
    with pytest.raises(MailRefusedError) as refused:
        await mailer.send(POSTING)
    assert refused.value.bad_address
    assert "toitures" not in str(refused.value)
    await mailer.send(POSTING)
    assert (told.mails, told.connections, told.resets) == (1, 1, 1)


async def test_a_mail_server_that_never_answers_is_left_and_holds_up_no_other_mail(
    server: tuple[Server, SmtpMailer], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, mailer = server
    monkeypatch.setattr(session, "_TIMEOUT", 0.2)
    told.silent.add("nobody@silent.example")
    waits = asyncio.create_task(mailer.send(replace(POSTING, recipient="nobody@silent.example")))
    async with asyncio.timeout(5):
        await told.asked.wait()
        await mailer.send(POSTING)
        assert not waits.done()
        with pytest.raises(TimeoutError):
            await waits
        await mailer.send(POSTING)
    assert told.mails == 2
    assert told.connections == 2, "what it may still say is no answer to another mail"


async def test_a_server_that_leaves_with_a_word_costs_no_mail(server: tuple[Server, SmtpMailer]) -> None:
    told, mailer = server
    await mailer.send(POSTING)
    told.answers = ["421 4.4.2 idle for too long"]
    await mailer.send(POSTING)
    assert (told.mails, told.connections) == (2, 2)
    told.answers = ["421 4.3.2 going down", "421 4.3.2 going down"]
    with pytest.raises(MailPostponedError):
        await mailer.send(POSTING)


async def test_what_was_said_unasked_is_no_answer_to_the_next_mail() -> None:
    told = Server(together=True)
    async with await asyncio.get_running_loop().create_server(told.connect, "127.0.0.1", 0) as listening:
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=listening.sockets[0].getsockname()[1], start_tls=False)
        await smtp.connect()
        await smtp.ehlo()
        opened = Session(smtp)
        await told.open[0].push("250 taken, says who")
        async with asyncio.timeout(5):
            while opened.is_open:  # noqa: ASYNC110  # the other end of a socket tells nobody
                await asyncio.sleep(0)
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await opened.begin(POSTING)
        opened.close()
    assert told.mails == 0


@pytest.mark.parametrize("hidden", [b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r\n", b"\r.\n"])
async def test_no_mail_hides_in_another(server: tuple[Server, SmtpMailer], hidden: bytes) -> None:
    told, mailer = server
    command = b"MAIL FROM:<pirate@evil.example>"
    await mailer.send(replace(POSTING, content=b".Subject: x\r\n\r\nx" + hidden + command))
    assert told.mails == 1
    lines = told.contents[0].split(b"\r\n")
    assert lines[0] == b".Subject: x"
    assert lines[-2] == command
    assert not any(b"\r" in line or b"\n" in line for line in lines)


@pytest.mark.parametrize("address", ["a@b.example>\r\nRCPT TO:<c@d.example", "a@b.example NOTIFY=NEVER", "é@b.example"])
async def test_an_address_that_is_more_than_one_is_never_said(server: tuple[Server, SmtpMailer], address: str) -> None:
    told, mailer = server
    for posting in (replace(POSTING, recipient=address), replace(POSTING, return_path=address)):
        with pytest.raises(ValueError, match="address of a mail"):
            await mailer.send(posting)
    await mailer.send(POSTING)
    assert told.mails == 1


def test_mails_leave_on_the_loop_of_the_services() -> None:
    async def send() -> int:
        told = Server(together=True)
        async with await asyncio.get_running_loop().create_server(told.connect, "127.0.0.1", 0) as listening:
            mailer = SmtpMailer(f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}?starttls=no")
            await mailer.send(POSTING)
            await mailer.send(POSTING)
            await mailer.aclose()
        return told.mails

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(send()) == 2


async def test_a_domain_that_never_answers_holds_up_no_other() -> None:
    domains = Domains(at_once=2, per_second=1_000)
    hanging = asyncio.Event()

    async def send(domain: str) -> None:
        domains.enter(domain)
        async with domains.turn(domain):
            if domain == "slow.example":
                await hanging.wait()

    slow = [asyncio.create_task(send("slow.example")) for _ in range(2 + lanes.WAITING)]
    await asyncio.sleep(0)
    assert domains.full("slow.example")
    assert not domains.full("other.example")
    async with asyncio.timeout(5):
        await asyncio.gather(*(send("other.example") for _ in range(20)))
    hanging.set()
    await asyncio.gather(*slow)
    assert not domains.full("slow.example")


async def test_a_domain_that_did_not_answer_gets_one_mail_at_a_time() -> None:
    domains = Domains(at_once=5, per_second=1_000)
    domains.enter("slow.example")
    with pytest.raises(TimeoutError):
        async with domains.turn("slow.example"):
            raise TimeoutError
    together, most = 0, 0

    async def send() -> None:
        nonlocal together, most
        domains.enter("slow.example")
        async with domains.turn("slow.example"):
            together += 1
            most = max(most, together)
            await asyncio.sleep(0.001)
            together -= 1

    await asyncio.gather(*(send() for _ in range(4)))
    assert most == 1


async def test_a_domain_gets_no_more_mails_a_second_than_it_may() -> None:
    domains, began = Domains(at_once=10, per_second=50), time.monotonic()

    async def send() -> None:
        domains.enter("big.example")
        async with domains.turn("big.example"):
            pass

    await asyncio.gather(*(send() for _ in range(11)))
    assert time.monotonic() - began >= 10 / 50 - 0.01


def envelope(**changes: object) -> MailEnvelope:
    values = {"sender": "Hallès <alertes@halles.example>", "recipient": "a@b.example", "domain": "halles.example"}
    return MailEnvelope(mail_id=UUID(int=1), **(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "a@b.example\r\nBcc: pirate@evil.example"},
        {"unsubscribe": "https://x/\r\nBcc: pirate@evil.example"},
        {"list_id": "x\nBcc: pirate@evil.example"},
    ],
)
def test_a_header_that_would_break_into_another_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="line break"):
        build(envelope(**changes), Content("x", "x", "x"))


def test_a_mail_reads_back_as_it_was_written() -> None:
    text = "Réfection — 100 % = oui\n.\nFrom ici\n" + "é" * 500 + "\n"
    posting = build(envelope(), Content("École <b> \r\nBcc: x@y.example " + "à" * 200, text, "<p>été</p>"))
    message = email.message_from_bytes(posting.content, policy=default)
    assert isinstance(message, EmailMessage)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == text
    assert html.get_content().strip() == "<p>été</p>"
    assert message["From"] == "Hallès <alertes@halles.example>"
    assert message["Subject"].startswith("École <b> Bcc: x@y.example ààà")
    assert "Bcc" not in message
    assert max(len(line) for line in posting.content.split(b"\r\n")) <= 998
    assert not message.defects
