"""Organisations of a notice, and the platform's name for each: `SIRET:...` or `NATIONAL:<country>-<identifier>`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from services.notices.eforms import texts
from services.notices.eforms.model import ParsedContact, ParsedOrganisation
from services.notices.eforms.nodes import find, find_all, text, values
from services.notices.eforms.sdk.branches import Branch

__all__ = ["business", "buyers", "identify", "is_siret", "luhn", "names_department", "read_all"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_ORGANISATIONS: Final = f"{_EXTENSION}/efac:Organizations/efac:Organization"
_COUNTRY: Final = re.compile(r"^[A-Z]{3}$")
_DEPARTMENT: Final = re.compile(
    r"\b(service|direction|departement|department|division|bureau|cellule|pole|secretariat|mairie|greffe|registry|unit"
    r"|team|office|marches|achats|commande|procurement|purchasing|juridique|legal|administration|tribunal|court)s?\b"
)
""""Service des marchés" is a department; "Mme Dupont" is a person, whose name is not read."""


def is_siret(identifier: str) -> bool:
    """Say whether this is written like a SIRET: 14 digits."""
    return len(identifier) == 14 and identifier.isascii() and identifier.isdigit()


def luhn(identifier: str) -> bool:
    """Check the key of a SIREN or SIRET. La Poste's establishments (356000000) may follow a rule of their own."""
    if not (identifier.isascii() and identifier.isdigit()):
        return False
    if identifier.startswith("356000000") and len(identifier) == 14 and sum(map(int, identifier)) % 5 == 0:
        return True
    digits = [int(digit) for digit in reversed(identifier)]
    doubled = [digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(number - 9 if number > 9 else number for number in doubled)) % 10 == 0


def identify(identifier: str | None, country: str | None, name: str = "") -> str:
    """Give the platform's name of an organisation, whatever the notice says of it; never fails.

    A French identifier of 14 digits, blanks apart, is a SIRET. All others keep their country and their number; an
    organisation without number is known by its name.
    """
    compact = "".join((identifier or "").split())
    place = country if country and _COUNTRY.match(country) else "FRA" if is_siret(compact) else "ZZZ"
    if place == "FRA" and is_siret(compact):
        return f"SIRET:{compact}"
    known = "".join(letter for letter in compact if letter.isprintable()) or " ".join(name.split()) or "inconnu"
    return f"NATIONAL:{place}-{known[:60]}"


def read_all(root: Branch, language: str | None) -> dict[str, ParsedOrganisation]:
    """Give the organisations of a notice by their reference (ORG-0001), and by those of their touch points (TPO-0001)."""
    found = (each for item in find_all(root, _ORGANISATIONS) for each in _with_touch_points(item, language))
    return {organisation.reference: organisation for organisation in found if organisation.reference}


def _with_touch_points(item: Branch, language: str | None) -> Iterator[ParsedOrganisation]:
    company = find(item, "efac:Company")
    if company is None:
        return
    organisation = _read(company, language)
    yield organisation
    for point in find_all(item, "efac:TouchPoint"):
        reference = text(point, "cac:PartyIdentification/cbc:ID") or ""
        yield replace(organisation, reference=reference, contact=_contact(point, language))


def _read(company: Branch, language: str | None) -> ParsedOrganisation:
    name = texts.choose(company, "cac:PartyName/cbc:Name", language) or ""
    address = find(company, "cac:PostalAddress")
    country = text(address, "cac:Country/cbc:IdentificationCode")
    numbers = values(company, "cac:PartyLegalEntity/cbc:CompanyID")
    sirets = [number for number in ("".join(number.split()) for number in numbers) if is_siret(number)]
    number = next(iter([*sirets, *numbers]), None)
    return ParsedOrganisation(
        reference=text(company, "cac:PartyIdentification/cbc:ID") or "",
        organisation=identify(number, country, name),
        name=name,
        identifier=number,
        country=country,
        city=text(address, "cbc:CityName"),
        postal_code=text(address, "cbc:PostalZone"),
        nuts=text(address, "cbc:CountrySubentityCode"),
        contact=_contact(company, language),
        size=text(company, "efbc:CompanySizeCode"),
    )


def _contact(party: Branch, language: str | None) -> ParsedContact:
    address, contact = find(party, "cac:PostalAddress"), find(party, "cac:Contact")
    point = texts.choose(contact, "cbc:Name", language)
    return ParsedContact(
        department=text(address, "cbc:Department") or (point if point and names_department(point) else None),
        street=text(address, "cbc:StreetName"),
        email=text(contact, "cbc:ElectronicMail"),
        phone=text(contact, "cbc:Telephone"),
        url=text(party, "cbc:WebsiteURI"),
    )


def business(root: Branch, language: str | None) -> ParsedOrganisation | None:
    """Give the company that a registration notice (X01, X02) is about, without its contact, a person mostly; None in any other notice."""
    party = find(root, "cac:BusinessParty")
    if party is None:
        return None
    found, name = _read(party, language), text(party, "cac:PartyLegalEntity/cbc:RegistrationName") or ""
    own = identify(found.identifier, found.country, name)
    return replace(found, name=name, organisation=own, contact=ParsedContact(url=found.contact.url))


def names_department(point: str) -> bool:
    """Say whether a contact point (BT-502) reads as a department, not as a person."""
    plain = unicodedata.normalize("NFKD", point.lower())
    return _DEPARTMENT.search("".join(letter for letter in plain if not unicodedata.combining(letter))) is not None


def buyers(root: Branch, known: dict[str, ParsedOrganisation]) -> tuple[ParsedOrganisation, ...]:
    """Give the buyers, the first one first (OPT-300), with their legal type and activity."""
    found = []
    for party in find_all(root, "cac:ContractingParty"):
        reference = text(party, "cac:Party/cac:PartyIdentification/cbc:ID")
        organisation = known.get(reference or "")
        if organisation:
            found.append(_as_buyer(organisation, party))
    return tuple(found)


def _as_buyer(organisation: ParsedOrganisation, party: Branch) -> ParsedOrganisation:
    legal = text(party, "cac:ContractingPartyType/cbc:PartyTypeCode[@listName='buyer-legal-type']")
    activity = text(party, "cac:ContractingActivity/cbc:ActivityTypeCode[@listName='authority-activity']")
    return replace(
        organisation,
        legal_type=legal or text(party, "cac:ContractingPartyType/cbc:PartyTypeCode"),
        activity=activity or text(party, "cac:ContractingActivity/cbc:ActivityTypeCode"),
    )
