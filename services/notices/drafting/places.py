"""Where a notice's work is done, and whose it is: places, departments, the buyer and the other parties."""

from __future__ import annotations

from collections.abc import Iterable

from libs.common.messages.notices import Buyer, Place
from libs.common.reference import departments, nuts
from services.notices.content import Contact, ReviewBody
from services.notices.eforms.model import ParsedOrganisation, ParsedPlace

__all__ = ["buyer_of", "contact_of", "department_of", "departments_of", "place_of", "review_of"]


def departments_of(places: Iterable[Place], buyer: ParsedOrganisation | Buyer) -> list[str]:
    """Give the departments of performance; the buyer's where no place tells one."""
    found = [place.department for place in places if place.department]
    if not found and (
        own := department_of(buyer.postal_code, getattr(buyer, "nuts", None), getattr(buyer, "country", "FRA"))
    ):
        found = [own]
    return list(dict.fromkeys(found))


def department_of(postal_code: str | None, region: str | None, country: str | None) -> str | None:
    """Give a French department from a NUTS code of level 3, else from a postal code."""
    if region and (found := nuts.department(region)):
        return found
    if country not in {None, "FRA"} or not postal_code:
        return None
    return departments.of_postal_code("".join(postal_code.split()))


def place_of(place: ParsedPlace) -> Place:
    """Give a place of performance with its French department."""
    country = place.country or "FRA"
    return Place(
        country=country,
        nuts=place.nuts,
        department=department_of(place.postal_code, place.nuts, country),
        city=place.city,
        postal_code=place.postal_code,
    )


def buyer_of(buyer: ParsedOrganisation) -> Buyer:
    """Give the buyer as the notice names it."""
    return Buyer(
        organisation=buyer.organisation,
        name=buyer.name,
        city=buyer.city,
        postal_code=buyer.postal_code,
        department=department_of(buyer.postal_code, buyer.nuts, buyer.country),
        legal_type=buyer.legal_type,
    )


def contact_of(buyer: ParsedOrganisation) -> Contact | None:
    """Give where bidders reach the buyer; None where the notice tells nothing."""
    told = buyer.contact
    found = Contact(
        department=told.department,
        street=told.street,
        email=told.email,
        phone=told.phone,
        url=told.url,
        activity=buyer.activity,
    )
    return found if found != Contact() else None


def review_of(body: ParsedOrganisation) -> ReviewBody:
    """Give the court that reviews the procedure."""
    return ReviewBody(
        name=body.name or body.organisation,
        identifier=body.identifier,
        street=body.contact.street,
        city=body.city,
        postal_code=body.postal_code,
        nuts=body.nuts,
        email=body.contact.email,
        phone=body.contact.phone,
    )
