"""Organisations of a notice, and the platform's name for each: `SIRET:...` or `NATIONAL:<country>-<identifier>`."""

from __future__ import annotations

import re
from typing import Final

from services.notices.eforms import texts
from services.notices.eforms.model import ParsedOrganisation
from services.notices.eforms.xml import Element, find_all, text, values

__all__ = ["buyers", "identify", "is_siret", "luhn", "read_all"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_COMPANIES: Final = f"{_EXTENSION}/efac:Organizations/efac:Organization/efac:Company"
_COUNTRY: Final = re.compile(r"^[A-Z]{3}$")


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


def read_all(root: Element, language: str | None) -> dict[str, ParsedOrganisation]:
    """Give the organisations of a notice by their reference (ORG-0001)."""
    found = (_read(company, language) for company in find_all(root, _COMPANIES))
    return {organisation.reference: organisation for organisation in found if organisation.reference}


def _read(company: Element, language: str | None) -> ParsedOrganisation:
    name = texts.choose(company, "cac:PartyName/cbc:Name", language) or ""
    country = text(company, "cac:PostalAddress/cac:Country/cbc:IdentificationCode")
    numbers = values(company, "cac:PartyLegalEntity/cbc:CompanyID")
    sirets = [number for number in ("".join(number.split()) for number in numbers) if is_siret(number)]
    number = next(iter([*sirets, *numbers]), None)
    return ParsedOrganisation(
        reference=text(company, "cac:PartyIdentification/cbc:ID") or "",
        organisation=identify(number, country, name),
        name=name,
        identifier=number,
        country=country,
        city=text(company, "cac:PostalAddress/cbc:CityName"),
        postal_code=text(company, "cac:PostalAddress/cbc:PostalZone"),
        nuts=text(company, "cac:PostalAddress/cbc:CountrySubentityCode"),
    )


def buyers(root: Element, known: dict[str, ParsedOrganisation]) -> tuple[ParsedOrganisation, ...]:
    """Give the buyers, the first one first (OPT-300), with their legal type and activity."""
    found = []
    for party in find_all(root, "cac:ContractingParty"):
        reference = text(party, "cac:Party/cac:PartyIdentification/cbc:ID")
        organisation = known.get(reference or "")
        if organisation:
            found.append(_as_buyer(organisation, party))
    return tuple(found)


def _as_buyer(organisation: ParsedOrganisation, party: Element) -> ParsedOrganisation:
    legal = text(party, "cac:ContractingPartyType/cbc:PartyTypeCode[@listName='buyer-legal-type']")
    activity = text(party, "cac:ContractingActivity/cbc:ActivityTypeCode[@listName='authority-activity']")
    return ParsedOrganisation(
        reference=organisation.reference,
        organisation=organisation.organisation,
        name=organisation.name,
        identifier=organisation.identifier,
        country=organisation.country,
        city=organisation.city,
        postal_code=organisation.postal_code,
        nuts=organisation.nuts,
        legal_type=legal or text(party, "cac:ContractingPartyType/cbc:PartyTypeCode"),
        activity=activity or text(party, "cac:ContractingActivity/cbc:ActivityTypeCode"),
    )
