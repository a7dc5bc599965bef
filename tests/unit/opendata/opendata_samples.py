"""A notice and a contract of a Burgundy intercommunality, as the other services tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.bids import Contract, ContractNotifiedV1, EssentialData, Party
from libs.common.messages.notices import Buyer, Lot, Notice, NoticePublishedV1, Place
from libs.common.messages.publication import NoticeDisclosedV1

BUYER = "SIRET:24210041000123"
OTHER_BUYER = "SIRET:21350238800019"
WINNER = "SIRET:55204599900869"
PROCEDURE = UUID("11111111-1111-4111-8111-111111111111")
NOTICE = UUID("22222222-2222-4222-8222-222222222222")
CONTRACT = UUID("33333333-3333-4333-8333-333333333333")
PUBLISHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOTIFIED = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
"""2 March in Paris."""


def essential(**changes: object) -> EssentialData:
    values: dict[str, Any] = {
        "nature": "Marché",
        "ccag": "Travaux",
        "techniques": ["Sans objet"],
        "execution": ["Tranches"],
        "price_types": ["Définitif révisable"],
        "price_form": "Forfaitaire",
        "innovative": False,
        "advance": True,
        "advance_rate": 0.05,
        "grouping": "Pas de groupement",
        "subcontracting": False,
        "social": ["Clause sociale"],
        "environmental": ["Critère environnemental"],
    }
    values |= changes
    return EssentialData(**values)


def contract(**changes: object) -> Contract:
    values: dict[str, Any] = {
        "contract_id": CONTRACT,
        "number": "2026-T-014",
        "title": "Réfection de l'école Jean-Jaurès",
        "lot_id": "LOT-0001",
        "notice_id": NOTICE,
        "buyer_name": "Communauté de communes de l'Auxois",
        "winners": [Party(organisation=WINNER, name="Toitures de l'Ouche")],
        "value": Money(amount=Decimal("245000.50")),
        "procedure_total": Money(amount=Decimal("245000.50")),
        "nature": "works",
        "cpv": "45214200",
        "procedure_type": "open",
        "formal": True,
        "duration_months": 7,
        "place_code": "21",
        "place_code_kind": "Code département",
        "tenders_received": 3,
        "awarded_at": datetime(2026, 2, 10, 10, tzinfo=UTC),
        "signed_at": datetime(2026, 2, 25, 10, tzinfo=UTC),
        "notified_at": NOTIFIED,
        "essential": essential(),
    }
    values |= changes
    return Contract(**values)


def notified(buyer: str = BUYER, procedure: UUID = PROCEDURE, **changes: object) -> ContractNotifiedV1:
    told = contract(**changes)
    return ContractNotifiedV1(
        aggregate_id=told.contract_id,
        aggregate_version=4,
        organisation=buyer,
        procedure=procedure,
        occurred_at=told.notified_at or NOTIFIED,
        contract=told,
    )


def notice(**changes: object) -> Notice:
    lot = Lot(
        lot_id="LOT-0001",
        title="Toiture",
        description="Réfection de la couverture",
        nature="works",
        cpv=["45261210", "45261900"],
        value=Money(amount=Decimal(250000)),
        duration_months=7,
    )
    values: dict[str, Any] = {
        "notice_id": NOTICE,
        "version": 1,
        "kind": "contract",
        "subtype": "16",
        "title": "Réfection de l'école Jean-Jaurès",
        "description": "Travaux de couverture et d'isolation",
        "buyer": Buyer(
            organisation=BUYER,
            name="Communauté de communes de l'Auxois",
            city="Semur",
            postal_code="21140",
            department="21",
        ),
        "procedure_type": "open",
        "formal": True,
        "nature": "works",
        "cpv": ["45214200"],
        "places": [Place(nuts="FRC11", department="21")],
        "departments": ["21"],
        "value": Money(amount=Decimal(250000)),
        "published_at": PUBLISHED,
        "deadline": datetime(2026, 2, 9, 11, tzinfo=UTC),
        "lots": [lot],
    }
    values |= changes
    return Notice(**values)


def disclosed(version: int, **changes: object) -> NoticeDisclosedV1:
    told = notice(version=version, **changes)
    return NoticeDisclosedV1(
        aggregate_id=told.notice_id,
        aggregate_version=version,
        organisation=told.buyer.organisation,
        procedure=PROCEDURE,
        occurred_at=told.published_at,
        notice=told,
    )


def published(procedure: UUID | None = PROCEDURE, version: int = 1, **changes: object) -> NoticePublishedV1:
    told = notice(version=version, **changes)
    return NoticePublishedV1(
        aggregate_id=told.notice_id,
        aggregate_version=version,
        organisation=told.buyer.organisation,
        procedure=procedure,
        occurred_at=told.published_at,
        notice=told,
    )
