"""The whole life of a consultation over HTTP: sealed, deposited, opened, awarded, signed, notified."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from libs.common.messages.legality import ActAcknowledgedV1, ActExemptedV1
from libs.common.messages.signature import DocumentSignedV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing.receipt import Receipt, verify_receipt
from tests.api.bids.bids_world import AUTHORITY, BUYER, ROOTS, World, award_body, sign_pdf, world

ALPHA, BETA, GAMMA, DELTA = (f"SIRET:5521002540000{n}" for n in range(1, 5))


async def test_story_of_a_formal_procedure(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    receipt = Receipt.model_validate(await w.deposit(ALPHA, [b"alpha" * 40_000, b"annexe"]))
    assert verify_receipt(receipt, ROOTS) == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert receipt.statement.received_at.isoformat() == "2026-03-02T10:00:00+01:00"
    await w.deposit(BETA, [b"beta first"])
    first = w.bids[BETA]
    w.h.clock.advance(timedelta(hours=1))
    again = await w.deposit(BETA, [b"beta second"])
    assert again["statement"]["replaces"] == str(first)
    await w.deposit(GAMMA, [b"gamma"])

    await w.start_opening(expect=409)
    await w.close()
    late = await w.deposit(DELTA, [b"too late"])
    assert late["statement"]["act"] == "deposit"
    opening = await w.start_opening()
    path = f"/openings/{opening['opening_id']}"
    await w.present(opening["opening_id"], w.officers[2])
    refused = await w.call("POST", f"{path}/completion", BUYER, expect=409)
    assert "Il manque 1 officier" in refused["detail"]
    await w.present(opening["opening_id"], w.officers[0])
    completed = await w.complete(opening["opening_id"])
    report = completed["report"]
    assert {each["depositor"] for each in report["opened"]} == {ALPHA, BETA, GAMMA}
    assert [each["bid"] for each in report["superseded"]] == [str(first)]
    assert [each["depositor"] for each in report["late"]] == [DELTA]
    assert report["unreadable"] == []
    plain = await w.call("GET", f"{path}/bids/{w.bids[ALPHA]}/files/1", BUYER, expect=200)
    assert plain == b"alpha" * 40_000
    pdf = await w.call("GET", f"{path}/report.pdf", BUYER, expect=200)
    assert pdf.startswith(b"%PDF")

    bids = [w.bids[each] for each in (ALPHA, BETA, GAMMA)]
    award = await w.call(
        "POST", f"/consultations/{w.procedure}/lots/LOT-0001/award", BUYER, expect=201,
        json=award_body(w.bids[ALPHA], bids),
    )  # fmt: skip
    assert award["standstill_until"] == "2026-03-31T22:00:00Z"  # told on 20 March: from 1 April, 0:00 in Paris
    assert {each["addressee"]: each["kind"] for each in award["letters"]} == {
        ALPHA: "award", BETA: "rejection", GAMMA: "rejection", DELTA: "rejection",
    }  # fmt: skip
    contract = await sign_contract(w, award["contract_id"])

    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=409)
    await w.h.deliver(acknowledged(w.procedure, UUID(contract)))
    notified = await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=200)
    assert notified["state"] == "notified"
    await w.call("POST", f"/contracts/{contract}/acknowledgement", BETA, expect=404)
    w.h.clock.advance(timedelta(days=1))
    done = await w.call("POST", f"/contracts/{contract}/acknowledgement", ALPHA, expect=200)
    assert done["state"] == "acknowledged"
    await w.h.settle()
    (event,) = w.h.events("bids.contract.notified.v1")
    told = event.data["contract"]
    assert told["procedure_total"] == {"amount": "245000.00", "currency": "EUR"}
    assert told["tenders_received"] == 3
    assert told["notified_at"] == done["acknowledged_at"]
    kinds = [each.type for each in w.h.events()]
    assert kinds.count("bids.bid.deposited.v1") == 5
    sent = [each.data["kind"] for each in w.h.events("bids.letter.sent.v1") if each.data["kind"] != "receipt"]
    assert len(sent) == 5
    assert [each.data["late"] for each in w.h.events("bids.bid.deposited.v1")] == [False] * 4 + [True]


async def sign_contract(w: World, contract: str) -> str:
    pdf = await w.call("GET", f"/contracts/{contract}/document", ALPHA, expect=200)
    mine = await sign_pdf(pdf, AUTHORITY.issue("Alice Titulaire", "Alpha"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", ALPHA, expect=422, data=pdf + b"\n%%EOF",
                 headers={"Content-Type": "application/pdf"})  # fmt: skip
    signed = await w.call("PUT", f"/contracts/{contract}/winner-signature", ALPHA, expect=200, data=mine,
                          headers={"Content-Type": "application/pdf"})  # fmt: skip
    assert signed["state"] == "winner_signed"
    refused = await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=409)
    assert "1er avril 2026" in refused["detail"]
    w.h.clock.advance(timedelta(days=12))
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    await w.h.settle()
    (event,) = w.h.events("bids.contract.submitted.v1")
    shared = await w.h.runtime.storage.read(event.data["document"]["key"], 10**7)
    assert shared == mine
    both = await sign_pdf(mine, AUTHORITY.issue("Maire", "Buyer"), "Acheteur")
    document = await w.h.runtime.storage.exchange(both, media_type="application/pdf", name="contrat.pdf")
    await w.h.deliver(
        DocumentSignedV1(
            aggregate_id=uuid4(), aggregate_version=3, organisation=BUYER, procedure=w.procedure,
            occurred_at=w.h.clock.now(), request_id=uuid4(), subject_id=UUID(contract), document=document,
            signatures=[], signed_at=w.h.clock.now(),
        )
    )  # fmt: skip
    await w.h.settle()
    (event,) = w.h.events("bids.contract.signed.v1")
    assert event.data["contract"]["document"]["sha256"] == document.sha256
    return contract


def acknowledged(procedure: UUID, contract: UUID) -> ActAcknowledgedV1:
    now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    return ActAcknowledgedV1(
        aggregate_id=uuid4(), aggregate_version=2, organisation=BUYER, procedure=procedure, occurred_at=now,
        act_id=uuid4(), subject_id=contract, act_identifier="021-200039458-20260402-M1-CC", received_at=now,
    )  # fmt: skip


async def test_adapted_procedure_has_no_standstill_and_says_why(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False, procedure_type="adapted")
    await w.deposit(ALPHA, [b"offer"])
    await w.open_all()
    award = await w.call(
        "POST", f"/consultations/{w.procedure}/lots/LOT-0001/award", BUYER, expect=201,
        json=award_body(w.bids[ALPHA], [w.bids[ALPHA]]),
    )  # fmt: skip
    assert award["standstill_until"] is None
    assert "Procédure adaptée" in award["standstill_reason"]
    contract = award["contract_id"]
    pdf = await w.call("GET", f"/contracts/{contract}/document", BUYER, expect=200)
    mine = await sign_pdf(pdf, AUTHORITY.issue("Alice", "Alpha"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", ALPHA, expect=200, data=mine,
                 headers={"Content-Type": "application/pdf"})  # fmt: skip
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    both = await sign_pdf(mine, AUTHORITY.issue("Maire", "Village"), "Acheteur")
    document = await w.h.runtime.storage.exchange(both, media_type="application/pdf", name="contrat.pdf")
    now = w.h.clock.now()
    await w.h.deliver(
        DocumentSignedV1(
            aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, occurred_at=now, request_id=uuid4(),
            subject_id=UUID(contract), document=document, signatures=[], signed_at=now,
        ),
        ActExemptedV1(
            aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, occurred_at=now, subject_id=UUID(contract),
            reason="sous le seuil",
        ),
    )  # fmt: skip
    view = await w.call("GET", f"/contracts/{contract}", BUYER, expect=200)
    assert (view["state"], view["clearance"]) == ("cleared", "exempted sous le seuil")
