"""The papers: complete, the same bytes for the same facts, and safe whatever people write in them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pyhanko.pdf_utils.reader import PdfFileReader

from libs.common.messages.base import Money
from libs.common.messages.bids import Contract, EssentialData, Party
from services.bids.documents.contract import contract_pdf, money_text
from services.bids.documents.letters import (
    AwardFacts,
    award_letter,
    elimination_letter,
    notification_letter,
    rejection_letter,
)
from services.bids.documents.receipt import receipt_pdf, receipt_text
from services.bids.documents.report import report_pdf
from services.bids.domain.awards import CriterionScore, Evaluation, Standstill
from services.bids.sealing.receipt import PartyName, Receipt, ReceiptDocument, ReceiptStatement

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 3, 20, 11, tzinfo=UTC)
NASTY = "<b>Dupont & Fils</b> <font size=999> œuvre « Łódź » €"


def pages(pdf: bytes) -> int:
    return int(PdfFileReader(BytesIO(pdf)).root["/Pages"]["/Count"])


def receipt(files: int = 1, name: str = NASTY) -> Receipt:
    documents = tuple(
        ReceiptDocument(number=n, name=f"{name} {n}", size=n, sha256="a" * 64) for n in range(1, files + 1)
    )
    statement = ReceiptStatement(
        act="deposit", receipt_id=UUID(int=1), bid_id=UUID(int=2), title=name, object=name * 200, lots=("LOT-0001",),
        depositor=PartyName(organisation="SIRET:55210025400001", name=name),
        buyer=PartyName(organisation="SIRET:20003945800017", name=name), procedure=UUID(int=3), received_at=NOON,
        time_zone="Europe/Paris", documents=documents, envelope_sha256="b" * 64, key_fingerprint="c" * 64,
    )  # fmt: skip
    return Receipt(statement=statement, sha256=statement.digest.hex(), timestamp="pending")


def test_receipts_are_printable_whatever_names_hold_and_however_many_files() -> None:
    assert pages(receipt_pdf(receipt(200))) > 3
    assert receipt_pdf(receipt()) == receipt_pdf(receipt())
    text = receipt_text(receipt())
    assert "20 mars 2026 à 12:00:00 (CET, UTC+01:00)" in text
    assert "Horodatage en attente" in text


def test_reports_show_every_fate_and_long_lists() -> None:
    bid: dict[str, Any] = {
        "bid": str(UUID(int=4)), "depositor": "SIRET:55210025400001", "depositor_name": NASTY,
        "lots": [f"LOT-{n:04}" for n in range(60)], "received_at": NOON.isoformat(), "envelope_sha256": "b" * 64,
    }  # fmt: skip
    verdicts = [
        {"scan": "clean", "threat": None, "reason": None},
        {"scan": "infected", "threat": NASTY, "reason": None},
        {"scan": "unscanned", "threat": None, "reason": NASTY},
    ]
    files = [{"number": n, "name": NASTY, "size": n, "sha256": "a" * 64, "scan": verdicts[n % 3]} for n in range(200)]
    gap = {"begins": NOON.isoformat(), "ends": NOON.isoformat()}
    platform = {"since": NOON.isoformat(), "incidents": [gap | {"ends": None, "what": NASTY}], "interruptions": [gap]}
    report = {
        "opening": str(UUID(int=5)), "procedure": str(UUID(int=3)), "title": NASTY, "buyer": "SIRET:20003945800017",
        "buyer_name": NASTY, "stage": "offers", "lots": ["LOT-0001"], "time_zone": "Europe/Paris", "threshold": 2, "officers_total": 3,
        "officers": [{"officer": "presidente", "presented_at": NOON.isoformat(), "recovery": True, "deputy": NASTY}],
        "opened": [bid | {"files": files}], "platform": platform,
        "unreadable": [bid | {"finding": NASTY, "fault": "bidder", "proof": {"told": NASTY}}],
        "superseded": [bid], "late": [bid], "withdrawn": [],
    } | dict.fromkeys(["deadline", "stamped_at", "completed_at"], NOON.isoformat())  # fmt: skip
    assert pages(report_pdf(report, "d" * 64)) > 3


def facts(*, formal: bool) -> AwardFacts:
    standstill = Standstill.of(formal=formal, sent_at=NOON, zone=PARIS)
    return AwardFacts(NASTY, NASTY, "LOT-0001", NASTY, formal, NASTY, "1,00 EUR", NOON, PARIS, standstill)


def test_letters_hold_what_each_addressee_must_be_told() -> None:
    own = Evaluation(UUID(int=1), (CriterionScore("Prix", "40", "60"),), "40", 2, "trop cher")
    best = Evaluation(UUID(int=2), (CriterionScore("Prix", "60", "60"),), "60", 1, "le meilleur")
    loser = rejection_letter(facts(formal=True), own, best)
    told = "\n".join(loser.paragraphs)
    for item in ("Prix 40/60", "rang 2", "trop cher", NASTY, "1,00 EUR", "Prix 60/60", "le meilleur", "1er avril 2026"):
        assert item in told
    winner = award_letter(facts(formal=False), best)
    assert "Procédure adaptée" in "\n".join(winner.paragraphs)
    assert "trop cher" not in "\n".join(winner.paragraphs)
    out = elimination_letter(facts(formal=True), "Reçu hors délai.")
    assert "Reçu hors délai." in out.paragraphs[0]
    notified = notification_letter(facts(formal=True), "2026-1", "e" * 64)
    for paper in (loser, winner, out, notified):
        assert pages(paper.pdf) >= 1
        assert paper.summary_en


def test_the_contract_says_its_terms_and_leaves_room_to_sign() -> None:
    contract = Contract(
        contract_id=UUID(int=9), number="2026-1", title=NASTY, lot_id="LOT-0001", notice_id=UUID(int=8), buyer_name=NASTY,
        winners=[Party(organisation="SIRET:55210025400001", name=NASTY)], value=Money(amount=Decimal("1234567.89")),
        procedure_total=Money(amount=Decimal(1)), nature="services", cpv="65100000", procedure_type="open", formal=True,
        duration_months=12, place_code="21", place_code_kind="Code département", tenders_received=1, awarded_at=NOON,
        essential=EssentialData(
            nature="Marché", ccag="Travaux", techniques=["Sans objet"], execution=["Sans objet"],
            price_types=["Définitif ferme"], price_form="Unitaire", innovative=False, advance=True, advance_rate=0.05,
            grouping="Pas de groupement", subcontracting=False, social=["Clause sociale"],
            environmental=["Clause environnementale"],
        ),
    )  # fmt: skip
    assert contract_pdf(contract, PARIS) == contract_pdf(contract, PARIS)
    assert pages(contract_pdf(contract, PARIS)) >= 1
    assert money_text(Decimal("1234567.89"), "EUR").replace("\u00a0", " ") == "1 234 567,89 EUR"
