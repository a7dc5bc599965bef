"""Messages between a buyer and those who answered it: threads of two, proofs of each step, and those who try to get in."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pypdf

from libs.common.messages.alerts import AlertSentV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.correspondence.delivery import remind
from services.bids.evidence.journal import stamp_left
from services.bids.evidence.proof import Proof, verify_proof
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, ROOTS, World, world

ALPHA, BETA, STRANGER = "SIRET:55210025400001", "SIRET:55210025400002", "SIRET:55210025400003"
TEXT = "Précisez le délai de la ligne 4.\n<script>alert('x')</script> <b>gras</b>"


async def opened(service_harness: HarnessFactory) -> World:
    """Give a consultation of which the bids of Alpha and Beta were opened."""
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"alpha"])
    await w.deposit(BETA, [b"beta"])
    await w.open_all()
    return w


def message(*addressees: str, **changes: Any) -> dict[str, Any]:
    said = {"kind": "clarification", "subject": "Délai d'intervention", "text": TEXT, "addressees": list(addressees)}
    return said | changes


async def send(w: World, *addressees: str, expect: int = 201, who: str = BUYER, **changes: Any) -> Any:
    path = f"/consultations/{w.procedure}/messages"
    return await w.call("POST", path, who, expect=expect, json=message(*addressees, **changes))


async def thread(w: World, who: str, *, expect: int = 200, **query: str) -> Any:
    path = f"/consultations/{w.procedure}/messages" if who in {BUYER, OTHER_BUYER} else "/messages"
    answer = await w.call("GET", path, who, expect=expect, params=query)
    return answer["items"] if expect == 200 else answer


async def attach(w: World, who: str, name: str, content: bytes, *, expect: int = 201) -> Any:
    path = f"/consultations/{w.procedure}/attachments"
    headers = {"Content-Type": "application/octet-stream"}
    return await w.call("POST", path, who, expect=expect, params={"name": name}, data=content, headers=headers)


async def test_a_message_its_reading_and_the_answer_are_one_thread(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    plan = await attach(w, BUYER, "plan.txt", b"%PDF-1.7 said to be text")
    assert plan["media_type"] == "application/pdf"
    due = (w.h.clock.now() + timedelta(days=3)).isoformat()
    (letter,) = (await send(w, ALPHA, answer_due_at=due, attachments=[plan["attachment_id"]]))["letters"]
    await w.h.settle()
    (told,) = w.h.events("bids.message.sent.v1")
    assert (told.organisation, told.data["kind"]) == (ALPHA, "clarification")
    assert TEXT[:9] not in str(told.data)
    assert "Délai" not in str(told.data)
    (sent,) = await thread(w, BUYER, company=ALPHA)
    assert (sent["delivered_at"], sent["first_read_at"], sent["read_by"]) == (None, None, None)
    (shown,) = [each for each in await thread(w, ALPHA) if each["kind"] == "clarification"]
    assert [each["name"] for each in shown["attachments"]] == ["plan.txt"]
    (sent,) = await thread(w, BUYER, company=ALPHA)
    assert (sent["delivered_by"], sent["first_read_at"]) == ("inbox", None)
    w.h.clock.advance(timedelta(hours=1))
    read = await w.call("GET", f"/letters/{letter}", ALPHA, expect=200)
    assert read["paragraphs"][:2] == TEXT.splitlines()
    path = f"/letters/{letter}/attachments/{plan['attachment_id']}"
    assert await w.call("GET", path, ALPHA, expect=200) == b"%PDF-1.7 said to be text"
    (sent,) = await thread(w, BUYER, company=ALPHA)
    assert sent["first_read_at"] is not None
    assert sent["read_by"]
    answer = await attach(w, ALPHA, "réponse.pdf", b"%PDF-1.4 answer")
    body = {"text": "Quatre heures.", "attachments": [answer["attachment_id"]]}
    (reply,) = (await w.call("POST", f"/letters/{letter}/replies", ALPHA, expect=201, json=body))["letters"]
    newest, _ = await thread(w, BUYER, company=ALPHA)
    assert (newest["letter_id"], newest["sender"], newest["in_reply_to"]) == (reply, ALPHA, letter)
    assert newest["first_read_at"] is None
    await w.call("GET", f"/letters/{reply}", ALPHA, expect=200)  # its author's reading is none
    assert (await thread(w, BUYER, company=ALPHA))[0]["first_read_at"] is None
    assert (await w.call("GET", f"/letters/{reply}", BUYER, expect=200))["paragraphs"] == ["Quatre heures."]
    assert (await thread(w, ALPHA))[0]["first_read_at"] is not None


async def test_nobody_is_written_to_as_a_bidder_before_the_opening(service_harness: HarnessFactory) -> None:
    """Whether a company deposited or not, the refusal is the same word for word."""
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"alpha"])
    depositor, other = [await send(w, each, expect=409) for each in (ALPHA, STRANGER)]
    assert depositor["type"] == "urn:halles:problem:not-a-correspondent"
    assert depositor["detail"].replace(ALPHA, "") == other["detail"].replace(STRANGER, "")
    await w.h.settle()
    assert await thread(w, BUYER) == []
    await w.close()
    await send(w, ALPHA, expect=409)
    await w.open_stage()
    await send(w, ALPHA)
    await send(w, STRANGER, expect=409)


async def test_another_companys_thread_is_closed_to_everybody_else(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    note = await attach(w, BUYER, "note.pdf", b"%PDF-1.4 note")
    (letter,) = (await send(w, ALPHA, attachments=[note["attachment_id"]]))["letters"]
    for other in (BETA, STRANGER, OTHER_BUYER):
        await w.call("GET", f"/letters/{letter}", other, expect=404)
        await w.call("GET", f"/letters/{letter}/attachments/{note['attachment_id']}", other, expect=404)
        await w.call("GET", f"/letters/{letter}/proof", other, expect=404)
        refused = 403 if other == OTHER_BUYER else 404
        await w.call("POST", f"/letters/{letter}/replies", other, expect=refused, json={"text": "forged"})
    assert {each["kind"] for each in await thread(w, BETA)} == {"receipt"}
    assert await thread(w, STRANGER) == []
    await w.call("GET", f"/consultations/{w.procedure}/messages", BETA, expect=403)
    await w.call("GET", "/messages", BUYER, expect=403)
    await thread(w, OTHER_BUYER, expect=403)
    await w.call("POST", f"/letters/{letter}/replies", BUYER, expect=403, json={"text": "in its place"})
    await send(w, ALPHA, who=ALPHA, expect=403)
    own = await attach(w, ALPHA, "mine.pdf", b"%PDF-1.4 mine")
    (mail,) = (await send(w, BETA))["letters"]
    body = {"text": "with a file of others", "attachments": [own["attachment_id"]]}
    await w.call("POST", f"/letters/{mail}/replies", BETA, expect=404, json=body)
    await attach(w, STRANGER, "late.pdf", b"%PDF-1.4", expect=403)
    (unread,) = [each for each in await thread(w, BUYER) if each["letter_id"] == letter]
    assert (unread["first_read_at"], unread["delivered_at"]) == (None, None)


async def test_path_tricks_and_programs_are_refused_and_text_is_no_markup(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    for name in ("../../etc/passwd", "a/b.pdf", ".htaccess", "c:\\x.pdf", "\u202efdp.exe"):
        assert (await attach(w, BUYER, name, b"%PDF-1.4", expect=422))["type"].endswith("wrong-message")
    await attach(w, BUYER, "facture.pdf", b"MZ\x90\x00" + b"\x00" * 60, expect=415)
    await attach(w, BUYER, "facture.exe", b"%PDF-1.4", expect=415)
    refused = await send(w, ALPHA, ALPHA, expect=422, lot_id="LOT-0009", answer_due_at="2026-01-01T00:00:00Z")
    assert len(refused["errors"]) == 3
    assert [each for each in await thread(w, BUYER) if each["kind"] != "receipt"] == []
    (letter,) = (await send(w, ALPHA))["letters"]
    pdf = await w.call("GET", f"/letters/{letter}/document", ALPHA, expect=200)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "<script>alert('x')</script>" in text.replace("’", "'").replace("\n", "")


async def test_sending_is_proved_offline_and_delivery_by_the_mail_server(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    (letter,) = (await send(w, ALPHA))["letters"]
    await stamp_left(w.h.runtime)
    async with w.h.runtime.read() as conn:  # as if its process had died before the stamp
        await conn.execute("UPDATE evidence_batch SET recorded_at = recorded_at - interval '1 hour'")
    await stamp_left(w.h.runtime)
    given = await w.call("GET", f"/letters/{letter}/proof", BUYER, expect=200)
    proof = Proof.model_validate(given["proof"])
    assert verify_proof(proof, ROOTS) is not None
    view = await w.call("GET", f"/letters/{letter}", ALPHA, expect=200)
    assert proof.fact.content["sha256"] == view["sha256"]
    (mailed,) = (await send(w, BETA))["letters"]
    sent = AlertSentV1(
        aggregate_id=uuid4(), aggregate_version=1, organisation=BETA, procedure=w.procedure,
        occurred_at=w.h.clock.now(), mail_id=uuid4(), kind="letter", letter_id=UUID(mailed),
    )  # fmt: skip
    await w.h.deliver(sent)
    assert (await thread(w, BUYER, company=BETA))[0]["delivered_by"] == "mail"


async def test_who_reads_nothing_is_reminded_once(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    letters = (await send(w, ALPHA, BETA))["letters"]
    await w.call("GET", f"/letters/{letters[1]}", BETA, expect=200)
    w.h.clock.advance(timedelta(days=1))
    assert await remind(w.h.runtime) == 0
    w.h.clock.advance(timedelta(days=1))
    assert await remind(w.h.runtime) == 1
    assert await remind(w.h.runtime) == 0
    await w.h.settle()
    again = [each for each in w.h.events("bids.message.sent.v1") if each.data["reminder"]]
    assert [(each.organisation, each.data["letter_id"]) for each in again] == [(ALPHA, letters[0])]


async def test_the_register_tells_each_step_as_csv_and_as_a_paper(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    (letter, _) = (await send(w, ALPHA, BETA, subject='=HYPERLINK("x")'))["letters"]
    await w.call("GET", f"/letters/{letter}", ALPHA, expect=200)
    path = f"/consultations/{w.procedure}/messages"
    lines = (await w.call("GET", f"{path}.csv", BUYER, expect=200)).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("courrier;nature;objet;de;à;lot;envoyé le;remis le;remis par;courriel non remis;lu le")
    assert [ALPHA in each and "affiché" in each for each in lines[1:]] == [False, True]
    assert not any(";=HYPERLINK" in each for each in lines)
    assert (await w.call("GET", f"{path}.pdf", BUYER, expect=200)).startswith(b"%PDF-")
    for other in (ALPHA, OTHER_BUYER):
        await w.call("GET", f"{path}.csv", other, expect=403)
        await w.call("GET", f"{path}.pdf", other, expect=403)
