"""The national form: the model notice of the order of 12 February 2020 (annex 22 of the code).

For needs from 90,000 euros up to the thresholds of formal procedures (R2131-12, 2° CCP).
Its headings are those of the order; the official machine form could not be confirmed, so the rendering (names of
members, namespace) is ours: see docs/adr/0021-publication.md.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from lxml import etree
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import FieldError
from libs.common.messages.notices import Lot, Place
from services.notices.content import NoticeContent

__all__ = [
    "NAMESPACE",
    "BuyerSection",
    "CommunicationSection",
    "ContractSection",
    "FurtherSection",
    "LotSection",
    "NationalForm",
    "ProcedureSection",
    "missing",
    "national_form",
    "to_xml",
]

NAMESPACE: Final = "urn:halles:avis-national:1"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NATURES: Final = {"works": "Travaux", "supplies": "Fournitures", "services": "Services"}
_PROCEDURES: Final = {
    "adapted": "Procédure adaptée ouverte",
    "oth-single": "Procédure adaptée ouverte",
    "oth-mult": "Procédure adaptée restreinte",
    "open": "Appel d'offres ouvert",
    "restricted": "Appel d'offres restreint",
    "neg-w-call": "Procédure avec négociation",
    "comp-dial": "Dialogue compétitif",
    "innovation": "Partenariat d'innovation",
    "unspecified": "Non communiquée",
}
_TECHNIQUES: Final = {
    "framework": "Accord-cadre",
    "dynamic-purchasing": "Système d'acquisition dynamique",
    "design-contest": "Concours",
    "qualification-system": "Système de qualification",
    "electronic-catalogue": "Catalogue électronique",
    "electronic-auction": "Enchère électronique",
}
_CATALOGUES: Final = {"required": "Exigée", "allowed": "Autorisée", "not-allowed": "Interdite"}
_UNTOLD: Final = "Non renseigné"
"""Of history, whose form may have given no CPV code."""


class _Section(BaseModel):
    """Written under the French names of the form."""

    model_config = ConfigDict(frozen=True, validate_by_name=True)


class BuyerSection(_Section):
    """Section 1: who buys."""

    name: str = Field(serialization_alias="nomComplet")
    identifier_kind: str = Field(serialization_alias="typeIdentifiantNational")
    identifier: str = Field(serialization_alias="identifiantNational")
    postal_code: str | None = Field(default=None, serialization_alias="codePostal")
    city: str | None = Field(default=None, serialization_alias="ville")
    joint: bool = Field(default=False, serialization_alias="groupementCommandes")
    coordinator: str | None = Field(default=None, serialization_alias="coordonnateur")


class CommunicationSection(_Section):
    """Section 2: how to reach the documents and the buyer. A department, never a person."""

    documents_url: str = Field(serialization_alias="lienDocuments")
    internal_reference: str | None = Field(default=None, serialization_alias="identifiantInterne")
    all_documents: bool = Field(default=True, serialization_alias="integraliteDocumentsProfil")
    uncommon_means: bool = Field(default=False, serialization_alias="moyensNonCommuns")
    contact: str | None = Field(default=None, serialization_alias="nomContact")
    email: str | None = Field(default=None, serialization_alias="courrielContact")
    phone: str | None = Field(default=None, serialization_alias="telephoneContact")


class ProcedureSection(_Section):
    """Section 3: how the contract is awarded."""

    kind: str = Field(serialization_alias="typeProcedure")
    technique: str = Field(default="Sans objet", serialization_alias="techniqueAchat")
    deadline: str | None = Field(default=None, serialization_alias="dateLimiteReceptionPlis")
    catalogue: str = Field(default="Interdite", serialization_alias="presentationCatalogueElectronique")
    limited_candidates: bool = Field(default=False, serialization_alias="reductionNombreCandidats")
    variants_required: bool = Field(default=False, serialization_alias="variantesExigees")
    criteria: list[str] = Field(default=[], serialization_alias="critereAttribution")


class ContractSection(_Section):
    """Section 4: what is bought."""

    title: str = Field(serialization_alias="intitule")
    cpv: str = Field(serialization_alias="cpvPrincipal")
    nature: str = Field(serialization_alias="typeMarche")
    description: str = Field(serialization_alias="descriptionSuccincte")
    place: str | None = Field(default=None, serialization_alias="lieuExecution")
    duration_months: int | None = Field(default=None, serialization_alias="dureeMois")
    value: Decimal | None = Field(default=None, serialization_alias="valeurEstimeeHT")
    options: bool = Field(default=False, serialization_alias="tranches")
    reserved: bool = Field(default=False, serialization_alias="reservation")


class LotSection(_Section):
    """Section 5: a lot."""

    number: str = Field(serialization_alias="numero")
    description: str = Field(serialization_alias="description")
    cpv: str = Field(serialization_alias="cpvPrincipal")
    value: Decimal | None = Field(default=None, serialization_alias="valeurEstimeeHT")
    place: str | None = Field(default=None, serialization_alias="lieuExecution")


class FurtherSection(_Section):
    """Section 6: what else is to be known."""

    profile_url: str | None = Field(default=None, serialization_alias="profilAcheteur")
    sent_to_the_journal: str | None = Field(default=None, serialization_alias="dateEnvoiJOUE")
    """Asked for where the notice went to the Official Journal too (directive 2014/24/EU art. 52, 2; R3122-5 CCP)."""


class NationalForm(_Section):
    """A notice as the national form says it."""

    buyer: BuyerSection = Field(serialization_alias="acheteur")
    communication: CommunicationSection
    procedure: ProcedureSection
    contract: ContractSection = Field(serialization_alias="marche")
    lots: list[LotSection] = Field(default=[], serialization_alias="lot")
    further: FurtherSection = Field(serialization_alias="informationsComplementaires")


def national_form(
    content: NoticeContent, *, documents_url: str, profile_url: str, sent_to_the_journal: datetime | None = None
) -> NationalForm:
    """Give the national form of a notice. A notice of one lot is not divided: it has no section 5."""
    return NationalForm(
        buyer=_buyer(content),
        communication=_communication(content, documents_url),
        procedure=_procedure(content),
        contract=_contract(content),
        lots=[_lot(lot) for lot in content.lots] if len(content.lots) > 1 else [],
        further=FurtherSection(profile_url=profile_url, sent_to_the_journal=_instant(content, sent_to_the_journal)),
    )


def _buyer(content: NoticeContent) -> BuyerSection:
    kind, _, identifier = content.buyer.organisation.partition(":")
    return BuyerSection(
        name=content.buyer.name,
        identifier_kind=kind,
        identifier=identifier,
        postal_code=content.buyer.postal_code,
        city=content.buyer.city,
    )


def _communication(content: NoticeContent, documents_url: str) -> CommunicationSection:
    contact = content.contact
    return CommunicationSection(
        documents_url=content.documents_url or documents_url,
        internal_reference=content.internal_reference,
        all_documents=content.documents_url is None,
        contact=contact.department if contact else None,
        email=contact.email if contact else None,
        phone=contact.phone if contact else None,
    )


def _procedure(content: NoticeContent) -> ProcedureSection:
    terms = [lot.terms for lot in content.lots if lot.terms]
    catalogue = next((each.electronic_catalogue for each in terms if each.electronic_catalogue), "not-allowed")
    return ProcedureSection(
        kind=_PROCEDURES.get(content.procedure_type, "Procédure adaptée ouverte"),
        technique=", ".join(_TECHNIQUES[each] for each in content.techniques) or "Sans objet",
        deadline=_instant(content, content.deadline),
        catalogue=_CATALOGUES[catalogue],
        limited_candidates=content.procedure_type in {"restricted", "oth-mult", "neg-w-call", "comp-dial"},
        variants_required=any(each.variants == "required" for each in terms),
        criteria=_criteria(content.lots),
    )


def _criteria(lots: list[Lot]) -> list[str]:
    said = [
        f"{each.name} ({each.weight:g} %)" if each.weight is not None else each.name
        for lot in lots
        for each in lot.criteria
    ]
    return list(dict.fromkeys(said))


def _contract(content: NoticeContent) -> ContractSection:
    durations = [lot.duration_months for lot in content.lots if lot.duration_months]
    return ContractSection(
        title=content.title,
        cpv=next(iter(content.cpv), _UNTOLD),
        nature=_NATURES[content.nature],
        description=content.description or content.title,
        place=_place(content.places),
        duration_months=max(durations, default=None),
        value=content.value.amount if content.value else None,
        options=any(lot.terms is not None and lot.terms.options is not None for lot in content.lots),
        reserved=any(lot.terms is not None and bool(lot.terms.reserved_participation) for lot in content.lots),
    )


def _lot(lot: Lot) -> LotSection:
    return LotSection(
        number=lot.lot_id,
        description=lot.description or lot.title,
        cpv=next(iter(lot.cpv), _UNTOLD),
        value=lot.value.amount if lot.value else None,
        place=_place(lot.places),
    )


def _place(places: list[Place]) -> str | None:
    said = (
        " ".join(filter(None, (place.postal_code, place.city))) or place.department or place.nuts for place in places
    )
    return ", ".join(dict.fromkeys(filter(None, said))) or None


def _instant(content: NoticeContent, at: datetime | None) -> str | None:
    """Give an instant in the legal time of the buyer's place: what readers of the form expect."""
    return at.astimezone(content.territory.zone).isoformat(timespec="minutes") if at else None


def missing(content: NoticeContent) -> tuple[FieldError, ...]:
    """Say what the form asks for and the notice lacks."""
    asked = {
        "description": (content.description, "La description succincte", "the short description"),
        "deadline": (content.deadline, "La date limite de réception des plis", "the deadline for tenders"),
        "buyer/postal_code": (content.buyer.postal_code, "Le code postal de l'acheteur", "the buyer's postal code"),
        "buyer/city": (content.buyer.city, "La ville de l'acheteur", "the buyer's city"),
    }
    return tuple(
        FieldError(
            where,
            f"{french} manque : le modèle national d'avis le demande (arrêté du 12 février 2020).",
            f"Give {english}: the national model notice asks for it (order of 12 February 2020).",
        )
        for where, (value, french, english) in asked.items()
        if not value
    )


def to_xml(form: NationalForm) -> bytes:
    """Write the form as XML, members in the order of the form."""
    root = etree.Element(f"{{{NAMESPACE}}}avis", nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # lxml takes None
    _write(root, form.model_dump(mode="json", by_alias=True, exclude_none=True))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _write(parent: etree._Element, members: dict[str, Any]) -> None:
    for name, value in members.items():
        for each in value if isinstance(value, list) else [value]:
            child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
            if isinstance(each, dict):
                _write(child, each)
            else:
                child.text = _text(each)


def _text(value: object) -> str:
    """Write a value; what XML forbids is left out."""
    if isinstance(value, bool):
        return "oui" if value else "non"
    return _NOT_XML.sub("", str(value))
