"""Award, letters, standstill, contract: what is missing blocks by its name; each sees only what is his."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.messages.base import DocumentReference
from libs.common.messages.legality import ActAcknowledgedV1, ActExemptedV1
from libs.common.messages.signature import DocumentSignedV1, SignatureRefusedV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.errors import NotCleared
from services.bids.service.contracts import ForeignDocumentError
from tests.api.bids.bids_world import AUTHORITY, BUYER, ESSENTIAL, OTHER_BUYER, World, award_body, sign_pdf, world

ALPHA, BETA, GAMMA = (f"SIRET:5521002540000{n}" for n in range(1, 4))
PDF = {"Content-Type": "application/pdf"}


async def opened(service_harness: HarnessFactory, *companies: str, **changes: Any) -> World:  # noqa: ANN401
    w = await world(service_harness, threshold=1, officers=1, **changes)
    for company in companies:
        await w.deposit(company, [b"offer of " + company.encode()])
    await w.open_all()
    return w


async def award(w: World, winner: str, *, lot: str = "LOT-0001", expect: int = 201, **changes: Any) -> Any:  # noqa: ANN401
    body = award_body(w.bids[winner], list(w.bids.values())) | changes
    return await w.call("POST", f"/consultations/{w.procedure}/lots/{lot}/award", BUYER, expect=expect, json=body)


async def test_everything_missing_is_listed_by_its_french_name_and_nothing_leaves(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"a"])
    refused = await award(w, ALPHA, expect=409)
    assert refused["type"] == "urn:halles:problem:not-opened"
    await w.deposit(BETA, [b"b"])
    await w.open_all()
    essential = {name: value for name, value in ESSENTIAL.items() if name not in {"ccag", "price_form", "advance_rate"}}
    incomplete = award_body(w.bids[ALPHA], [w.bids[ALPHA]]) | {"essential": essential, "contract_number": "x" * 17}
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    refused = await w.call("POST", path, BUYER, expect=422, json=incomplete)
    told = [each["message"] for each in refused["errors"]]
    assert told == [
        "notes et motifs à donner pour le pli de Entreprise 0002",
        "CCAG de référence : à renseigner",
        "forme du prix : à renseigner",
        "taux de l'avance : à renseigner",
        "numéro de marché de 1 à 16 caractères (lettres, chiffres, . _ / -)",
    ]
    faults: list[tuple[dict[str, Any], str]] = [
        ({"bid_id": str(uuid4())}, "body/bid_id"),
        ({"value": {"amount": "0.00"}}, "body/value"),
        ({"essential": ESSENTIAL | {"ccag": "FCS"}}, "body/essential/ccag"),
        ({"essential": ESSENTIAL | {"advance_rate": 3}}, "body/essential/advance_rate"),
    ]
    for change, where in faults:
        refused = await award(w, ALPHA, expect=422, **change)
        assert where in {each["where"] for each in refused["errors"]}
    await award(w, ALPHA, lot="LOT-0009", expect=404)
    await w.call("POST", path, OTHER_BUYER, expect=403, json=award_body(w.bids[ALPHA], list(w.bids.values())))
    await w.call("POST", path, ALPHA, expect=403, json=award_body(w.bids[ALPHA], list(w.bids.values())))
    await w.h.settle()
    assert w.h.events("bids.award.decided.v1") == []
    assert {each.data["kind"] for each in w.h.events("bids.letter.sent.v1")} == {"receipt"}
    told = (await w.call("GET", "/letters", ALPHA, expect=200))["items"]
    assert [each["kind"] for each in told] == ["receipt"]
    await award(w, ALPHA)
    await award(w, BETA, expect=409)


async def test_an_inadmissible_bid_cannot_win_and_is_told_why(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    body = award_body(w.bids[ALPHA], list(w.bids.values()))
    body["evaluations"][0]["admissible"] = False
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    refused = await w.call("POST", path, BUYER, expect=422, json=body)
    assert refused["errors"][0]["message"] == "un pli irrecevable ne peut être retenu"
    body["bid_id"] = str(w.bids[BETA])
    assert (await w.call("POST", path, BUYER, expect=201, json=body))["winner"] == BETA


async def test_letters_tell_winner_and_losers_what_the_law_asks(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    awarded = await award(w, ALPHA)
    ids = {each["addressee"]: each["letter_id"] for each in awarded["letters"]}
    loser = await w.call("GET", f"/letters/{ids[BETA]}", BETA, expect=200)
    text = "\n".join(loser["paragraphs"])
    for item in ("Prix 40/60", "Entreprise 0001", "245 000,00 EUR", "Le prix est plus élevé", "Offre la mieux notée",
                 "avant le 1er avril 2026", "référé précontractuel"):  # fmt: skip
        assert item in text.replace("\u00a0", " "), item
    winner = "\n".join((await w.call("GET", f"/letters/{ids[ALPHA]}", ALPHA, expect=200))["paragraphs"])
    assert "retenue" in winner
    assert "Entreprise 0002" not in winner
    await w.call("GET", f"/letters/{ids[ALPHA]}", BETA, expect=404)
    await w.call("GET", f"/letters/{ids[ALPHA]}/document", OTHER_BUYER, expect=404)
    pdf = await w.call("GET", f"/letters/{ids[BETA]}/document", BETA, expect=200)
    assert pdf.startswith(b"%PDF-")
    await w.h.settle()
    sent = {each.organisation: each.data for each in w.h.events("bids.letter.sent.v1")}
    assert sent[BETA]["kind"] == "rejection"
    assert sent[BETA]["sha256"] == loser["sha256"]


async def test_only_the_addressees_first_reading_is_recorded(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA)
    letter = (await award(w, ALPHA))["letters"][0]["letter_id"]
    assert (await w.call("GET", f"/letters/{letter}", BUYER, expect=200))["first_read_at"] is None
    first = (await w.call("GET", f"/letters/{letter}", ALPHA, expect=200))["first_read_at"]
    w.h.clock.advance(timedelta(hours=2))
    assert (await w.call("GET", f"/letters/{letter}", ALPHA, expect=200))["first_read_at"] == first
    assert (await w.call("GET", "/letters", BUYER, expect=200))["items"][0]["first_read_at"] == first


async def test_only_the_given_contract_with_a_signature_added_is_taken(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA, formal=False)
    contract = (await award(w, ALPHA))["contract_id"]
    path = f"/contracts/{contract}"
    pdf = await w.call("GET", f"{path}/document", ALPHA, expect=200)
    issued = AUTHORITY.issue("Alice", "Alpha")
    other = await sign_pdf(pdf.replace(b"Halles", b"Hallas"), issued, "Titulaire")
    for wrong in (pdf, pdf + b"/ByteRange", pdf[:-10], b"%PDF-1.7 nothing", other):
        refused = await w.call("PUT", f"{path}/winner-signature", ALPHA, expect=422, data=wrong, headers=PDF)
        assert refused["type"] == "urn:halles:problem:wrong-signed-contract"
    signed = await sign_pdf(pdf, issued, "Titulaire")
    for who, status in ((BETA, 404), (BUYER, 403), (OTHER_BUYER, 403)):
        await w.call("PUT", f"{path}/winner-signature", who, expect=status, data=signed, headers=PDF)
    await w.call("POST", f"{path}/signature-request", BUYER, expect=409)
    await w.call("PUT", f"{path}/winner-signature", ALPHA, expect=200, data=signed, headers=PDF)
    assert await w.call("GET", f"{path}/document", BUYER, expect=200) == signed
    await w.call("GET", path, BETA, expect=404)
    await w.call("POST", f"{path}/signature-request", ALPHA, expect=403)
    await w.call("POST", f"{path}/notification", BUYER, expect=409)
    await w.call("POST", f"{path}/signature-request", BUYER, expect=200)
    await w.call("PUT", f"{path}/winner-signature", ALPHA, expect=409, data=signed, headers=PDF)


async def submitted(w: World, winner: str) -> tuple[UUID, bytes]:
    contract = (await award(w, winner))["contract_id"]
    pdf = await w.call("GET", f"/contracts/{contract}/document", winner, expect=200)
    signed = await sign_pdf(pdf, AUTHORITY.issue("Alice", "Alpha"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", winner, expect=200, data=signed, headers=PDF)
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    return UUID(contract), signed


def signed_event(w: World, contract: UUID, document: DocumentReference) -> DocumentSignedV1:
    now = w.h.clock.now()
    return DocumentSignedV1(
        aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, procedure=w.procedure, occurred_at=now,
        request_id=uuid4(), subject_id=contract, document=document, signatures=[], signed_at=now,
    )  # fmt: skip


async def test_a_signed_document_that_is_another_one_is_not_taken(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, formal=False)
    contract, signed = await submitted(w, ALPHA)
    for forged in (signed, b"%PDF another contract" + bytes(len(signed))):
        document = await w.h.runtime.storage.exchange(forged, media_type="application/pdf", name="c.pdf")
        with pytest.raises(ForeignDocumentError):
            await w.h.deliver(signed_event(w, contract, document))
    stranger = await w.h.runtime.storage.exchange(b"x", media_type="application/pdf", name="c.pdf")
    await w.h.deliver(signed_event(w, uuid4(), stranger))
    assert (await w.call("GET", f"/contracts/{contract}", BUYER, expect=200))["state"] == "submitted"


async def test_a_refused_signature_lets_the_contract_be_submitted_again(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, formal=False)
    contract, _ = await submitted(w, ALPHA)
    now = w.h.clock.now()
    await w.h.deliver(
        SignatureRefusedV1(
            aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, occurred_at=now, request_id=uuid4(),
            subject_id=contract, step=1, reason="montant erroné",
        )
    )  # fmt: skip
    assert (await w.call("GET", f"/contracts/{contract}", BUYER, expect=200))["state"] == "winner_signed"
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)


async def test_the_total_of_a_procedure_is_the_sum_of_its_awarded_lots(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False)
    await w.deposit(ALPHA, [b"both"], ("LOT-0001", "LOT-0002"))
    await w.open_all()
    contract, signed = await submitted(w, ALPHA)
    refused = await award(w, ALPHA, lot="LOT-0002", expect=422)
    assert "déjà pris" in refused["errors"][0]["message"]
    value = {"amount": "5000.50", "currency": "EUR"}
    await award(w, ALPHA, lot="LOT-0002", contract_number="2026-EAU-02", value=value)
    both = await sign_pdf(signed, AUTHORITY.issue("Maire", "Buyer"), "Acheteur")
    document = await w.h.runtime.storage.exchange(both, media_type="application/pdf", name="c.pdf")
    await w.h.deliver(signed_event(w, contract, document))
    await w.h.settle()
    (event,) = w.h.events("bids.contract.signed.v1")
    assert event.data["contract"]["procedure_total"]["amount"] == "250000.50"
    assert event.data["contract"]["value"]["amount"] == "245000.00"
    refused = await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=409)
    assert refused["type"] == f"urn:halles:problem:{NotCleared.slug}"
    assert "contrôle de légalité" in refused["detail"]
    now = w.h.clock.now()
    exempted = ActExemptedV1(aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, occurred_at=now,
                             subject_id=contract, reason="sous le seuil")  # fmt: skip
    acknowledged = ActAcknowledgedV1(aggregate_id=uuid4(), aggregate_version=1, organisation=BUYER, occurred_at=now,
                                     act_id=uuid4(), subject_id=contract, act_identifier="021-X", received_at=now)  # fmt: skip
    await w.h.deliver(exempted, acknowledged)
    assert (await w.call("GET", f"/contracts/{contract}", BUYER, expect=200))["clearance"] == "exempted sous le seuil"
    await w.call("POST", f"/contracts/{contract}/notification", ALPHA, expect=403)
    await w.call("POST", f"/contracts/{contract}/acknowledgement", ALPHA, expect=409)
    stale = {"If-Match": '"1"'}
    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=412, headers=stale)
    async with w.h.client.get(f"/bids/v1/contracts/{contract}", headers=w.h.headers(BUYER)) as answer:
        fresh = {"If-Match": answer.headers["ETag"]}
    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=200, headers=fresh)
    await w.call("POST", f"/contracts/{contract}/acknowledgement", BUYER, expect=403)
    await w.call("POST", f"/contracts/{contract}/acknowledgement", ALPHA, expect=200)
    await w.call("POST", f"/contracts/{contract}/acknowledgement", ALPHA, expect=409)
    listed = await w.call("GET", f"/contracts?procedure={w.procedure}", BUYER, expect=200)
    assert [each["state"] for each in listed["items"]] == ["prepared", "acknowledged"]
    assert (await w.call("GET", "/contracts", OTHER_BUYER, expect=200))["items"] == []
