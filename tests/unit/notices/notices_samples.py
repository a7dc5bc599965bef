"""Notices and events for the tests of the notices service; the eForms files are those of the local demo, all invented."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.bids import (
    AwardDecidedV1,
    BidDepositedV1,
    BidsOpenedV1,
    Contract,
    ContractNotifiedV1,
    EssentialData,
    LetterSentV1,
    Party,
)
from libs.common.messages.notices import Buyer, Lot, Place
from libs.common.testing.officers import officer
from services.notices.content import NoticeContent

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "local" / "notices"
INTERCOMMUNALITY = "SIRET:20009971100018"
VILLAGE = "SIRET:21350997900018"
HOSPITAL = "SIRET:26210099300019"
COMPANY = "SIRET:55210055400013"
RIVAL = "SIRET:73282932000074"
KEYS: dict[str, Any] = {
    "threshold": 2,
    "officers": [*(officer(name) for name in ("president", "deputy", "clerk")), officer("prefecture", recovery=True)],
}
NOTICE_ID = UUID("6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101")
PROCEDURE = UUID("3b7d9e10-45c2-4f8a-8a61-9c2e4d5f6a01")
CONTRACT_ID = UUID("11111111-2222-4333-8444-555555555555")
BEFORE = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""Before the deadlines of the demo's notices."""


def eforms(number: int) -> bytes:
    """Give an eForms notice of the demo: 1 intercommunality, 2 village, 3 hospital, 4 planning, 5 department."""
    return next(FOLDER.glob(f"0{number}-*.xml")).read_bytes()


def content(title: str = "Travaux de voirie", **changes: object) -> NoticeContent:
    """Give the content of a contract notice."""
    lot = Lot(lot_id="LOT-0001", title=title, nature="works", cpv=["45233140"])
    base = NoticeContent(
        kind="contract",
        subtype="16",
        title=title,
        description="Réfection des chaussées de la commune.",
        buyer=Buyer(
            organisation=INTERCOMMUNALITY, name="Communauté des Trois Vallées", department="21", legal_type="la"
        ),
        procedure_type="open",
        formal=True,
        nature="works",
        cpv=["45233140"],
        places=[Place(nuts="FRC11", department="21")],
        departments=["21"],
        value=Money(amount=Decimal("6000000.00")),
        deadline=datetime(2027, 1, 11, 11, tzinfo=UTC),
        lots=[lot],
    )
    return base.model_copy(update=changes)


def contract(contract_id: UUID = CONTRACT_ID) -> Contract:
    """Give a signed contract of the intercommunality's procedure."""
    return Contract(
        contract_id=contract_id,
        number="2026-014-01",
        title="Collecte des ordures ménagères",
        lot_id="LOT-0001",
        notice_id=NOTICE_ID,
        buyer_name="Communauté de communes des Trois Vallées",
        winners=[Party(organisation=COMPANY, name="Collecte Bourgogne")],
        value=Money(amount=Decimal("455000.00")),
        procedure_total=Money(amount=Decimal("455000.00")),
        nature="services",
        cpv="90511100",
        procedure_type="open",
        formal=True,
        duration_months=36,
        place_code="21",
        place_code_kind="Code département",
        tenders_received=3,
        awarded_at=datetime(2027, 1, 20, 9, tzinfo=UTC),
        signed_at=datetime(2027, 2, 2, 9, tzinfo=UTC),
        essential=EssentialData(
            nature="Marché", ccag="Fournitures courantes et services", techniques=["Sans objet"], execution=["Sans objet"],
            price_types=["Définitif révisable"], price_form="Mixte", innovative=False, advance=False,
            grouping="Pas de groupement", subcontracting=False, social=["Clause sociale"],
            environmental=["Critère environnemental"],
        ),
    )  # fmt: skip


def award_decided(at: datetime) -> AwardDecidedV1:
    """Give the event of an award."""
    return AwardDecidedV1(
        aggregate_id=UUID(int=7), aggregate_version=1, organisation=INTERCOMMUNALITY, buyer=INTERCOMMUNALITY,
        procedure=PROCEDURE, occurred_at=at, lot_id="LOT-0001", winner=COMPANY, value=Money(amount=Decimal("455000.00")),
    )  # fmt: skip


def contract_notified(at: datetime, contract_id: UUID = CONTRACT_ID) -> ContractNotifiedV1:
    """Give the event of a notified contract."""
    return ContractNotifiedV1(
        aggregate_id=contract_id, aggregate_version=3, organisation=INTERCOMMUNALITY, buyer=INTERCOMMUNALITY,
        procedure=PROCEDURE, occurred_at=at, contract=contract(contract_id),
    )  # fmt: skip


def bid_deposited(at: datetime, company: str = COMPANY) -> BidDepositedV1:
    """Give the event of a deposit."""
    return BidDepositedV1(
        aggregate_id=UUID(int=8), aggregate_version=1, organisation=company, buyer=INTERCOMMUNALITY, procedure=PROCEDURE,
        occurred_at=at, bid_id=UUID(int=8), lots=["LOT-0001"], received_at=at, late=False, manifest_sha256="0" * 64,
        receipt_id=UUID(int=9),
    )  # fmt: skip


def bids_opened(at: datetime) -> BidsOpenedV1:
    """Give the event of an opening."""
    return BidsOpenedV1(
        aggregate_id=UUID(int=10), aggregate_version=1, organisation=INTERCOMMUNALITY, buyer=INTERCOMMUNALITY,
        procedure=PROCEDURE, occurred_at=at, opened=3, superseded=1, late=1, officers=["president", "deputy"],
        report_sha256="1" * 64,
    )  # fmt: skip


def letter_sent(at: datetime, company: str = RIVAL) -> LetterSentV1:
    """Give the event of a rejection letter."""
    return LetterSentV1(
        aggregate_id=UUID(int=11), aggregate_version=1, organisation=company, buyer=INTERCOMMUNALITY, procedure=PROCEDURE,
        occurred_at=at, letter_id=UUID(int=11), kind="rejection", subject="Rejet de votre offre", sha256="2" * 64,
    )  # fmt: skip
