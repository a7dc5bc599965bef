"""What changed between two states of a notice or of a procedure, in words that a mason understands. Pure.

Members of lists that have a name are matched by it (lots, results, criteria), whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from libs.common.calendar import Territory, territory_of

__all__ = ["Difference", "differences"]

_LONGEST: Final = 300
"""Characters of a text that a sentence repeats; the values themselves are given whole."""
_NAMES: Final = {
    "lots": "lot_id",
    "results": "lot_id",
    "criteria": "name",
    "winners": "organisation",
    "officers": "officer",
    "documents": "name",
}
"""What names a member of a list."""
_WHOLE: Final = frozenset({"value", "framework_maximum"})
"""Objects that are one value for a reader."""
_LABELS: Final = {
    "title": ("intitulé", "title"),
    "description": ("description", "description"),
    "internal_reference": ("référence interne", "internal reference"),
    "deadline": ("date limite", "deadline"),
    "state": ("état", "state"),
    "value": ("valeur estimée hors taxes", "estimated value without tax"),
    "cpv": ("codes CPV", "CPV codes"),
    "places": ("lieux d'exécution", "places of performance"),
    "departments": ("départements", "departments"),
    "nature": ("nature", "nature"),
    "procedure_type": ("procédure", "procedure"),
    "formal": ("procédure formalisée", "formal procedure"),
    "accelerated": ("urgence", "urgency"),
    "contract_kind": ("contrat", "contract"),
    "techniques": ("techniques d'achat", "techniques of purchase"),
    "documents_url": ("adresse des documents", "address of the documents"),
    "documents": ("documents", "documents"),
    "electronic": ("dépôt électronique", "electronic submission"),
    "opening": ("clés d'ouverture des plis", "opening keys"),
    "threshold": ("nombre d'agents requis", "officers needed"),
    "officers": ("agents", "officers"),
    "recovery": ("agent de secours", "recovery officer"),
    "proof": ("preuve de possession de la clé", "proof of possession"),
    "rules": ("règles de dépôt et d'ouverture", "rules of deposit and opening"),
    "application": ("enveloppe de candidature", "envelope of application"),
    "order": ("ordre d'ouverture", "order of opening"),
    "deposits_add_up": ("dépôts cumulables", "deposits add up"),
    "platform_sealing": ("scellement par la plateforme", "sealing by the platform"),
    "recovery_refused": ("refus motivé d'un agent de secours", "why there is no recovery officer"),
    "buyer": ("acheteur", "buyer"),
    "contact": ("contact", "contact"),
    "review": ("instance de recours", "review body"),
    "justification": ("justification", "justification"),
    "features": ("caractéristiques de la procédure", "features of the procedure"),
    "planned_on": ("publication prévue", "planned publication"),
    "framework_notice": ("accord-cadre", "framework agreement"),
    "contest": ("concours", "design contest"),
    "jury": ("jury", "jury"),
    "duration_months": ("durée en mois", "duration in months"),
    "criteria": ("critères d'attribution", "award criteria"),
    "weight": ("pondération (%)", "weight (%)"),
    "framework": ("accord-cadre", "framework agreement"),
    "framework_maximum": ("maximum de l'accord-cadre", "maximum of the framework"),
    "framework_participants": ("nombre maximal de titulaires", "most participants"),
    "framework_duration_reason": ("justification de la durée", "reason of the duration"),
    "variants": ("variantes", "variants"),
    "options": ("options", "options"),
    "renewals": ("reconductions", "renewals"),
    "reserved_participation": ("participation réservée", "reserved participation"),
    "reserved_execution": ("exécution réservée", "reserved execution"),
    "social": ("clauses sociales", "social clauses"),
    "environmental": ("clauses environnementales", "environmental clauses"),
    "innovative": ("innovation", "innovation"),
    "strategic": ("achat stratégique", "strategic procurement"),
    "performance": ("conditions d'exécution", "conditions of performance"),
    "eu_funded": ("fonds européens", "European funds"),
    "electronic_invoicing": ("facturation électronique", "electronic invoicing"),
    "electronic_auction": ("enchère électronique", "electronic auction"),
    "electronic_catalogue": ("catalogue électronique", "electronic catalogue"),
    "electronic_submission": ("dépôt électronique", "electronic submission"),
    "dynamic_purchasing": ("système d'acquisition dynamique", "dynamic purchasing system"),
    "languages": ("langues", "languages"),
    "outcome": ("résultat", "outcome"),
    "winner_name": ("attributaire", "winner"),
    "winners": ("titulaires", "winners"),
    "contracts": ("marchés", "contracts"),
    "reason": ("motif", "reason"),
    "explanation": ("explication", "explanation"),
    "tenders_received": ("offres reçues", "tenders received"),
    "name": ("nom", "name"),
    "email": ("courriel", "e-mail"),
    "phone": ("téléphone", "phone"),
    "street": ("adresse", "street"),
    "city": ("ville", "city"),
    "postal_code": ("code postal", "postal code"),
}
_SILENT: Final = frozenset({"lots", "results", "terms", "criteria"})
"""What a sentence does not say: the name of the lot or of the criterion tells."""
_VALUES: Final = {
    "works": ("travaux", "works"),
    "supplies": ("fournitures", "supplies"),
    "services": ("services", "services"),
    "required": ("obligatoire", "required"),
    "allowed": ("permis", "allowed"),
    "not-allowed": ("interdit", "not allowed"),
    "draft": ("brouillon", "draft"),
    "checked": ("vérifié", "checked"),
    "sent": ("envoyé", "sent"),
    "rejected": ("refusé", "rejected"),
    "published": ("publié", "published"),
    "planned": ("annoncé", "planned"),
    "open": ("ouvert", "open"),
    "suspended": ("suspendu", "suspended"),
    "closed": ("clos", "closed"),
    "awarded": ("attribué", "awarded"),
    "unsuccessful": ("infructueux", "unsuccessful"),
    "abandoned": ("sans suite", "abandoned"),
    "signed": ("signé", "signed"),
    "notified": ("notifié", "notified"),
    "modified": ("modifié", "modified"),
    "adapted": ("procédure adaptée", "adapted procedure"),
    "restricted": ("restreinte", "restricted"),
    "neg-w-call": ("avec négociation", "negotiated"),
    "comp-dial": ("dialogue compétitif", "competitive dialogue"),
    "innovation": ("partenariat d'innovation", "innovation partnership"),
    "marche": ("marché", "public contract"),
    "concession": ("concession", "concession"),
    "fa-wo-rc": ("à bons de commande", "with purchase orders"),
    "fa-w-rc": ("à marchés subséquents", "with subsequent contracts"),
    "fa-mix": ("à bons de commande et marchés subséquents", "with purchase orders and subsequent contracts"),
    "none": ("aucun", "none"),
}
Pair = tuple[str, str]
_NOTHING: Final[Pair] = ("non renseigné", "not given")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed: where, from what, to what, and the sentence that says it."""

    path: str
    before: Any
    after: Any
    text: str
    text_en: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Give what changed between two states, as JSON members, in the order of the newer one; hours are those of the buyer's place."""
    territory = _territory(after.get("buyer"))
    return [_difference(path, old, new, territory) for path, old, new in _walk((), before, after)]


def _territory(buyer: Any) -> Territory:  # noqa: ANN401  # JSON
    department = buyer.get("department") if isinstance(buyer, Mapping) else None
    return territory_of(department if isinstance(department, str) else None)


Found = Iterator[tuple[tuple[str, ...], Any, Any]]


def _walk(path: tuple[str, ...], before: Any, after: Any) -> Found:  # noqa: ANN401  # JSON
    if before == after:
        return
    last = path[-1] if path else ""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and last not in _WHOLE:
        yield from _members(path, before, after)
    elif last in _NAMES and isinstance(before, list) and isinstance(after, list):
        yield from _members(path, _named(before, _NAMES[last]), _named(after, _NAMES[last]))
    elif before or after or before is False or after is False:
        yield path, before, after


def _members(path: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> Found:
    for name in dict.fromkeys((*after, *before)):
        yield from _walk((*path, name), before.get(name), after.get(name))


def _named(members: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Give the members of a list by name; a name that comes again is numbered."""
    found: dict[str, Any] = {}
    for member in members:
        key = label = str(member[name])
        number = 1
        while key in found:
            number += 1
            key = f"{label} ({number})"
        found[key] = member
    return found


def _difference(path: tuple[str, ...], before: Any, after: Any, at: Territory) -> Difference:  # noqa: ANN401
    label, label_en = _label(path)
    old, new = _words(before, at), _words(after, at)
    if before is None and isinstance(after, Mapping) and path[-2:-1] and path[-2] in _NAMES:
        text, text_en = f"{label} : ajouté", f"{label_en}: added"
    elif after is None and isinstance(before, Mapping) and path[-2:-1] and path[-2] in _NAMES:
        text, text_en = f"{label} : retiré", f"{label_en}: removed"
    else:
        text, text_en = f"{label} : {old[0]} → {new[0]}", f"{label_en}: {old[1]} → {new[1]}"
    return Difference("/".join(path), before, after, text, text_en)


def _label(path: tuple[str, ...]) -> Pair:
    told = [_LABELS.get(part, (part, part)) for part in path if part not in _SILENT]
    french, english = ", ".join(each[0] for each in told), ", ".join(each[1] for each in told)
    return french[:1].upper() + french[1:], english[:1].upper() + english[1:]


def _words(value: Any, at: Territory) -> Pair:  # noqa: ANN401
    if value in (None, "", []):
        return _NOTHING
    if isinstance(value, bool):
        return ("oui", "yes") if value else ("non", "no")
    if isinstance(value, str):
        return _text(value, at)
    if isinstance(value, list):
        told = [_words(each, at) for each in value]
        return ", ".join(each[0] for each in told), ", ".join(each[1] for each in told)
    if isinstance(value, Mapping):
        return _object(value, at)
    return str(value).replace(".", ","), str(value)


def _text(value: str, at: Territory) -> Pair:
    if value in _VALUES:
        return _VALUES[value]
    instant = _instant(value)
    if instant is not None:
        local = instant.astimezone(at.zone)
        return f"{local:%d/%m/%Y à %H:%M} (heure de {at.clock})", f"{local:%d/%m/%Y, %H:%M} ({at.clock} time)"
    short = value if len(value) <= _LONGEST else value[:_LONGEST].rstrip() + "…"
    return f"« {short} »", f"“{short}”"


def _instant(value: str) -> datetime | None:
    if len(value) < 20 or value[4:5] != "-" or value[10:11] != "T":
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _object(value: Mapping[str, Any], at: Territory) -> Pair:
    if isinstance(value.get("amount"), str):
        amount = f"{Decimal(value['amount']):,.2f}"
        french = amount.replace(",", "\u202f").replace(".", ",")
        return f"{french} {value.get('currency', 'EUR')}", f"{amount} {value.get('currency', 'EUR')}"
    told = [_words(each, at) for each in value.values() if each not in (None, "", [], False)]
    return " ; ".join(each[0] for each in told) or _NOTHING[0], "; ".join(each[1] for each in told) or _NOTHING[1]
