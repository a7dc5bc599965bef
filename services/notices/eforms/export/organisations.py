"""The organisations of a notice: each described once, referred to as ORG-0001, ORG-0002..."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.messages.notices import Buyer
from libs.common.reference import nuts
from services.notices.content import NoticeContent, ReviewBody
from services.notices.eforms.export.courts import court_of
from services.notices.eforms.export.tree import EXTENSION, Tree
from services.notices.eforms.xml import Element

__all__ = ["Company", "Organisations", "identity", "review_body"]


@dataclass(frozen=True, slots=True)
class Company:
    """What a notice tells of an organisation."""

    name: str
    identifier: str | None = None
    country: str = "FRA"
    city: str | None = None
    postal_code: str | None = None
    nuts: str | None = None
    street: str | None = None
    department: str | None = None
    """The department of the organisation that answers bidders (BT-502), not a person."""
    email: str | None = None
    phone: str | None = None
    url: str | None = None
    size: str | None = None
    """Of a winner: micro, small, medium, large (BT-165)."""

    @classmethod
    def of_buyer(cls, content: NoticeContent) -> Company:
        """Give the buyer, with where bidders reach it."""
        buyer, contact = content.buyer, content.contact
        country, identifier = identity(buyer.organisation)
        return cls(
            name=buyer.name,
            identifier=identifier,
            country=country,
            city=buyer.city,
            postal_code=buyer.postal_code,
            nuts=nuts.of_department(buyer.department or ""),
            street=contact.street if contact else None,
            department=contact.department if contact else None,
            email=contact.email if contact else None,
            phone=contact.phone if contact else None,
            url=contact.url if contact else None,
        )

    @classmethod
    def of_court(cls, body: ReviewBody) -> Company:
        """Give a review body."""
        return cls(
            name=body.name,
            identifier=body.identifier,
            city=body.city,
            postal_code=body.postal_code,
            nuts=body.nuts,
            street=body.street,
            email=body.email,
            phone=body.phone,
        )


def identity(organisation: str) -> tuple[str, str | None]:
    """Give the country and the number of `SIRET:21210231600012` or `NATIONAL:LUX-J1234`."""
    scheme, _, number = organisation.partition(":")
    if scheme != "NATIONAL":
        return "FRA", number or None
    country, _, identifier = number.partition("-")
    return country, identifier or None


def review_body(content: NoticeContent) -> ReviewBody | None:
    """Give the review body: the one that the buyer names, else the administrative court of a French public buyer."""
    return content.review or court_of(_department(content.buyer))


def _department(buyer: Buyer) -> str | None:
    return buyer.department if buyer.organisation.startswith("SIRET:") else None


class Organisations:
    """The organisations of a tree, each written at its first mention."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[Company, str] = {}

    def reference(self, company: Company) -> str:
        """Give the reference of an organisation (ORG-0001)."""
        if company not in self._known:
            self._known[company] = f"ORG-{len(self._known) + 1:04d}"
            self._write(company)
        return self._known[company]

    def _write(self, company: Company) -> None:
        tree = self._tree
        element = tree.add(tree.root, f"{EXTENSION}/efac:Organizations/efac:Organization")
        self._term(element, "OPT-200", self._known[company])
        self._term(element, "BT-165", company.size)
        self._term(element, "BT-505", company.url)
        self._term(element, "BT-500", company.name)
        self._term(element, "BT-501", company.identifier)
        self._term(element, "BT-510(a)", company.street)
        self._term(element, "BT-513", company.city)
        self._term(element, "BT-512", company.postal_code)
        self._term(element, "BT-507", company.nuts)
        self._term(element, "BT-514", company.country)
        self._term(element, "BT-502", company.department)
        self._term(element, "BT-503", company.phone)
        self._term(element, "BT-506", company.email)

    def _term(self, element: Element, term: str, value: str | None) -> None:
        self._tree.put(element, f"{term}-Organization-Company", value)
