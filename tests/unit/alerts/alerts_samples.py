"""Notices and letters as the other services tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.bids import IncidentDeclaredV1, LetterSentV1
from libs.common.messages.notices import Buyer, Lot, Notice, NoticePublishedV1, Place
from libs.common.messages.rounds import MessageSentV1

BUYER = "SIRET:24210041000123"
COMPANY = "SIRET:55204599900869"
OTHER_COMPANY = "SIRET:38024392300089"
PARTNER = "SIRET:80914567800012"
PROCEDURE = UUID("11111111-1111-4111-8111-111111111111")
NOTICE = UUID("22222222-2222-4222-8222-222222222222")


def notice(**changes: object) -> Notice:
    lot = Lot(
        lot_id="LOT-0001",
        title="Couverture",
        description="Dépose des tuiles, charpente",
        nature="works",
        cpv=["45261210"],
        places=[Place(nuts="FRC11", department="21", city="Dijon", postal_code="21000")],
    )
    values: dict[str, Any] = {
        "notice_id": NOTICE,
        "version": 1,
        "kind": "contract",
        "subtype": "16",
        "title": "Réfection des Écoles maternelles",
        "description": "Rénovation de la toiture et isolation",
        "buyer": Buyer(organisation=BUYER, name="Dijon Métropole", city="Dijon", postal_code="21000", department="21"),
        "procedure_type": "open",
        "formal": True,
        "nature": "works",
        "cpv": ["45214200"],
        "departments": ["21"],
        "value": Money(amount=Decimal(250000)),
        "published_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "deadline": datetime(2026, 4, 1, 10, tzinfo=UTC),
        "lots": [lot],
    }
    values |= changes
    return Notice(**values)


def published(procedure: UUID | None = PROCEDURE, **changes: object) -> NoticePublishedV1:
    told = notice(**changes)
    return NoticePublishedV1(
        aggregate_id=told.notice_id,
        aggregate_version=told.version,
        organisation=told.buyer.organisation,
        procedure=procedure,
        occurred_at=told.published_at,
        notice=told,
    )


def letter(number: int = 1, kind: str = "award", organisation: str = COMPANY) -> LetterSentV1:
    return LetterSentV1.model_validate(
        {
            "aggregate_id": UUID(int=number),
            "aggregate_version": 1,
            "organisation": organisation,
            "buyer": BUYER,
            "procedure": PROCEDURE,
            "occurred_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "letter_id": UUID(int=number),
            "kind": kind,
            "subject": "Votre offre pour le lot 1 a été rejetée",
            "sha256": "0" * 64,
        }
    )


def message(number: int = 1, *, reminder: bool = False) -> MessageSentV1:
    return MessageSentV1.model_validate(
        {
            "aggregate_id": UUID(int=number + 1000 * reminder),
            "aggregate_version": 1,
            "organisation": COMPANY,
            "buyer": BUYER,
            "procedure": PROCEDURE,
            "occurred_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "letter_id": UUID(int=number),
            "kind": "negotiation",
            "sha256": "0" * 64,
            "reminder": reminder,
        }
    )


def incident(number: int = 1) -> IncidentDeclaredV1:
    return IncidentDeclaredV1.model_validate(
        {
            "aggregate_id": UUID(int=number),
            "aggregate_version": 1,
            "organisation": BUYER,
            "procedure": PROCEDURE,
            "occurred_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "incident_id": UUID(int=100 + number),
            "begins": datetime(2026, 3, 2, 8, tzinfo=UTC),
            "what": "Le dépôt des plis ne répond plus.",
            "deadline": datetime(2026, 3, 2, 11, tzinfo=UTC),
            "proposed_deadline": datetime(2026, 3, 3, 11, tzinfo=UTC),
            "correction_url": "https://halles.test/notices/v1/notices/1/corrections",
        }
    )
