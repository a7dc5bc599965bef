"""Contents that the platform can write as eForms, all invented: one or more a subtype, and what makes them incomplete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.notices import (
    Buyer,
    Change,
    ConcessionRevenue,
    Criterion,
    Lot,
    LotContract,
    LotResult,
    LotTerms,
    Modification,
    Place,
    Winner,
)
from services.notices.content import Contact, Justification, NoticeContent, ReviewBody
from services.notices.eforms.export import ExportedNotice
from services.notices.inputs.amending import NewCancellation, NewCorrection, NewModification

NOW: Final = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NOTICE_ID: Final = UUID("6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101")
PROCEDURE: Final = UUID("3b7d9e10-45c2-4f8a-8a61-9c2e4d5f6a01")
EARLIER: Final = "0d1e2f30-4152-4637-8849-5a6b7c8d9e0f-01"


def euros(amount: int) -> Money:
    """Give an amount in euros."""
    return Money(amount=Decimal(amount))


TERMS: Final = LotTerms(
    validity_days=120, strategic=["soc-obj"], social=["et-eq"], strategy="Insertion : 5 % des heures.", options="Tranche.",
    renewals=2, performance="Clause sociale d'insertion.",
)  # fmt: skip
CRITERIA: Final = [
    Criterion(kind="price", name="Prix", weight=60, description="Prix global et forfaitaire."),
    Criterion(kind="quality", name="Valeur technique", weight=40, description="Mémoire technique."),
]
FRC11: Final = Place(nuts="FRC11", department="21", city="Dijon", postal_code="21000")
LOTS: Final = [
    Lot(lot_id="LOT-0001", title="Gros œuvre", description="Maçonnerie.", nature="works", cpv=["45262500"], places=[FRC11],
        value=euros(3_000_000), duration_months=12, criteria=CRITERIA, terms=TERMS),
    Lot(lot_id="LOT-0002", title="Isolation", nature="works", cpv=["45321000", "45443000"], duration_months=3,
        criteria=CRITERIA[:1], terms=TERMS),
]  # fmt: skip
FRAMED: Final = LOTS[0].model_copy(
    update={
        "framework": True,
        "terms": TERMS.model_copy(
            update={"framework": "fa-wo-rc", "framework_maximum": euros(5_000_000), "framework_participants": 3}
        ),
    }
)
WINNER: Final = Winner(
    organisation="SIRET:32691255700012", name="Maçonnerie Lemire", city="Lyon", postal_code="69003", size="small"
)
RIVAL: Final = WINNER.model_copy(update={"organisation": "SIRET:73282932000074", "name": "Isolation Rival"})
MEMBER: Final = WINNER.model_copy(update={"organisation": "SIRET:55204599900869", "name": "Isolation Cotraitante"})
SUBMISSIONS: Final = {"t-oth-eea": 0, "t-no-eea": 0, "t-large": 1, "t-micro": 1, "t-small": 1, "t-med": 0}
COURT: Final = ReviewBody(
    name="Tribunal administratif de Dijon", identifier="TA21", street="22 rue d'Assas", city="Dijon", postal_code="21000",
    nuts="FRC11", email="greffe@tribunal.example", phone="+33 380000001",
)  # fmt: skip
RESULTS: Final = [
    LotResult(lot_id="LOT-0001", outcome="awarded", winners=[WINNER], value=euros(2_900_000), tenders_received=3,
              signed_at=NOW, contract_number="2026-TX-01", submissions=SUBMISSIONS),
    LotResult(lot_id="LOT-0002", outcome="unsuccessful", reason="no-rece", tenders_received=0),
]  # fmt: skip
HOLDERS: Final = RESULTS[0].model_copy(
    update={
        "winners": [WINNER, RIVAL, MEMBER],
        "contracts": [
            LotContract(number="2026-TX-01", winners=[WINNER], value=euros(2_900_000), signed_at=NOW),
            LotContract(number="2026-TX-02", winners=[RIVAL, MEMBER], value=euros(2_800_000), signed_at=NOW),
        ],
    }
)
"""A framework agreement with two holders, of whom one is a group."""
REVENUE: Final = ConcessionRevenue(users=euros(800_000), buyer=euros(200_000), description="Sur la durée du contrat.")
CORRECTION: Final = NewCorrection.model_validate(
    {"reason": "update-add", "explanation": "Un titre précisé.", "title": "Autre"}
)
CANCELLATION: Final = NewCancellation.model_validate({"explanation": "Sans suite : crédits retirés."})
MODIFICATION: Final = NewModification.model_validate(
    {"lot_id": "LOT-0001", "reason": "add-wss", "explanation": "Fondations."}
)
CHANGE: Final = Change(reason="cor-buy", description="La date limite est reportée.")

_BASE: Final[dict[str, Any]] = {
    "kind": "contract",
    "title": "Rénovation thermique de l'école",
    "description": "Rénovation énergétique de l'école élémentaire.",
    "internal_reference": "2026-TX",
    "buyer": Buyer(
        organisation="SIRET:21210231600012", name="Ville de Dijon", city="Dijon", postal_code="21000", department="21",
        legal_type="la",
    ),
    "procedure_type": "open",
    "formal": True,
    "nature": "works",
    "cpv": ["45214210", "45321000"],
    "places": [FRC11],
    "departments": ["21"],
    "value": euros(6_000_000),
    "deadline": NOW + timedelta(days=40),
    "documents_url": "https://marches.example/dce/1",
    "contact": Contact(
        department="Service des marchés", street="1 place de la Mairie", email="marches@dijon.example",
        phone="+33 380000000", activity="gen-pub", url="https://dijon.example",
    ),
    "lots": LOTS,
}  # fmt: skip
_AWARD: Final[dict[str, Any]] = {"kind": "award", "results": RESULTS, "deadline": None}
_CONCESSION: Final[dict[str, Any]] = {"contract_kind": "concession", "procedure_type": "neg-w-call"}
_MODIFIED: Final[dict[str, Any]] = {
    "kind": "change", "deadline": None, "lots": LOTS[:1], "results": RESULTS[:1],
    "modification": Modification(
        lot_id="LOT-0001", contract_number="2026-TX-01", reason="add-wss", description="Avenant n° 1 : fondations.",
        value=euros(3_100_000), duration_months=14,
    ),
}  # fmt: skip

CASES: Final[dict[str, dict[str, Any]]] = {
    "4": {"kind": "planning", "deadline": None, "planned_on": NOW + timedelta(days=90)},
    "4 changed": {"kind": "change", "subtype": "4", "deadline": None, "planned_on": NOW, "change": CHANGE},
    "16": {},
    "16 accelerated": {
        "procedure_type": "restricted", "accelerated": True, "justification": Justification(text="Péril."),
    },
    "16 planned": {"previous": [EARLIER, "123456-2026"], "title": "Caractère\x00 nul, <balise> & « guillemets »"},
    "16 framework": {"lots": [FRAMED]},
    "16 competitive dialogue": {"procedure_type": "comp-dial"},
    "16 reserved": {
        "lots": [
            LOTS[0].model_copy(
                update={"terms": TERMS.model_copy(update={"reserved_participation": ["res-ws"], "eu_funded": True})}
            )
        ]
    },
    "16 changed": {"kind": "change", "change": CHANGE},
    "19": _CONCESSION,
    "29": _AWARD,
    "29 group": {**_AWARD, "results": [RESULTS[0].model_copy(update={"winners": [WINNER, RIVAL]}), RESULTS[1]]},
    "29 one contract": {**_AWARD, "results": [RESULTS[0], RESULTS[0].model_copy(update={"lot_id": "LOT-0002"})]},
    "29 framework": {**_AWARD, "lots": [FRAMED], "results": RESULTS[:1]},
    "29 holders": {**_AWARD, "lots": [FRAMED], "results": [HOLDERS]},
    "29 holders and a failed lot": {**_AWARD, "lots": [FRAMED, LOTS[1]], "results": [HOLDERS, RESULTS[1]]},
    "29 abandoned": {
        **_AWARD, "results": [RESULTS[0], LotResult(lot_id="LOT-0002", outcome="abandoned", reason="ins-fund", tenders_received=3, submissions=SUBMISSIONS)],
    },
    "29 without competition": {
        **_AWARD, "procedure_type": "neg-wo-call",
        "justification": Justification(code="technical", text="Un seul opérateur peut exécuter le marché."),
    },
    "29 changed": {**_AWARD, "kind": "change", "change": CHANGE},
    "32": {
        **_AWARD, **_CONCESSION, "results": [RESULTS[0].model_copy(update={"revenue": REVENUE}), RESULTS[1]],
    },
    "38": _MODIFIED,
    "40": {**_MODIFIED, "contract_kind": "concession"},
    "E1": {"kind": "planning", "notice_type": "pmc"},
    "E2": {"kind": "planning", "formal": False, "deadline": None},
    "E3": {"formal": False, "procedure_type": "adapted"},
    "E3 changed": {"formal": False, "procedure_type": "adapted", "kind": "change", "change": CHANGE},
    "E6": {**_MODIFIED, "formal": False, "procedure_type": "adapted"},
    "E4": {**_AWARD, "formal": False, "procedure_type": "adapted"},
}  # fmt: skip
"""By the subtype they go out as, and what is special of them."""
SUBTYPES: Final = tuple(dict.fromkeys(name.partition(" ")[0] for name in CASES))


def content(name: str, **changes: object) -> NoticeContent:
    """Give the content of a case."""
    return NoticeContent.model_validate({**_BASE, **CASES[name], **changes})


def exported(of: NoticeContent) -> ExportedNotice:
    """Give a content with the identity it goes out with."""
    return ExportedNotice(
        notice_id=NOTICE_ID,
        version=1,
        procedure_id=PROCEDURE,
        content=of,
        issued_at=NOW,
        submission_url="https://marches.example/depot/1",
        earlier=EARLIER if of.kind == "change" else None,
    )


_SILENT: Final = [LOTS[0].model_copy(update={"duration_months": None, "terms": None, "criteria": []})]
_OVERSEAS: Final = Buyer(
    organisation="SIRET:21970101000012", name="Ville de Pointe-à-Pitre", city="Pointe-à-Pitre", postal_code="97110",
    department="971", legal_type="la",
)  # fmt: skip

INCOMPLETE: Final[dict[str, tuple[NoticeContent, list[str]]]] = {
    "a buyer nobody can reach": (
        content("16", contact=None, buyer=Buyer(organisation="SIRET:21210231600012", name="Dijon", department="21")),
        ["BT-11 buyer/legal_type", "BT-10 contact/activity", "BT-503 contact/phone", "BT-506 contact/email",
         "BT-513 buyer/city", "BT-512 buyer/postal_code"],
    ),
    "lots without duration": (
        content("16", lots=_SILENT), ["BT-36 lots/0/duration_months", "BT-98 lots/0/terms/validity_days"],
    ),
    "no court, overseas": (content("16", buyer=_OVERSEAS), ["OPT-301 review"]),
    "a court without number": (
        content("16", buyer=_OVERSEAS, review=ReviewBody(name="Tribunal administratif de la Guadeloupe", city="Basse-Terre")),
        ["BT-501 review/identifier"],
    ),
    "no deadline, no documents": (
        content("16", deadline=None, documents_url=None), ["BT-15 documents_url", "BT-131 deadline"],
    ),
    "no date of what is planned": (content("4", planned_on=None), ["BT-127 planned_on"]),
    "an award without criteria": (content("29", lots=_SILENT, results=RESULTS[:1]), ["BT-539 lots/0/criteria"]),
    "a result without contract": (
        content("29", results=[LotResult(lot_id="LOT-0001", outcome="awarded", winners=[WINNER], tenders_received=1,
                                         submissions=SUBMISSIONS), RESULTS[1]]),
        ["BT-150 results/0/contract_number", "BT-720 results/0/value", "BT-145 results/0/signed_at"],
    ),
    "results of some lots only": (content("29", results=RESULTS[:1]), ["BT-142 results"]),
    "a change of nothing": (content("16 changed", change=None), ["BT-140 change/reason", "BT-141 change/description"]),
    "an urgency without reason": (content("16 accelerated", justification=None), ["BT-1351 justification/text"]),
    "utilities": (content("16", legal_basis="32014L0025"), ["OPP-070 subtype"]),
}  # fmt: skip
"""What lacks, by what is asked for."""
