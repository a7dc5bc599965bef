"""The terms of a notice that is written here and not yet as eForms: what its content holds, by business term. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from services.notices.content import NoticeContent
from services.notices.eforms.terms import Term
from services.notices.legacy.terms import terms

__all__ = ["content_terms"]

_INDEX: Final = re.compile(r"\[\d+\]")
_NAMES: Final = {
    "kind": ("BT-03", "Type de formulaire"),
    "subtype": ("OPP-070", "Sous-type d'avis"),
    "notice_type": ("BT-02", "Type d'avis"),
    "language": ("BT-702", "Langue"),
    "internal_reference": ("BT-22", "Identifiant interne"),
    "legal_basis": ("BT-01", "Base juridique"),
    "procedure_type": ("BT-105", "Type de procédure"),
    "accelerated": ("BT-106", "Procédure accélérée"),
    "features": ("BT-88", "Principales caractéristiques de la procédure"),
    "nature": ("BT-23", "Nature du marché"),
    "value.amount": ("BT-27", "Valeur estimée"),
    "documents_url": ("BT-15", "Adresse des documents de marché"),
    "planned_on": ("BT-127", "Date prévue de l'avis de marché"),
    "changes": ("BT-758", "Avis modifié"),
    "buyer.organisation": ("BT-501", "Identifiant de l'acheteur"),
    "buyer.city": ("BT-513", "Ville"),
    "buyer.legal_type": ("BT-11", "Forme juridique de l'acheteur"),
    "contact.department": ("BT-502", "Point de contact"),
    "contact.street": ("BT-510", "Rue"),
    "contact.email": ("BT-506", "Adresse électronique"),
    "contact.phone": ("BT-503", "Téléphone"),
    "contact.url": ("BT-505", "Adresse internet"),
    "contact.activity": ("BT-10", "Activité du pouvoir adjudicateur"),
    "lots[].lot_id": ("BT-137", "Numéro du lot"),
    "lots[].nature": ("BT-23", "Nature du lot"),
    "lots[].value.amount": ("BT-27", "Valeur estimée du lot"),
    "lots[].duration_months": ("BT-36", "Durée"),
    "lots[].deadline": ("BT-131", "Date limite de réception des offres"),
    "lots[].criteria[].kind": ("BT-539", "Critère d'attribution (type)"),
    "lots[].criteria[].name": ("BT-734", "Critère d'attribution (nom)"),
    "lots[].criteria[].description": ("BT-540", "Critère d'attribution (description)"),
    "lots[].criteria[].weight": ("BT-541", "Critère d'attribution (pondération)"),
    "results[].lot_id": ("BT-13713", "Lot attribué"),
    "results[].outcome": ("BT-142", "Choix de l'attributaire"),
    "results[].reason": ("BT-144", "Motif d'absence d'attribution"),
    "results[].value.amount": ("BT-720", "Valeur du marché"),
    "results[].tenders_received": ("BT-759", "Nombre d'offres reçues"),
    "results[].contract_number": ("BT-150", "Numéro du marché"),
    "results[].winners[].name": ("BT-500", "Nom de l'attributaire"),
    "results[].winners[].organisation": ("BT-501", "Identifiant de l'attributaire"),
    "modification.reason": ("BT-200", "Motif de la modification"),
    "modification.description": ("BT-201", "Description de la modification"),
}
"""What the names of old records, which are told the same way, do not say."""


def content_terms(content: NoticeContent) -> Iterator[Term]:
    """Give the values of a content in their order, with their path in it; members that say nothing are left out."""
    said = content.model_dump(mode="json", exclude_none=True, exclude={"opening"})
    for told in terms(said):
        named = _NAMES.get(_INDEX.sub("[]", told.path))
        yield replace(told, term=named[0], label=named[1]) if named else told
