"""Who prepares, signs and reads in the circuit, by the roles that the buyer recorded; and who stands in for whom."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from services.signature import signer
from tests.api.roles.roles_told import Rolls, ended

if TYPE_CHECKING:
    from tests.api.signature.conftest import Office

BUYER, OTHER = "SIRET:20006682500012", "SIRET:21210231500018"
DIRECTOR, PRESIDENT, DEPUTY = "person-director", "person-president", "person-deputy"
CIRCUIT = [
    {"action": "visa", "person": DIRECTOR, "function": "Directrice générale des services"},
    {"action": "signature", "person": PRESIDENT, "function": "Président"},
]


async def opened(office: Office) -> dict[str, Any]:
    await office.set_circuit()
    return await office.submit(await office.signed_by_winner())


def certificate(office: Office) -> dict[str, Any]:
    return {"certificate": office.president.certificate_pem, "chain": office.president.chain_pem}


async def test_each_role_does_its_part_and_no_other(office: Office) -> None:
    rolls, path = Rolls(office.h, BUYER), f"/requests/{(await opened(office))['request_id']}"
    await rolls.give(DIRECTOR, "reader")
    for person, role in ((PRESIDENT, "reader"), ("boss", "administrator"), ("reader", "reader")):
        await rolls.give(person, role)  # type: ignore[arg-type]
    assert await rolls.missing(DIRECTOR, "POST", f"{path}/steps/1/visa", of=BUYER) == "writer", (
        "named, and a reader only"
    )
    assert await rolls.missing(DIRECTOR, "POST", f"{path}/refusal", of=BUYER, json={"reason": "montant"}) == "writer"
    assert await rolls.missing("reader", "POST", f"{path}/opening", of=BUYER) == "writer"
    assert await rolls.missing("reader", "PUT", "/circuit", of=BUYER, json={"steps": CIRCUIT}) == "administrator"
    await rolls.ask("boss", "PUT", "/circuit", 200, of=BUYER, json={"steps": CIRCUIT})
    await rolls.give(DIRECTOR, "writer")
    assert await rolls.missing(DIRECTOR, "PUT", "/circuit", of=BUYER, json={"steps": CIRCUIT}) == "administrator"
    await rolls.ask(DIRECTOR, "POST", f"{path}/steps/1/visa", 200, of=BUYER)
    body = certificate(office)
    for step in ("preparation", "signature"):
        given = body if step == "preparation" else {"signature": base64.b64encode(b"x" * 256).decode()}
        assert await rolls.missing(PRESIDENT, "POST", f"{path}/steps/2/{step}", of=BUYER, json=given) == "signatory"
    await rolls.give(PRESIDENT, "signatory")
    await rolls.ask(PRESIDENT, "POST", f"{path}/steps/2/preparation", 201, of=BUYER, json=body)
    await rolls.give("other-signatory", "signatory")
    problem = await rolls.ask("other-signatory", "POST", f"{path}/steps/2/preparation", 403, of=BUYER, json=body)
    assert problem["type"] == "urn:halles:problem:not-your-turn"
    for read in ("/circuit", "/requests", path, f"{path}/document"):
        await rolls.ask("reader", "GET", read, 200, of=BUYER)
        assert await rolls.missing("colleague", "GET", read, of=BUYER) == "reader"


async def test_a_guest_sees_the_requests_of_one_consultation_until_the_end_of_its_dates(office: Office) -> None:
    request = await opened(office)
    await office.submit(await office.signed_by_winner())
    rolls, path = Rolls(office.h, BUYER), f"/requests/{request['request_id']}"
    until = office.h.clock.now() + timedelta(days=2)
    await rolls.give("architect", "reader", procedure=UUID(request["procedure"]), until=until)
    await rolls.give("other-architect", "reader", procedure=uuid4(), until=until)
    page = await rolls.ask("architect", "GET", "/requests", 200)
    assert [item["request_id"] for item in page["items"]] == [request["request_id"]]
    assert (await rolls.ask("other-architect", "GET", "/requests", 200))["items"] == []
    await rolls.ask("architect", "GET", f"{path}/document", 200)
    assert await rolls.missing("architect", "GET", "/circuit") == "reader"
    assert await rolls.missing("other-architect", "GET", path) == "reader"
    office.h.clock.advance(timedelta(days=2))
    for read in ("/requests", path, f"{path}/document"):
        await rolls.ask("architect", "GET", read, 403)


async def test_a_member_of_a_joint_purchase_reads_the_request_and_signs_nothing(office: Office) -> None:
    request = await opened(office)
    coordinator, member = Rolls(office.h, BUYER), Rolls(office.h, OTHER)
    path = f"/requests/{request['request_id']}"
    await member.ask("mayor", "GET", path, 403, of=OTHER)
    await office.h.deliver(coordinator.joint([OTHER], [UUID(request["procedure"])]))
    await member.ask("mayor", "GET", f"{path}/document", 200, of=OTHER)
    assert len((await member.ask("mayor", "GET", "/requests", 200, of=OTHER))["items"]) == 1
    await member.ask(DIRECTOR, "POST", f"{path}/steps/1/visa", 403, of=OTHER)
    await member.ask("mayor", "POST", f"{path}/opening", 403, of=OTHER)


async def test_who_stands_in_signs_in_the_place_of_the_person_named_while_the_delegation_holds(office: Office) -> None:
    rolls, path = Rolls(office.h, BUYER), f"/requests/{(await opened(office))['request_id']}"
    await rolls.give(DIRECTOR, "writer")
    president = await rolls.give(PRESIDENT, "signatory")
    await rolls.ask(DIRECTOR, "POST", f"{path}/steps/1/visa", 200, of=BUYER)
    week = office.h.clock.now() + timedelta(days=7)
    gone = rolls.granted(DEPUTY, "signatory", until=week, source=president)
    await office.h.deliver(gone, ended(gone))
    body = certificate(office)
    await rolls.ask(DEPUTY, "POST", f"{path}/steps/2/preparation", 403, of=BUYER, json=body)
    await rolls.give(DEPUTY, "signatory", until=week, source=president)
    (awaited,) = (await rolls.ask(DEPUTY, "GET", "/requests?awaited=me", 200, of=BUYER))["items"]
    assert f"/requests/{awaited['request_id']}" == path
    prepared = await rolls.ask(DEPUTY, "POST", f"{path}/steps/2/preparation", 201, of=BUYER, json=body)
    value = signer.sign_prepared(base64.b64decode(prepared["to_sign"]), office.president.key)
    given = {"signature": base64.b64encode(value).decode()}
    await rolls.ask(PRESIDENT, "POST", f"{path}/steps/2/signature", 409, of=BUYER, json=given)
    await rolls.ask(DEPUTY, "POST", f"{path}/steps/2/signature", 202, of=BUYER, json=given)
    await office.h.settle()
    done = await rolls.ask(DEPUTY, "GET", path, 200, of=BUYER)
    assert done["state"] == "completed"
    assert [(step["person"], step["done_by"]) for step in done["steps"]] == [(DIRECTOR, DIRECTOR), (PRESIDENT, DEPUTY)]


async def test_a_delegation_that_ended_signs_nothing_more(office: Office) -> None:
    rolls, path = Rolls(office.h, BUYER), f"/requests/{(await opened(office))['request_id']}/steps/2/preparation"
    await rolls.give(DIRECTOR, "writer")
    president = await rolls.give(PRESIDENT, "signatory")
    await rolls.ask(DIRECTOR, "POST", path.replace("2/preparation", "1/visa"), 200, of=BUYER)
    await rolls.give(DEPUTY, "signatory", until=office.h.clock.now() + timedelta(days=7), source=president)
    office.h.clock.advance(timedelta(days=7))
    body = certificate(office)
    assert await rolls.missing(DEPUTY, "POST", path, of=BUYER, json=body) == "signatory"
    await rolls.give(DEPUTY, "signatory", until=office.h.clock.now() + timedelta(days=7), source=president)
    await office.h.deliver(ended(president))
    assert await rolls.missing(DEPUTY, "POST", path, of=BUYER, json=body) == "signatory", "it ends with its source"


async def test_nobody_signs_twice_by_standing_in(office: Office) -> None:
    rolls = Rolls(office.h, BUYER)
    steps = [CIRCUIT[1], {"action": "signature", "person": DEPUTY, "function": "Adjoint"}]
    await rolls.ask("secretary", "PUT", "/circuit", 200, of=BUYER, json={"steps": steps})
    path = f"/requests/{(await office.submit(await office.signed_by_winner()))['request_id']}"
    president = await rolls.give(PRESIDENT, "signatory")
    await rolls.give(DEPUTY, "signatory", until=office.h.clock.now() + timedelta(days=7), source=president)
    body = certificate(office)
    problem = await rolls.ask(DEPUTY, "POST", f"{path}/steps/1/preparation", 403, of=BUYER, json=body)
    assert "ne signe qu'une fois" in problem["detail"]
