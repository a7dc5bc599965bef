"""What the essential data must respect and the schema cannot say (DAJ fact sheet of June 2024, schema descriptions).

`blocking` ones make a record wrong; `doubts` are told to the buyer and do not hold the publication back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

from libs.common.reference import cpv
from services.opendata.decp.check import Path, Problem
from services.opendata.decp.table import Form, name_of

__all__ = ["blocking", "doubts"]

Record = dict[str, Any]
_EMPTY = {
    ("techniques", "technique"): "Sans objet",
    ("modalitesExecution", "modaliteExecution"): "Sans objet",
    ("considerationsSociales", "considerationSociale"): "Pas de considération sociale",
    ("considerationsEnvironnementales", "considerationEnvironnementale"): "Pas de considération environnementale",
}
_DATES = {
    "marche": ("dateNotification", "datePublicationDonnees"),
    "contrat-concession": ("dateSignature", "dateDebutExecution", "datePublicationDonnees"),
}


def blocking(record: Record, name: Form = "marche") -> list[Problem]:
    """Give the faults of a record that fits the schema but is wrong all the same."""
    return [*_dates(record, name), *_origin(record, name)]


def doubts(record: Record, name: Form = "marche") -> list[Problem]:
    """Give what looks wrong and should be looked at: the reader of the data would stumble on it."""
    return [*_order(record, name), *_empty_values(record), *_advance(record), *_codes(record), *_numbering(record)]


def _dates(record: Record, name: Form) -> Iterator[Problem]:
    for item in _DATES[name]:
        if item in record and _date(record[item]) is None:
            yield _problem((item,), name, "date AAAA-MM-JJ attendue", "a date YYYY-MM-DD is expected")


def _origin(record: Record, name: Form) -> Iterator[Problem]:
    """A French product is a European one: origineUE is never below origineFrance."""
    europe, france = record.get("origineUE"), record.get("origineFrance")
    if europe is not None and france is not None and france > europe:
        told = "ne peut pas être inférieure à la part des produits français"
        yield _problem(("origineUE",), name, told, "cannot be below the share of French products")


def _order(record: Record, name: Form) -> Iterator[Problem]:
    binding = "dateNotification" if name == "marche" else "dateSignature"
    first, last = _date(record.get(binding)), _date(record.get("datePublicationDonnees"))
    if first and last and last < first:
        told = "publication avant que le contrat ne lie", "published before the contract binds"
        yield _problem(("datePublicationDonnees",), name, *told)


def _empty_values(record: Record) -> Iterator[Problem]:
    for path, empty in _EMPTY.items():
        group = record.get(path[0])
        values = group.get(path[1]) if isinstance(group, dict) else None
        if isinstance(values, list) and empty in values and len(values) > 1:
            yield _problem(path, "marche", f"« {empty} » exclut toute autre valeur", f"`{empty}` excludes other values")


def _advance(record: Record) -> Iterator[Problem]:
    if record.get("attributionAvance") is False and record.get("tauxAvance"):
        yield _problem(("tauxAvance",), "marche", "taux donné sans avance", "a rate is given without an advance")


def _codes(record: Record) -> Iterator[Problem]:
    code = record.get("codeCPV")
    if isinstance(code, str) and re.fullmatch(r"\d{8}(-\d)?", code) and cpv.normalise(code) is None:
        yield _problem(("codeCPV",), "marche", "code absent de la nomenclature CPV 2008", "not a code of CPV 2008")
    for number, entry in enumerate(record.get("titulaires") or []):
        holder = entry.get("titulaire") if isinstance(entry, dict) else None
        if not isinstance(holder, dict) or holder.get("typeIdentifiant") != "SIRET":
            continue
        if not re.fullmatch(r"\d{14}", str(holder.get("id"))):
            path = ("titulaires", number, "titulaire", "id")
            yield _problem(path, "marche", "un SIRET a 14 chiffres", "a SIRET has 14 digits")


def _numbering(record: Record) -> Iterator[Problem]:
    """Modifications and subcontracts are numbered in growing order, without repeats."""
    for group, member in (("modifications", "modification"), ("actesSousTraitance", "acteSousTraitance")):
        entries = record.get(group) or []
        numbers = [entry[member].get("id") for entry in entries if isinstance(entry.get(member), dict)]
        if any(not isinstance(number, int) for number in numbers):
            continue
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            yield _problem((group,), "marche", "les numéros doivent croître", "the numbers must grow")


def _date(value: object) -> date | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _problem(path: Path, name: Form, message: str, message_en: str) -> Problem:
    return Problem(path, name_of(path, name), message, message_en)
