"""A contract goes through the buyer's circuit: in order, by the right people, with real signatures."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from libs.common import jobs
from libs.common.messages.signature import DocumentSignedV1
from libs.common.runtime import open_runtime
from libs.common.timestamp import TimestampAuthority, TimestampUnavailableError
from services.signature.wiring import SERVICE

if TYPE_CHECKING:
    from tests.api.signature.conftest import Office

BUYER = "SIRET:20006682500012"
OTHER = "SIRET:21210231500018"
DIRECTOR, PRESIDENT = "person-director", "person-president"


async def test_a_contract_is_signed_from_end_to_end(office: Office) -> None:
    await office.set_circuit()
    request = await office.submit(await office.signed_by_winner())
    identity = request["request_id"]
    assert request["state"] == "open"
    assert [step["state"] for step in request["steps"]] == ["current", "waiting"]
    status, body = await office.call("POST", f"/requests/{identity}/steps/1/visa")
    assert (status, body["steps"][0]["state"], body["steps"][1]["state"]) == (200, "done", "current")
    status, prepared = await office.prepare(identity)
    assert status == 201, prepared
    status, body = await office.sign(identity, prepared["to_sign"])
    assert (status, body["state"]) == (202, "completing")
    await office.h.settle()
    _, done = await office.call("GET", f"/requests/{identity}")
    assert done["state"] == "completed"
    assert [line["event"] for line in done["history"]] == [
        "received", "opened", "step_completed", "signature_given", "completed",
    ]  # fmt: skip
    _, document = await office.call("GET", f"/requests/{identity}/document")
    report = await verification(office, document)
    assert report["indication"] == "TOTAL_PASSED", report
    assert [item["field"] for item in report["signatures"]] == ["Signature_titulaire", "Signature_acheteur_2"]
    assert all(item["timestamped"] and item["level"] == "PAdES-T" for item in report["signatures"])
    kinds = [event.type for event in office.h.events()]
    assert kinds == [
        "signature.request.opened.v1",
        "signature.step.completed.v1",
        "signature.step.completed.v1",
        "signature.document.signed.v1",
    ]
    told = DocumentSignedV1.model_validate(office.h.events()[-1].data)
    assert [item.level for item in told.signatures] == ["PAdES-T", "PAdES-T"]
    assert str(told.subject_id) == request["subject_id"]
    assert told.document.key.startswith("exchange/")


async def test_steps_are_done_in_order_by_the_named_person_of_the_owning_organisation(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    status, body = await office.prepare(identity)
    assert (status, body["type"]) == (409, "urn:halles:problem:step-not-current")
    status, body = await office.call("POST", f"/requests/{identity}/steps/1/visa", sub=PRESIDENT)
    assert (status, body["type"]) == (403, "urn:halles:problem:not-your-turn")
    status, _ = await office.call("POST", f"/requests/{identity}/steps/2/visa", sub=PRESIDENT)
    assert status == 409
    for path in (f"/requests/{identity}", f"/requests/{identity}/document"):
        status, _ = await office.call("GET", path, organisation=OTHER)
        assert status == 403
    status, _ = await office.call("POST", f"/requests/{identity}/steps/1/visa", organisation=OTHER)
    assert status == 403
    _, page = await office.call("GET", "/requests", organisation=OTHER)
    assert page["items"] == []
    _, unchanged = await office.call("GET", f"/requests/{identity}")
    assert (unchanged["state"], unchanged["version"]) == ("open", 2)
    assert (await office.call("POST", f"/requests/{uuid4()}/steps/1/visa"))[0] == 404


async def test_who_is_awaited_finds_the_request(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    _, director = await office.call("GET", "/requests?awaited=me&state=open")
    _, president = await office.call("GET", "/requests?awaited=me", sub=PRESIDENT)
    assert [item["request_id"] for item in director["items"]] == [identity]
    assert president["items"] == []


async def test_a_signature_of_other_bytes_or_by_another_key_is_refused(office: Office) -> None:
    await office.set_circuit()
    content = await office.signed_by_winner()
    first = (await office.submit(content))["request_id"]
    second = (await office.submit(content))["request_id"]
    for identity in (first, second):
        await office.call("POST", f"/requests/{identity}/steps/1/visa")
    _, one = await office.prepare(first)
    office.h.clock.advance(timedelta(seconds=1))
    _, two = await office.prepare(second)
    status, body = await office.sign(second, one["to_sign"])
    assert (status, body["type"]) == (422, "urn:halles:problem:signature-mismatch"), "replayed from another request"
    status, _ = await office.sign(second, two["to_sign"], office.winner)
    assert status == 422
    _, again = await office.prepare(first)
    status, _ = await office.sign(first, one["to_sign"])
    assert (again["to_sign"] == one["to_sign"]) == (status == 202), "only the last preparation counts"


async def test_nothing_is_signed_twice_or_without_preparation(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    await office.call("POST", f"/requests/{identity}/steps/1/visa")
    status, _ = await office.sign(identity, base64.b64encode(b"anything").decode())
    assert status == 409
    _, prepared = await office.prepare(identity)
    assert (await office.sign(identity, prepared["to_sign"]))[0] == 202
    assert (await office.sign(identity, prepared["to_sign"]))[0] == 409


async def test_certificates_that_could_not_be_valid_are_refused_before_preparation(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    await office.call("POST", f"/requests/{identity}/steps/1/visa")
    stranger = type(office.authority).create().issue("Inconnu", "Ailleurs")
    for issued in (stranger, office.authority.tsa):
        status, body = await office.prepare(identity, issued)
        assert (status, body["type"]) == (422, "urn:halles:problem:certificate-refused")
    path = f"/requests/{identity}/steps/2/preparation"
    for broken in ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "é", "nothing"):
        status, _ = await office.call("POST", path, sub=PRESIDENT, json={"certificate": broken})
        assert status == 422


@pytest.mark.parametrize("tampered", [False, True])
async def test_a_contract_without_the_winners_intact_signature_is_blocked(office: Office, tampered: bool) -> None:
    from tests.api.signature.conftest import pdf

    await office.set_circuit()
    content = bytearray(await office.signed_by_winner() if tampered else pdf())
    if tampered:
        place = content.index(b"/MediaBox")
        content[place + 11] ^= 1
    request = await office.submit(bytes(content))
    assert request["state"] == "blocked"
    assert "signature du titulaire" in request["reason"]
    assert [event.type for event in office.h.events()] == ["signature.request.blocked.v1"]
    assert (await office.call("POST", f"/requests/{request['request_id']}/steps/1/visa"))[0] == 409


async def test_a_document_other_than_announced_is_blocked(office: Office) -> None:
    await office.set_circuit()
    request = await office.submit(await office.signed_by_winner(), sha256="0" * 64)
    assert (request["state"], "empreinte différente" in request["reason"]) == ("blocked", True)
    absent = await office.submit(await office.signed_by_winner(), key="exchange/" + "a" * 64)
    assert (absent["state"], "introuvable" in absent["reason"]) == ("blocked", True)


async def test_a_missing_circuit_blocks_until_it_is_set(office: Office) -> None:
    request = await office.submit(await office.signed_by_winner())
    assert (request["state"], "circuit" in request["reason"]) == ("blocked", True)
    await office.set_circuit()
    identity = request["request_id"]
    assert (await office.call("POST", f"/requests/{identity}/opening", organisation=OTHER))[0] == 403
    assert (await office.call("POST", f"/requests/{identity}/opening"))[0] == 200
    await office.h.settle()
    _, found = await office.call("GET", f"/requests/{identity}")
    assert (found["state"], found["reason"]) == ("open", None)


async def test_refusal_closes_the_request_and_is_told_with_its_reason(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    body = {"reason": "Montant différent de la délibération."}
    assert (await office.call("POST", f"/requests/{identity}/refusal", sub=PRESIDENT, json=body))[0] == 403
    status, found = await office.call("POST", f"/requests/{identity}/refusal", json=body)
    assert (status, found["state"], found["reason"]) == (200, "refused", body["reason"])
    await office.h.settle()
    told = office.h.events("signature.request.refused.v1")[0].data
    assert (told["step"], told["reason"]) == (1, body["reason"])
    assert (await office.call("POST", f"/requests/{identity}/steps/1/visa"))[0] == 409


async def test_a_contract_submitted_again_supersedes_its_former_request(office: Office) -> None:
    await office.set_circuit()
    contract = uuid4()
    content = await office.signed_by_winner()
    first = await office.submit(content, contract)
    second = await office.submit(content, contract)
    assert first["request_id"] != second["request_id"]
    _, former = await office.call("GET", f"/requests/{first['request_id']}")
    assert (former["state"], second["state"]) == ("superseded", "open")


async def test_the_signature_waits_while_the_time_stamp_authority_is_away(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    await office.call("POST", f"/requests/{identity}/steps/1/visa")
    _, prepared = await office.prepare(identity)

    class Away:
        async def stamp(self, digest: bytes) -> bytes:
            raise TimestampUnavailableError("away")

    office.h.runtime.give_ports({TimestampAuthority: Away()})
    assert (await office.sign(identity, prepared["to_sign"]))[0] == 202
    await office.h.settle()
    _, waiting = await office.call("GET", f"/requests/{identity}")
    assert waiting["state"] == "completing"
    office.h.runtime.give_ports({TimestampAuthority: office.tsa})
    async with office.h.runtime.database.acquire() as conn:
        await conn.execute("UPDATE job SET not_before = now()")
    await office.h.settle()
    _, done = await office.call("GET", f"/requests/{identity}")
    assert done["state"] == "completed"


async def test_a_signature_begun_in_one_process_ends_in_another(office: Office) -> None:
    await office.set_circuit()
    identity = (await office.submit(await office.signed_by_winner()))["request_id"]
    await office.call("POST", f"/requests/{identity}/steps/1/visa")
    _, prepared = await office.prepare(identity)
    assert (await office.sign(identity, prepared["to_sign"]))[0] == 202
    async with open_runtime(SERVICE, office.h.runtime.settings, clock=office.h.clock) as other:
        other.give_ports({TimestampAuthority: office.tsa})
        assert await jobs.drain(other) == 1
    await office.h.settle()
    _, done = await office.call("GET", f"/requests/{identity}")
    assert done["state"] == "completed"


async def test_circuits_that_cannot_sign_are_refused_with_every_fault(office: Office) -> None:
    visa = {"action": "visa", "person": "a", "function": "Maire"}
    status, _ = await office.call("PUT", "/circuit", json={"steps": [visa]})
    assert status == 422
    twice = [{"action": "signature", "person": "a", "function": "Maire"}] * 21
    status, body = await office.call("PUT", "/circuit", json={"steps": twice})
    assert (status, len(body["errors"])) == (422, 2)
    for steps in ([], [{"action": "seal", "person": "a", "function": "b"}], [visa | {"extra": 1}]):
        assert (await office.call("PUT", "/circuit", json={"steps": steps}))[0] == 422
    headers = office.h.headers(BUYER, "company")
    async with office.h.client.put("/signature/v1/circuit", json={"steps": [visa]}, headers=headers) as answer:
        assert answer.status == 403
    assert (await office.call("GET", "/circuit"))[0] == 404


async def test_anybody_known_may_verify_a_pdf_and_hostile_files_get_a_verdict(office: Office) -> None:
    signed = await office.signed_by_winner()
    assert (await verification(office, signed))["indication"] == "TOTAL_PASSED"
    broken = await verification(
        office, signed.replace(b"230 000", b"130 000") if b"230 000" in signed else signed[:-900]
    )
    assert broken["indication"] != "TOTAL_PASSED"
    assert (await verification(office, b"PK\x03\x04"))["indication"] == "REFUSED"
    async with office.h.client.post(
        "/signature/v1/verifications", data=signed, headers={"Content-Type": "application/pdf"}
    ) as answer:
        assert answer.status == 401


async def verification(office: Office, content: bytes) -> dict[str, Any]:
    headers = office.h.headers("SIRET:55210055400013", "company") | {"Content-Type": "application/pdf"}
    async with office.h.client.post("/signature/v1/verifications", data=content, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())
