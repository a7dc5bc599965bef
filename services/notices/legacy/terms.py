"""Every member of a legacy record as a term: nothing of it is lost, also what the platform has no name for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from services.notices.eforms.terms import Term

__all__ = ["terms"]

_NAMES: Final = {
    "doc_id": ("BT-701", "Numéro de l'avis"),
    "form": ("OPP-070", "Formulaire"),
    "date_pub": ("OPP-012", "Date de publication"),
    "ojs_no": ("OPP-010", "Numéro de publication au JOUE"),
    "lang": ("BT-702", "Langue"),
    "notice_type": ("BT-02", "Type d'avis"),
    "notice_type_code": ("BT-02", "Type d'avis (code)"),
    "contract_nature": ("BT-23", "Nature du marché"),
    "procedure": ("BT-105", "Type de procédure"),
    "authority_type": ("BT-11", "Forme juridique de l'acheteur"),
    "main_activity": ("BT-10", "Activité du pouvoir adjudicateur"),
    "award_criteria": ("BT-539", "Critère d'attribution"),
    "deadline": ("BT-131", "Date limite de réception des offres"),
    "deadline_form": ("BT-131", "Date limite de réception des offres (formulaire)"),
    "cpv": ("BT-262", "Nomenclature principale"),
    "main_cpv": ("BT-262", "Nomenclature principale"),
    "nuts": ("BT-5071", "Lieu d'exécution"),
    "title": ("BT-21", "Titre"),
    "description": ("BT-24", "Description"),
    "reference": ("BT-22", "Identifiant interne"),
    "values[].amount": ("BT-27", "Valeur"),
    "ref_notice": ("BT-125", "Avis antérieur"),
    "url_buyer": ("BT-508", "Profil d'acheteur"),
    "url_document": ("BT-15", "Adresse des documents de marché"),
    "url_participation": ("BT-18", "Adresse de remise des offres"),
    "buyer.name": ("BT-500", "Nom de l'acheteur"),
    "buyer.id": ("BT-501", "Identifiant de l'acheteur"),
    "buyer.town": ("BT-513", "Ville"),
    "buyer.postal_code": ("BT-512", "Code postal"),
    "buyer.country": ("BT-514", "Pays"),
    "buyer.nuts": ("BT-507", "Subdivision du pays"),
    "buyer.email": ("BT-506", "Adresse électronique"),
    "buyer.url": ("BT-505", "Adresse internet"),
    "buyer_nuts": ("BT-507", "Subdivision du pays"),
    "lots[].no": ("BT-137", "Numéro du lot"),
    "lots[].title": ("BT-21", "Titre du lot"),
    "lots[].description": ("BT-24", "Description du lot"),
    "lots[].cpv": ("BT-262", "Nomenclature du lot"),
    "lots[].nuts": ("BT-5071", "Lieu d'exécution du lot"),
    "lots[].value": ("BT-27", "Valeur estimée du lot"),
    "lots[].duration": ("BT-36", "Durée"),
    "lots[].criteria": ("BT-539", "Critère d'attribution (type, nom, pondération)"),
    "awards[].lot": ("BT-13713", "Lot attribué"),
    "awards[].contract_no": ("BT-150", "Numéro du marché"),
    "awards[].date": ("BT-145", "Date de conclusion du marché"),
    "awards[].value": ("BT-720", "Valeur du marché"),
    "awards[].nb_tenders": ("BT-759", "Nombre d'offres reçues"),
    "awards[].no_award": ("BT-142", "Lot sans attributaire"),
    "awards[].winners[].name": ("BT-500", "Nom de l'attributaire"),
    "awards[].winners[].id": ("BT-501", "Identifiant de l'attributaire"),
    "awards[].winners[].town": ("BT-513", "Ville"),
    "awards[].winners[].postal_code": ("BT-512", "Code postal"),
    "awards[].winners[].country": ("BT-514", "Pays"),
    "awards[].winners[].nuts": ("BT-507", "Subdivision du pays"),
    "awards[].winners[].email": ("BT-506", "Adresse électronique"),
}
_INDEX: Final = re.compile(r"\[\d+\]")


def terms(record: Any) -> Iterator[Term]:  # noqa: ANN401  # any JSON
    """Give the values of a record in their order. What the public may not read is taken out before."""
    for path, value, currency in _leaves(record, "", None):
        name = _INDEX.sub("[]", path)
        term, label = _NAMES.get(name) or _NAMES.get(name.rstrip("[]")) or (None, None)
        yield Term(term, None, label, path, value, currency=currency)


def _leaves(value: Any, path: str, currency: str | None) -> Iterator[tuple[str, str, str | None]]:  # noqa: ANN401  # any JSON
    if isinstance(value, dict):
        money = value.get("currency")
        for name, member in value.items():
            inside = money if name in {"value", "amount"} and isinstance(money, str) else None
            yield from _leaves(member, f"{path}.{name}" if path else str(name), inside)
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from _leaves(member, f"{path}[{place}]", currency)
    elif value is not None:
        yield (
            path,
            {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value),
            currency,
        )
