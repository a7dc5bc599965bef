"""Requests to bidders are letters of the correspondence: proved, delivered, read, reminded of, answered by one way or the other."""

# answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any

from libs.common.testing.plugin import HarnessFactory
from services.bids.correspondence.delivery import remind
from services.bids.evidence.journal import stamp_left
from services.bids.evidence.proof import Proof, verify_proof
from tests.api.bids.bids_world import BUYER, ROOTS, World
from tests.api.bids.evaluation.evaluation_world import ALPHA, BETA, answer, ask, opened, settle


async def thread(w: World, who: str) -> list[Any]:
    path = f"/consultations/{w.procedure}/messages" if who == BUYER else "/messages"
    return list((await w.call("GET", path, who, expect=200))["items"])


async def test_a_request_is_a_letter_of_the_thread_whose_sending_is_proved(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA)
    request = await ask(w, ALPHA, "application")
    (sent,) = [each for each in await thread(w, BUYER) if each["kind"] == "request"]
    assert (sent["letter_id"], sent["answer_due_at"]) == (request["letter_id"], request["due_at"])
    assert (sent["delivered_at"], sent["first_read_at"]) == (None, None)
    await stamp_left(w.h.runtime)
    async with w.h.runtime.read() as conn:  # as if its process had died before the stamp
        await conn.execute("UPDATE evidence_batch SET recorded_at = recorded_at - interval '1 hour'")
    await stamp_left(w.h.runtime)
    proof = await w.call("GET", f"/letters/{sent['letter_id']}/proof", ALPHA, expect=200)
    assert proof["proof"]["fact"]["kind"] == "message_sent"
    assert verify_proof(Proof.model_validate(proof["proof"]), ROOTS) is not None


async def test_who_reads_the_request_has_read_its_letter(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA)
    request = await ask(w, ALPHA, "application")
    await w.call("GET", f"/requests/{request['request_id']}", BUYER, expect=200)
    await w.call("GET", f"/requests/{request['request_id']}", ALPHA, expect=200)
    (sent,) = [each for each in await thread(w, BUYER) if each["kind"] == "request"]
    assert sent["first_read_at"] is not None


async def test_an_answer_by_the_request_is_a_reply_in_the_thread_with_its_documents(
    service_harness: HarnessFactory,
) -> None:
    w = await opened(service_harness, ALPHA)
    request = await ask(w, ALPHA, "application")
    path = f"/requests/{request['request_id']}"
    pdf = {"Content-Type": "application/pdf"}
    await w.call("POST", f"{path}/documents", ALPHA, expect=201, data=b"%PDF-1.7 attestation", headers=pdf)
    await answer(w, ALPHA, request)
    (reply,) = [each for each in await thread(w, BUYER) if each["kind"] == "reply"]
    assert (reply["in_reply_to"], reply["sender"]) == (request["letter_id"], ALPHA)
    (file,) = reply["attachments"]
    got = await w.call("GET", f"/letters/{reply['letter_id']}/attachments/{file['attachment_id']}", BUYER, expect=200)
    assert got == b"%PDF-1.7 attestation"
    await settle(w, request, "accepted")


async def test_a_reply_to_the_letter_answers_the_request_until_its_hour(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    request, other = await ask(w, ALPHA, "application"), await ask(w, BETA, "application")
    reply = f"/letters/{request['letter_id']}/replies"
    name = {"name": "attestation.pdf"}
    uploads = f"/consultations/{w.procedure}/attachments"
    file = await w.call("POST", uploads, ALPHA, expect=201, params=name, data=b"%PDF-1.7 assurance")
    body = {"text": "Ci-joint.", "attachments": [file["attachment_id"]]}
    await w.call("POST", reply, BETA, expect=404, json=body)
    await w.call("POST", reply, ALPHA, expect=201, json=body)
    read = await w.call("GET", f"/requests/{request['request_id']}", BUYER, expect=200)
    assert (read["state"], read["answer"], len(read["documents"])) == ("answered", "Ci-joint.", 1)
    document = await w.call("GET", f"/requests/{request['request_id']}/documents/1", BUYER, expect=200)
    assert document == b"%PDF-1.7 assurance"
    w.h.clock.advance(timedelta(days=6))
    late = await w.call("POST", f"/letters/{other['letter_id']}/replies", BETA, expect=409, json={"text": "Voici."})
    assert late["type"] == "urn:halles:problem:evaluation-order"
    assert [each["sender"] for each in await thread(w, BUYER) if each["kind"] == "reply"] == [ALPHA]


async def test_who_has_a_day_to_answer_is_reminded_after_half_of_it(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA)
    request = await ask(w, ALPHA, "application", days=1.01)
    w.h.clock.advance(timedelta(hours=11))
    assert await remind(w.h.runtime) == 0
    w.h.clock.advance(timedelta(hours=2))
    assert await remind(w.h.runtime) == 1
    assert await remind(w.h.runtime) == 0
    await w.h.settle()
    (again,) = [each for each in w.h.events("bids.message.sent.v1") if each.data["reminder"]]
    assert (again.organisation, again.data["letter_id"]) == (ALPHA, request["letter_id"])
