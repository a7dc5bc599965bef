"""From a notified contract to its DECP record. What nobody said is left out, never invented: the checks then name it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.messages.bids import Contract, EssentialData, Party

__all__ = ["PARIS", "envelope", "procedure_name", "record"]

PARIS = ZoneInfo("Europe/Paris")
"""Dates of the essential data are legal dates, in metropolitan time."""

_FORMAL_PROCEDURES = {
    "open": "Appel d'offres ouvert",
    "restricted": "Appel d'offres restreint",
    "neg-w-call": "Procédure avec négociation",
    "comp-dial": "Dialogue compétitif",
}
_OUTSIDE = {
    "AND": "AD", "CAN": "CA", "CHE": "CH", "CHN": "CN", "DZA": "DZ", "GBR": "GB", "IND": "IN", "ISL": "IS", "JPN": "JP",
    "LIE": "LI", "MAR": "MA", "MCO": "MC", "NOR": "NO", "SMR": "SM", "TUN": "TN", "TUR": "TR", "USA": "US",
}  # fmt: skip
"""Countries outside the Union by their code of three letters: those whose companies bid in France. The format has `HORS-UE` for them."""
_WITHOUT_COMPETITION = "Marché passé sans publicité ni mise en concurrence préalable"


def procedure_name(procedure_type: str, *, formal: bool) -> str | None:
    """Give the DECP name of a procedure (eForms BT-105, or `adapted`); None when the format has none for it."""
    if procedure_type == "neg-wo-call":
        return _WITHOUT_COMPETITION
    if not formal:
        return "Procédure adaptée"
    return _FORMAL_PROCEDURES.get(procedure_type)


def record(contract: Contract, *, buyer_siret: str, published_at: datetime) -> dict[str, Any]:
    """Give the `marche` object of a contract, as the order of 22 December 2022 asks. Amounts in euros, excluding tax."""
    items = {
        "id": contract.number,
        "idAccordCadre": contract.framework_number,
        "acheteur": {"id": buyer_siret},
        "objet": contract.title,
        "codeCPV": contract.cpv,
        "procedure": procedure_name(contract.procedure_type, formal=contract.formal),
        "lieuExecution": {"code": contract.place_code, "typeCode": contract.place_code_kind},
        "dureeMois": ceil(contract.duration_months),
        "dateNotification": _day(contract.notified_at),
        "datePublicationDonnees": _day(published_at),
        "montant": _amount(contract.value.amount) if contract.value.currency == "EUR" else None,
        "offresRecues": contract.tenders_received,
        "titulaires": [{"titulaire": _holder(winner)} for winner in contract.winners],
        **_essential(contract.essential),
    }
    return {name: value for name, value in items.items() if value is not None}


def envelope(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the official file of these contracts."""
    return {"marches": {"marche": records}}


def _essential(data: EssentialData) -> dict[str, Any]:
    """Give what the buyer alone knows."""
    return {
        "nature": data.nature,
        "ccag": data.ccag,
        "techniques": {"technique": data.techniques},
        "modalitesExecution": {"modaliteExecution": data.execution},
        "marcheInnovant": data.innovative,
        "attributionAvance": data.advance,
        "tauxAvance": data.advance_rate,
        "typeGroupementOperateurs": data.grouping,
        "sousTraitanceDeclaree": data.subcontracting,
        "typesPrix": {"typePrix": data.price_types},
        "formePrix": data.price_form,
        "origineUE": data.origin_eu,
        "origineFrance": data.origin_france,
        "considerationsSociales": {"considerationSociale": data.social},
        "considerationsEnvironnementales": {"considerationEnvironnementale": data.environmental},
    }


def _holder(party: Party) -> dict[str, str]:
    """Give a holder; a national number that the format has no place for stays as it is, and the checks name it."""
    scheme, _, identifier = party.organisation.partition(":")
    country, _, number = identifier.partition("-")
    if scheme == "NATIONAL" and country in _OUTSIDE:
        return {"typeIdentifiant": "HORS-UE", "id": (_OUTSIDE[country] + number)[:18]}
    return {"typeIdentifiant": scheme, "id": identifier}


def _day(at: datetime | None) -> str | None:
    return at.astimezone(PARIS).date().isoformat() if at else None


def _amount(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)
