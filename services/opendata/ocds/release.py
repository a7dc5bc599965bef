"""From what Halles knows of a procedure to OCDS releases: one at publication of the notice, one at notification of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor

from libs.common.messages import bids, notices
from libs.common.messages.base import Money
from libs.common.reference import cpv
from services.opendata.decp.record import procedure_name
from services.opendata.ocds.model import (
    Address,
    Award,
    Classification,
    Contract,
    Identifier,
    Item,
    Lot,
    Organization,
    OrganizationReference,
    Period,
    Release,
    Tag,
    Tender,
    Value,
)

__all__ = ["Identity", "contract_release", "days_of", "disclosed_release", "tender_release"]

_CATEGORIES = {"works": "works", "supplies": "goods", "services": "services"}
_METHODS = {"open": "open", "adapted": "open", "oth-single": "open", "neg-wo-call": "limited"}
"""eForms BT-105 to OCDS method; the other procedures choose whom they invite: selective."""
_LANGUAGES = {
    "BUL": "bg", "CES": "cs", "DAN": "da", "DEU": "de", "ELL": "el", "ENG": "en", "EST": "et", "FIN": "fi", "FRA": "fr",
    "GLE": "ga", "HRV": "hr", "HUN": "hu", "ITA": "it", "LAV": "lv", "LIT": "lt", "MLT": "mt", "NLD": "nl", "NOR": "no",
    "POL": "pl", "POR": "pt", "RON": "ro", "SLK": "sk", "SLV": "sl", "SPA": "es", "SWE": "sv",
}  # fmt: skip
"""eForms BT-702 (ISO 639-3) to OCDS (ISO 639-1)."""
_DAYS_OF_A_MONTH = 30.5
"""As the State's own conversion of the essential data counts (139bercy/decp-rama)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a release from all others."""

    ocid: str
    sequence: int
    date: datetime

    @property
    def release_id(self) -> str:
        """Unique and stable."""
        return f"{self.ocid}-{self.sequence:04d}"


def days_of(months: int) -> int:
    """Give the days of so many months."""
    return floor(months * _DAYS_OF_A_MONTH)


def tender_release(identity: Identity, procedure: str, notice: notices.Notice, *, first: bool) -> Release:
    """Give the release of a published notice; what follows the first one updates or amends the tender."""
    buyer = _organization(notice.buyer.organisation, notice.buyer.name, ["buyer", "procuringEntity"], notice.buyer)
    reference = _reference(buyer)
    return Release(
        ocid=identity.ocid,
        id=identity.release_id,
        date=identity.date,
        language=_LANGUAGES.get(notice.language, "fr"),
        tag=[_tag(notice, first=first)],
        parties=[buyer],
        buyer=reference,
        tender=_tender(procedure, notice, reference),
    )


def disclosed_release(identity: Identity, procedure: str, notice: notices.Notice) -> Release:
    """Give the release of a notice with what it withheld until its day: what was told is not amended, only completed."""
    tag: Tag = "planningUpdate" if notice.kind == "planning" else "tenderUpdate"
    return tender_release(identity, procedure, notice, first=False).model_copy(update={"tag": [tag]})


def contract_release(identity: Identity, contract: bids.Contract, buyer_id: str) -> Release:
    """Give the release of a contract that was notified: its award and itself."""
    buyer = _organization(buyer_id, contract.buyer_name, ["buyer", "procuringEntity"])
    suppliers = [_organization(party.organisation, party.name, ["supplier"]) for party in contract.winners]
    return Release(
        ocid=identity.ocid,
        id=identity.release_id,
        date=identity.date,
        tag=["award", "contract"],
        parties=_distinct([buyer, *suppliers]),
        buyer=_reference(buyer),
        awards=[_award(contract, suppliers)],
        contracts=[_contract(contract)],
    )


def _tag(notice: notices.Notice, *, first: bool) -> Tag:
    if notice.kind == "planning":
        return "planning"
    if first:
        return "tender"
    return "tenderAmendment" if notice.kind == "change" else "tenderUpdate"


def _tender(procedure: str, notice: notices.Notice, buyer: OrganizationReference) -> Tender:
    status = "planned" if notice.kind == "planning" else "active"
    method = _METHODS.get(notice.procedure_type, "selective")
    period = Period(start_date=notice.published_at, end_date=notice.deadline) if notice.deadline else None
    return Tender.model_validate(
        {
            "id": procedure,
            "title": notice.title,
            "description": notice.description or None,
            "status": status,
            "procuring_entity": buyer,
            "value": _value(notice.value),
            "procurement_method": method,
            "procurement_method_details": procedure_name(notice.procedure_type, formal=notice.formal),
            "main_procurement_category": _CATEGORIES[notice.nature],
            "submission_method": ["electronicSubmission"],
            "tender_period": period,
            "items": [_lot_item(lot) for lot in notice.lots],
            "lots": [_lot(lot, status) for lot in notice.lots],
        }
    )


def _lot(lot: notices.Lot, status: str) -> Lot:
    period = Period(duration_in_days=days_of(lot.duration_months)) if lot.duration_months else None
    return Lot.model_validate(
        {
            "id": lot.lot_id,
            "title": lot.title or None,
            "description": lot.description or None,
            "status": status,
            "value": _value(lot.value),
            "contract_period": period,
        }
    )


def _lot_item(lot: notices.Lot) -> Item:
    codes = [_classification(code) for code in lot.cpv]
    return Item(
        id=f"item-{lot.lot_id}",
        description=lot.title or None,
        classification=codes[0],
        additional_classifications=codes[1:] or None,
        related_lot=lot.lot_id,
    )


def _award(contract: bids.Contract, suppliers: Sequence[Organization]) -> Award:
    return Award(
        id=f"{contract.contract_id}-award",
        title=contract.title,
        status="active",
        date=contract.awarded_at,
        value=_amount(contract.value),
        suppliers=[_reference(supplier) for supplier in suppliers],
        items=[_contract_item(contract, related_lot=contract.lot_id)],
        contract_period=Period(duration_in_days=days_of(contract.duration_months)),
        related_lots=[contract.lot_id],
    )


def _contract(contract: bids.Contract) -> Contract:
    period = Period(start_date=contract.notified_at, duration_in_days=days_of(contract.duration_months))
    return Contract(
        id=str(contract.contract_id),
        award_id=f"{contract.contract_id}-award",
        title=contract.title,
        status="active",
        period=period,
        value=_amount(contract.value),
        items=[_contract_item(contract)],
        date_signed=contract.signed_at,
    )


def _contract_item(contract: bids.Contract, related_lot: str | None = None) -> Item:
    return Item(
        id=f"item-{contract.lot_id}",
        description=contract.title,
        classification=_classification(contract.cpv),
        related_lot=related_lot,
    )


def _classification(code: str) -> Classification:
    digits = code[:8]
    return Classification(id=digits, description=cpv.label(digits) if cpv.exists(digits) else None)


def _organization(organisation: str, name: str, roles: list[str], address: notices.Buyer | None = None) -> Organization:
    identifier = _identifier(organisation, name)
    place = None
    if address is not None and (address.city or address.postal_code):
        place = Address(locality=address.city or None, postal_code=address.postal_code or None)
    return Organization.model_validate(
        {
            "id": f"{identifier.scheme}-{identifier.id}",
            "name": name,
            "identifier": identifier,
            "address": place,
            "roles": roles,
        }
    )


def _identifier(organisation: str, name: str) -> Identifier:
    """Give the OCDS identifier of `SCHEME:number`: SIRET as FR-RCS, as the State's own conversion does."""
    scheme, _, number = organisation.partition(":")
    if scheme == "SIRET":
        return Identifier(scheme="FR-RCS", id=number, legal_name=name)
    if scheme == "NATIONAL":
        country, _, number = number.partition("-")
        return Identifier(scheme=f"{country}-NATIONAL", id=number, legal_name=name)
    return Identifier(scheme=f"FR-{scheme}", id=number, legal_name=name)


def _reference(organization: Organization) -> OrganizationReference:
    return OrganizationReference(id=organization.id, name=organization.name)


def _distinct(organizations: Sequence[Organization]) -> list[Organization]:
    """Give each party once, with all its roles: a buyer may be its own supplier (in-house)."""
    parties: dict[str, Organization] = {}
    for party in organizations:
        known = parties.get(party.id)
        roles = list(dict.fromkeys([*(known.roles if known else []), *party.roles]))
        parties[party.id] = (known or party).model_copy(update={"roles": roles})
    return list(parties.values())


def _value(money: Money | None) -> Value | None:
    return _amount(money) if money else None


def _amount(money: Money) -> Value:
    return Value(amount=float(money.amount), currency=money.currency)
