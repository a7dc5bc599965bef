"""Alerts and letters, from the event to a real mail server: once, safe, stoppable."""

from __future__ import annotations

import asyncio
import email
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import Buyer
from libs.common.telemetry import setup_logs
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.slots import MATCHING
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import (
    BUYER,
    COMPANY,
    NOTICE,
    OTHER_COMPANY,
    PARTNER,
    incident,
    letter,
    message,
    published,
)

Json = dict[str, Any]
ADDRESS = "marches@toitures.example"


@dataclass
class Inbox:
    """A real SMTP server that keeps what it takes; `answers` are said instead of 250, one each."""

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    """The return path of each mail, as the server was told."""

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, server: SMTP, session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.rcpt_tos, message))
        self.senders.append(envelope.mail_from or "")
        return "250 OK"

    def one(self) -> EmailMessage:
        assert len(self.mails) == 1
        return self.mails[0][1]


@pytest.fixture
async def inbox() -> AsyncIterator[tuple[Inbox, str]]:
    handler = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
    async with server:
        yield handler, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def h(service_harness: HarnessFactory, inbox: tuple[Inbox, str]) -> Harness:
    return await service_harness(SERVICE, settings={"smtp_url": inbox[1], "public_url": "https://halles.example"})


@pytest.fixture
def box(inbox: tuple[Inbox, str]) -> Inbox:
    return inbox[0]


@pytest.fixture
def logs() -> Iterator[StringIO]:
    """What the service's processes would log."""
    root, output = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    setup_logs("alerts", output)
    yield output
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


async def call(
    h: Harness, method: str, path: str, status: int, body: object = None, *, org: str = COMPANY, kind: str = "company"
) -> Json:
    async with h.client.request(method, f"/alerts{path}", json=body, headers=h.headers(org, kind)) as answer:
        assert answer.status == status, await answer.text()
        told: Json = await answer.json() if status not in {204} else {}
        return told


async def tell(h: Harness, *events: Event | CloudEvent) -> None:
    """Have events of other services handled, and notices among them matched; no mail leaves."""
    await h.deliver(*events)
    await MATCHING.drain(h.runtime)


async def contact(h: Harness, org: str = COMPANY, address: str = ADDRESS, language: str = "fr") -> None:
    await call(h, "PUT", "/v1/contact", 200, {"email": address, "language": language}, org=org)


async def search(h: Harness, org: str = COMPANY, name: str = "Écoles", **criteria: object) -> UUID:
    body = {"name": name, **(criteria or {"words": ["école"], "departments": ["21"]})}
    return UUID((await call(h, "POST", "/v1/searches", 201, body, org=org))["search_id"])


def bodies(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def test_a_matching_notice_gives_one_mail_however_many_searches_match(h: Harness, box: Inbox) -> None:
    await contact(h)
    first = await search(h)
    await search(h, name="CPV", cpv=["45"])
    await search(h, name="Ailleurs", departments=["29"])
    event = CloudEvent.wrap(published())
    await h.deliver(event, event)
    await h.deliver(published(version=2))
    await h.settle()
    message = box.one()
    assert box.mails[0][0] == [ADDRESS]
    assert message["Subject"] == "Nouvel avis : Réfection des Écoles maternelles"
    text, html = bodies(message)
    for body in (text, html):
        assert "Dijon Métropole" in body
        assert "1er avril 2026 à 12h00 (heure de Paris)" in body
        assert "département 21" in body
        assert "Écoles" in body
        assert "CPV" in body
        assert "Ailleurs" not in body
    assert text.index("Acheteur") < text.index("Buyer")
    matches = (await call(h, "GET", f"/v1/searches/{first}/matches", 200))["items"]
    assert [match["notice_id"] for match in matches] == [str(NOTICE)]
    assert {reason["criterion"] for reason in matches[0]["reasons"]} == {"words", "departments"}
    assert matches[0]["mail"]["state"] == "sent"
    assert matches[0]["mail"]["message_id"] == message["Message-ID"]
    assert [event.data["kind"] for event in h.events("alerts.mail.sent.v1")] == ["alert"]


async def test_an_equal_search_of_another_is_matched_once_and_both_are_written_to(h: Harness, box: Inbox) -> None:
    await contact(h)
    await contact(h, OTHER_COMPANY, "autre@toits.example", "en")
    await search(h, words=["toiture"], departments=["71", "21"])
    await search(h, OTHER_COMPANY, words=["toiture", "toiture"], departments=["21", "71"])
    await h.deliver(published())
    await h.settle()
    assert sorted(to for recipients, _ in box.mails for to in recipients) == ["autre@toits.example", ADDRESS]
    english = next(message for recipients, message in box.mails if recipients == ["autre@toits.example"])
    text, _ = bodies(english)
    assert text.index("Buyer") < text.index("Acheteur")
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM criteria") == 1
        assert await conn.fetchval("SELECT count(*) FROM match") == 1


async def test_an_award_notice_alerts_only_those_who_ask_for_awards(h: Harness, box: Inbox) -> None:
    await contact(h)
    await contact(h, OTHER_COMPANY, "autre@toits.example")
    await search(h)
    await search(h, OTHER_COMPANY, words=["école"], phases=["award"])
    await h.deliver(published(kind="award"))
    await h.settle()
    assert [recipients for recipients, _ in box.mails] == [["autre@toits.example"]]


async def test_a_title_can_neither_break_a_header_nor_run_a_script(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h, name='<script>alert("x")</script>\r\nBcc: pirate@evil.example', words=["école"])
    title = "École <script>alert(1)</script>\r\nBcc: pirate@evil.example\r\n\r\nCorps\u202e\x00"
    await h.deliver(
        published(title=title.replace("\x00", ""), buyer=Buyer(organisation=BUYER, name="A\r\nCc: x@y.example <b>"))
    )
    await h.settle()
    message = box.one()
    assert box.mails[0][0] == [ADDRESS]
    assert "Bcc" not in message
    assert "Cc" not in message
    assert message["Subject"].startswith("Nouvel avis : École <script>alert(1)</script> Bcc:")
    _, html = bodies(message)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


async def test_alerts_stop_in_one_click_and_old_links_die_with_a_new_wish(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h)
    await h.deliver(published())
    await h.settle()
    message = box.one()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<https://halles.example(/alerts/v1/unsubscribe/[\w-]+)>", message["List-Unsubscribe"])
    assert link is not None
    async with h.client.get(link[1]) as answer:
        assert answer.status == 200
        assert (await call(h, "GET", "/v1/contact", 200))["alerts"] is True, "opening the link changes nothing"
    for _ in range(2):
        async with h.client.post(link[1], data={"List-Unsubscribe": "One-Click"}) as answer:
            assert answer.status == 200
    assert (await call(h, "GET", "/v1/contact", 200))["alerts"] is False
    await h.deliver(published(notice_id=UUID(int=9)))
    await h.settle()
    assert len(box.mails) == 1
    assert {mail["state"] for mail in (await call(h, "GET", "/v1/mails", 200))["items"]} == {"sent"}

    await contact(h)
    async with h.client.post(link[1], data="List-Unsubscribe=One-Click") as answer:
        assert answer.status == 200
    assert (await call(h, "GET", "/v1/contact", 200))["alerts"] is True, "a replayed old link changes nothing"


@pytest.mark.parametrize("token", ["x", "A" * 48, "é", "%2e%2e", "a" * 299])
async def test_a_forged_unsubscription_link_is_unknown(h: Harness, token: str) -> None:
    async with h.client.post(f"/alerts/v1/unsubscribe/{token}") as answer:
        assert answer.status in {404, 422}


async def test_a_letter_is_told_without_its_content_ahead_of_alerts(h: Harness, box: Inbox) -> None:
    await contact(h)
    for number in range(6):
        await search(h, name=f"S{number}", words=["école"])
        await h.deliver(published(notice_id=UUID(int=100 + number)))
    await h.deliver(letter())
    await h.settle()
    told = [message for _, message in box.mails if message["Subject"].startswith("Un courrier")]
    assert len(told) == 1
    assert told[0] in [message for _, message in box.mails[:4]], "among the first the worker took"
    assert "List-Unsubscribe" not in told[0]
    for body in bodies(told[0]):
        assert "rejet" not in body
        assert f"/bids/v1/letters/{UUID(int=1)}" in body


async def test_a_letter_reaches_those_who_unsubscribed_from_alerts(h: Harness, box: Inbox) -> None:
    await contact(h)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE contact SET alerts = false")
    await h.deliver(letter())
    await h.settle()
    assert len(box.mails) == 1


async def test_a_message_is_mailed_without_its_content_and_once_more_when_unread(h: Harness, box: Inbox) -> None:
    await contact(h)
    await h.deliver(message())
    await h.settle()
    for body in bodies(box.one()):
        assert f"/bids/v1/letters/{UUID(int=1)}" in body
        assert "négociation" not in body.lower()
        assert "negotiation" not in body.lower()
    (sent,) = h.events("alerts.mail.sent.v1")
    assert sent.data["letter_id"] == str(UUID(int=1))
    await h.deliver(message(reminder=True))
    await h.settle()
    assert len(box.mails) == 2


async def test_an_incident_near_a_deadline_is_mailed_to_the_buyer_once(h: Harness, box: Inbox) -> None:
    await contact(h, org=BUYER)
    await h.deliver(incident(), incident())
    await h.settle()
    told = box.one()
    assert told["Subject"] == "Incident près de votre date limite / Incident near your deadline"
    assert all(f"/bids/v1/letters/{UUID(int=1)}" in body for body in bodies(told))


async def test_without_an_address_operator_and_sender_see_it_and_a_later_address_gets_the_letter(
    h: Harness, box: Inbox
) -> None:
    await search(h)
    await h.deliver(letter(1), letter(2, "receipt"), published())
    await h.settle()
    assert box.mails == []
    operator = await call(h, "GET", "/v1/mails/undelivered", 200, org=PARTNER, kind="operator")
    assert [(mail["kind"], mail["reason"]) for mail in operator["items"]].count(("letter", "no contact")) == 2
    sender = await call(h, "GET", "/v1/mails/undelivered", 200, org=BUYER, kind="buyer")
    assert len(sender["items"]) == 1, "of a deposit receipt the buyer may know nothing"
    await call(h, "GET", "/v1/mails/undelivered", 403)

    await contact(h)
    await h.settle()
    assert {message["Subject"] for _, message in box.mails} == {"Un courrier vous attend / A letter waits for you"}
    assert len(box.mails) == 2
    sender = await call(h, "GET", "/v1/mails/undelivered", 200, org=BUYER, kind="buyer")
    assert sender["items"] == []


async def test_a_mail_refused_for_good_is_visible_and_not_tried_again(h: Harness, box: Inbox) -> None:
    await contact(h)
    box.answers = ["550 5.1.1 no such user"]
    await h.deliver(letter())
    await h.settle()
    sender = await call(h, "GET", "/v1/mails/undelivered", 200, org=BUYER, kind="buyer")
    assert [(mail["state"], mail["reason"]) for mail in sender["items"]] == [("refused", "SMTP 550")]
    await h.settle()
    assert box.mails == []


async def test_a_busy_mail_server_is_tried_again_under_the_same_message_id(
    h: Harness, box: Inbox, logs: StringIO
) -> None:
    await contact(h)
    box.answers = [f"451 4.3.0 <{ADDRESS}> later"]
    await h.deliver(letter())
    await h.settle()
    assert box.mails == []
    assert "MailPostponedError: SMTP 451" in logs.getvalue()
    assert ADDRESS not in logs.getvalue()
    async with h.runtime.uow() as uow:
        row = await uow.conn.fetchrow("UPDATE mail SET not_before = now() RETURNING mail_id, state, attempts")
        assert (row["state"], row["attempts"]) == ("due", 1)
        mail_id = row["mail_id"]
    h.clock.advance(timedelta(minutes=1))
    await h.settle()
    assert box.one()["Message-ID"] == f"<{mail_id}@halles.example>"
    assert (await call(h, "GET", "/v1/mails", 200))["items"][0]["message_id"] == box.one()["Message-ID"]


async def test_reordered_versions_of_a_notice_give_one_mail(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h)
    await h.deliver(published(version=2, title="École, second avis"), published(version=1))
    await h.settle()
    assert box.one()["Subject"] == "Nouvel avis : École, second avis"


async def test_only_the_owner_sees_a_search(h: Harness) -> None:
    own = await search(h)
    await call(h, "GET", f"/v1/searches/{own}", 200)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/matches")):
        await call(h, method, f"/v1/searches/{own}{path}", 404, org=OTHER_COMPANY)
    assert (await call(h, "GET", "/v1/searches", 200, org=OTHER_COMPANY))["items"] == []
    await call(h, "DELETE", f"/v1/searches/{own}", 204)
    await call(h, "GET", f"/v1/searches/{own}", 404)


async def test_a_forgotten_search_matches_nothing(h: Harness, box: Inbox) -> None:
    await contact(h)
    await call(h, "DELETE", f"/v1/searches/{await search(h)}", 204)
    await h.deliver(published())
    await h.settle()
    assert box.mails == []
