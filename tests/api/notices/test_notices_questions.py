"""Questions and answers, running: private until answered, public without who asked, mailed once to those who want it."""

from __future__ import annotations

import asyncio
import email
import logging
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from io import StringIO
from urllib.parse import urlsplit

import pytest
import structlog
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from libs.common import periodic
from libs.common.telemetry import setup_logs
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.test_notices_api import Json, ask, published
from tests.api.notices.test_notices_documents import PERSON, PROC, correction, register
from tests.unit.notices.notices_samples import BEFORE, COMPANY, INTERCOMMUNALITY, PROCEDURE, RIVAL, VILLAGE

ASKED = "La société Toitures demande : la visite est-elle obligatoire ?"
ADDRESS = "camille@toitures.example"


class Inbox:
    """A real SMTP server that keeps what it takes; `answers` are said instead of 250, one each."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails += [(address, message) for address in envelope.rcpt_tos]
        return self.answers.pop(0) if self.answers else "250 OK"

    def one(self) -> EmailMessage:
        assert [address for address, _ in self.mails] == [ADDRESS]
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
    settings = {"smtp_url": inbox[1], "public_url": "https://halles.example"}
    return await service_harness(SERVICE, clock=TestClock(BEFORE), settings=settings)


@pytest.fixture
def box(inbox: tuple[Inbox, str]) -> Inbox:
    return inbox[0]


@pytest.fixture
def logs() -> Iterator[StringIO]:
    """What the service's processes would log."""
    root, output = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    setup_logs("notices", output)
    yield output
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def company(h: Harness, organisation: str = COMPANY) -> dict[str, str]:
    return h.headers(organisation, "company", name="Camille Martin")


async def asked(h: Harness, text: str = ASKED, status: int = 201, organisation: str = COMPANY) -> Json:
    return await ask(
        h,
        "POST",
        "/questions",
        status=status,
        json={"text": text, "procedure_id": str(PROCEDURE)},
        headers=company(h, organisation),
    )


async def answer(h: Harness, to: Json, status: int = 200, *, buyer: str = INTERCOMMUNALITY, **said: str) -> Json:
    body = {"question": "La visite est-elle obligatoire ?", "answer": "Non, elle est facultative."} | said
    headers = h.headers(buyer) | {"If-Match": f'"{to["version"]}"'}
    return await ask(h, "PUT", f"/questions/{to['question_id']}/answer", status=status, json=body, headers=headers)


async def public(h: Harness) -> list[Json]:
    items: list[Json] = (await ask(h, "GET", f"{PROC}/questions", status=200))["items"]
    return items


def bodies(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def test_a_question_is_known_to_its_author_and_to_the_buyer_alone(h: Harness) -> None:
    await published(h)
    question = await asked(h)
    assert (question["state"], question["late"], question["text"]) == ("asked", False, ASKED)
    assert await public(h) == []
    for stranger in (company(h, RIVAL), h.headers(VILLAGE)):
        await ask(h, "GET", f"{PROC}/questions/received", status=403, headers=stranger)
    await ask(h, "GET", f"{PROC}/questions/received", status=401)
    assert (await ask(h, "GET", "/questions", status=200, headers=company(h, RIVAL)))["items"] == []
    [own] = (await ask(h, "GET", "/questions", status=200, headers=company(h)))["items"]
    assert own == question
    buyer = h.headers(INTERCOMMUNALITY)
    [received] = (await ask(h, "GET", f"{PROC}/questions/received", status=200, headers=buyer))["items"]
    assert (received["organisation"], received["name"], received["text"]) == (COMPANY, "Camille Martin", ASKED)
    await h.settle()
    async with h.runtime.read() as conn:
        for table in ("event", "job", "timeline", "journal"):
            if await conn.fetchval("SELECT to_regclass($1)", table):
                told = await conn.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")  # noqa: S608  # ours
                assert COMPANY not in (told or ""), table
                assert "Toitures" not in (told or ""), table


async def test_an_answer_is_public_without_who_asked_nor_when(h: Harness) -> None:
    await published(h)
    question = await asked(h)
    h.clock.advance(timedelta(days=1))
    told = await answer(h, question)
    assert (told["state"], told["version"], told["proposed_deadline"]) == ("answered", 2, None)
    assert await public(h) == [
        {
            "question_id": question["question_id"],
            "question": "La visite est-elle obligatoire ?",
            "answer": "Non, elle est facultative.",
            "published_at": "2026-11-21T09:00:00Z",
            "corrected_at": None,
        }
    ]
    await h.settle()
    [event] = h.events("notices.answer.published.v1")
    assert event.organisation == INTERCOMMUNALITY
    assert COMPANY not in event.model_dump_json()
    assert "Toitures" not in event.model_dump_json()
    h.clock.advance(timedelta(days=1))
    await answer(h, question, 412)
    await answer(h, told, answer="Oui, elle est obligatoire.")
    [shown] = await public(h)
    assert (shown["answer"], shown["corrected_at"]) == ("Oui, elle est obligatoire.", "2026-11-22T09:00:00Z")
    timeline = await ask(h, "GET", f"{PROC}/timeline", status=200)
    assert [item["summary"] for item in timeline["items"]].count("Réponse à une question publiée") == 1


async def test_only_the_buyer_of_the_procedure_answers(h: Harness) -> None:
    await published(h)
    question = await asked(h)
    await answer(h, question, 404, buyer=VILLAGE)
    path, body = f"/questions/{question['question_id']}/answer", {"answer": "x"}
    match = {"If-Match": '"1"'}
    await ask(h, "PUT", path, status=403, json=body, headers=company(h) | match)
    await ask(h, "PUT", path, status=401, json=body, headers=match)
    await ask(h, "PUT", path, status=428, json=body, headers=h.headers(INTERCOMMUNALITY))
    assert await public(h) == []


async def test_what_is_published_may_not_name_who_asked(h: Harness) -> None:
    await published(h)
    question = await asked(h, "Nous, SIRET 552 100 554 00013, demandons une visite.")
    for wrong in (
        {"question": "SIREN 552 100 554 : visite ?"},
        {"answer": "Réponse à CAMILLE  Mârtin : non."},
        {"question": "552.100.554.00013"},
    ):
        refused = await answer(h, question, 422, **wrong)
        assert [fault["where"] for fault in refused["errors"]] == [f"body/{next(iter(wrong))}"]
        assert "552" not in str(refused)
    headers = h.headers(INTERCOMMUNALITY) | {"If-Match": '"1"'}
    path = f"/questions/{question['question_id']}/answer"
    await ask(h, "PUT", path, status=422, json={"answer": "Non."}, headers=headers)  # its own words name it
    await answer(h, question, question="Une visite est-elle prévue ?")


async def test_the_closing_is_the_laws_and_shows_its_rule(h: Harness) -> None:
    await published(h)  # deadline 11 January 2027, noon in Paris
    closing = await ask(h, "GET", f"{PROC}/questions/closing", status=200)
    assert (closing["closes_at"], closing["open"], closing["set_by_buyer"]) == ("2027-01-05T11:00:00Z", True, False)
    assert "R2132-6" in closing["source"]
    assert len(closing["steps"]) >= 2
    buyer = h.headers(INTERCOMMUNALITY)
    for wrong in ("2026-11-01T12:00:00+01:00", "2027-02-01T12:00:00+01:00"):
        await ask(h, "PUT", f"{PROC}/questions/closing", status=422, json={"closes_at": wrong}, headers=buyer)
    chosen = {"closes_at": "2026-12-20T12:00:00+01:00"}
    await ask(h, "PUT", f"{PROC}/questions/closing", status=403, json=chosen, headers=h.headers(VILLAGE))
    told = await ask(h, "PUT", f"{PROC}/questions/closing", status=200, json=chosen, headers=buyer)
    assert (told["closes_at"], told["set_by_buyer"]) == ("2026-12-20T11:00:00Z", True)
    again = await ask(h, "PUT", f"{PROC}/questions/closing", status=200, json={"closes_at": None}, headers=buyer)
    assert again["closes_at"] == closing["closes_at"]


async def test_a_late_question_is_marked_and_one_after_the_deadline_is_refused(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(days=46, hours=3))  # 5 January, past noon in Paris
    late = await asked(h)
    assert late["late"] is True
    told = await answer(h, late)
    assert told["proposed_deadline"] == "2027-01-12T11:00:00Z"
    assert "R2151-4" in told["proposed_because"]
    h.clock.advance(timedelta(days=6))
    refused = await asked(h, status=409)
    assert refused["type"] == "urn:halles:problem:questions-closed"


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 4001, "\u200b\u202e", None])
async def test_a_question_without_words_or_end_is_refused(h: Harness, text: str) -> None:
    await published(h)
    await asked(h, text, 422)
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM question") == 0


async def test_an_organisation_asks_so_many_questions_and_lists_are_paged(h: Harness) -> None:
    await published(h)
    for number in range(5):
        h.clock.advance(timedelta(minutes=1))
        await answer(h, await asked(h, f"Question {number} ?"), question=f"Question {number} ?")
    first = await ask(h, "GET", f"{PROC}/questions?limit=3", status=200)
    rest = await ask(h, "GET", f"{PROC}/questions", status=200, params={"limit": "3", "cursor": first["next"]})
    assert [item["question"] for item in first["items"] + rest["items"]] == [f"Question {n} ?" for n in range(5)]
    own = await ask(h, "GET", "/questions?limit=2", status=200, headers=company(h))
    assert [item["text"] for item in own["items"]] == ["Question 4 ?", "Question 3 ?"]
    async with h.runtime.uow() as uow:
        await uow.conn.execute(
            "INSERT INTO question (question_id, procedure_id, version, state, organisation, asked, asked_at, late)"
            " SELECT gen_random_uuid(), procedure_id, 1, 'asked', organisation, asked, asked_at, late"
            " FROM question CROSS JOIN generate_series(1, 19)"
        )
    await asked(h, status=409)


async def test_an_answer_is_mailed_once_to_those_who_asked_to_be_told(h: Harness, box: Inbox, logs: StringIO) -> None:
    await published(h)
    await register(h, PERSON)
    h.clock.advance(timedelta(seconds=1))
    await register(h, PERSON | {"email": ADDRESS.upper(), "company": "Toitures bis"})
    await register(h, PERSON | {"email": "quiet@toitures.example", "consent": False})
    await answer(h, await asked(h), answer="Non.\nVoir <b>l'article 3</b> & l'annexe.")
    await h.settle()
    message = box.one()
    assert message["Subject"].startswith("Réponse à une question : ")
    text, html = bodies(message)
    assert "La visite est-elle obligatoire ?" in text
    assert text.index("Réponse :") < text.index("Answer to a question")
    assert "&lt;b&gt;l&#39;article 3&lt;/b&gt; &amp; l&#39;annexe" in html
    assert "<b>" not in html
    for word in (COMPANY, "Toitures", "Camille"):
        assert word not in text + html
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert ADDRESS not in logs.getvalue()
    async with h.runtime.read() as conn:
        assert ADDRESS not in await conn.fetchval("SELECT string_agg(t::text, '') FROM job AS t")
        assert [row["state"] for row in await conn.fetch("SELECT state FROM mail")] == ["sent"]


async def test_a_repeated_mail_has_the_same_identity(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    box.answers = ["451 try later"]
    await answer(h, await asked(h))
    await h.settle()
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE job SET not_before = now() WHERE state = 'waiting'")
    await h.settle()
    assert len(box.mails) == 2
    assert len({message["Message-ID"] for _, message in box.mails}) == 1
    assert re.fullmatch(r"<[0-9a-f-]{36}@halles\.example>", box.mails[0][1]["Message-ID"])


async def test_a_refused_mail_is_not_tried_again(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    box.answers = ["550 no such mailbox"]
    await answer(h, await asked(h))
    await h.settle()
    async with h.runtime.read() as conn:
        assert tuple(await conn.fetchrow("SELECT state, reason FROM mail")) == ("refused", "SMTP 550")


async def test_a_correction_is_told_with_the_documents_it_brings(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    h.clock.advance(timedelta(hours=1))
    await correction(h, {"rc.pdf": b"%PDF- new", "<img src=x>.pdf": b"%PDF- x"})
    await h.settle()
    message = box.one()
    assert message["Subject"].startswith("Consultation modifiée : ")
    text, html = bodies(message)
    assert "- rc.pdf (version 2)" in text
    assert "- <img src=x>.pdf (nouveau)" in text
    assert "<img" not in html
    assert "11 janvier 2027 à 12h00" in text
    link = re.search(r"https://halles\.example(/\S+documents\.zip\?key=\S+)", text)
    assert link is not None
    async with h.client.get(link[1]) as reply:
        assert (await reply.read())[:2] == b"PK"
    lines = await ask(h, "GET", f"{PROC}/downloads", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert [line["name"] for line in lines["items"]] == ["Camille Martin"]


async def test_consent_is_withdrawn_in_one_click_and_the_address_forgotten(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    await register(h, PERSON | {"email": "Camille@Toitures.example"})
    await register(h, PERSON | {"email": "other@toitures.example"})
    await answer(h, await asked(h))
    await h.settle()
    [mine] = [message for address, message in box.mails if address.lower() == ADDRESS]
    path = urlsplit(mine["List-Unsubscribe"].strip("<>")).path
    async with h.client.get(path) as page:
        assert page.status == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM registrant WHERE consent") == 3
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        async with h.client.post(path, data=b"List-Unsubscribe=One-Click", headers=form) as done:
            assert done.status == 200
    async with h.client.post(path[:-3] + "AAA", data=b"", headers=form) as forged:
        assert forged.status == 404
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT email, consent FROM registrant ORDER BY email NULLS LAST")
    assert [tuple(row) for row in rows] == [("other@toitures.example", True), (None, False), (None, False)]
    box.mails.clear()
    await answer(h, await asked(h))
    await h.settle()
    assert [address for address, _ in box.mails] == ["other@toitures.example"]


async def test_who_withdrew_before_the_mail_left_gets_none(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    await answer(h, await asked(h))
    async with h.bus.consume(h.runtime):
        pass
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE registrant SET consent = false")
    await h.settle()
    assert box.mails == []


async def test_who_asked_is_erased_after_its_time(h: Harness) -> None:
    await published(h)
    await answer(h, await asked(h))
    await asked(h, "Sans réponse")
    h.clock.advance(timedelta(days=425))
    await periodic.tick(h.runtime)
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT organisation, person, name, asked FROM question ORDER BY asked")
    assert [tuple(row) for row in rows] == [
        (None, None, None, ""),
        (None, None, None, "La visite est-elle obligatoire ?"),
    ]
    assert len(await public(h)) == 1


async def test_a_suspension_and_its_end_are_told(h: Harness, box: Inbox) -> None:
    await published(h)
    await register(h, PERSON)
    for step, body, word in (
        ("suspension", {"reason": "review"}, "Consultation suspendue : "),
        ("resumption", {}, "Consultation reprise : "),
    ):
        h.clock.advance(timedelta(days=1))
        async with h.client.get(f"/notices/v1{PROC}", headers=h.headers(INTERCOMMUNALITY)) as read:
            headers = h.headers(INTERCOMMUNALITY) | {"If-Match": read.headers["ETag"]}
        await ask(h, "POST", f"{PROC}/{step}", status=201, json=body, headers=headers)
        await h.settle()
        assert box.mails[-1][1]["Subject"].startswith(word)
    assert len(box.mails) == 2
    assert "12 janvier 2027 à 12h00" in bodies(box.mails[1][1])[0]
