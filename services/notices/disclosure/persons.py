"""Personal data that the public does not get: beneficial owners, persons who are organisations, contacts of those who tender.

The buyer's contact points and those of the bodies that a bidder turns to (review, documents, mediation) stay: the journal
publishes them for bidders (directive 2014/24/EU, annex V), and bidders need them.
"""

from __future__ import annotations

from typing import Final

from services.notices.disclosure.withheld import remove
from services.notices.eforms.xml import Element, find_all, prefixed, values

__all__ = ["hide_former_contacts", "hide_persons"]

_ORGANISATIONS: Final = (
    "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension/efac:Organizations"
)
_NATURAL: Final = f"{_ORGANISATIONS}/efac:Organization[.//efbc:NaturalPersonIndicator='true']"
_TOLD_OF_PERSONS: Final = frozenset({"cbc:ID", "cbc:Name", "efbc:NaturalPersonIndicator"})
"""Of a person that is an organisation, its name alone is told, and what the notice refers to it by."""
_CONTACTS: Final = "ext:UBLExtensions//cac:Contact"
_REFERRED: Final = "*[not(self::ext:UBLExtensions)]//cbc:ID"
_FORMER: Final = ".//CORRESPONDANT | .//MEL | .//TEL | .//FAX"
"""Contacts in the old national form."""
_FORMER_BUYER: Final = "DONNEES/IDENTITE"


def hide_persons(root: Element) -> bool:
    """Take the personal data that are not public out of an eForms notice; say whether there were any."""
    hidden = [*find_all(root, ".//efac:UltimateBeneficialOwner"), *_private_contacts(root)]
    hidden += [each for person in find_all(root, _NATURAL) for each in _leaves(person) if not _is_told(each)]
    for element in hidden:
        remove(element)
    return bool(hidden)


def hide_former_contacts(root: Element) -> bool:
    """Take the contacts of others than the buyer out of a notice of the old national form; say whether there were any."""
    buyers = set(find_all(root, _FORMER_BUYER))
    hidden = [each for each in find_all(root, _FORMER) if buyers.isdisjoint(each.iterancestors())]
    for element in hidden:
        remove(element)
    return bool(hidden)


def _private_contacts(root: Element) -> list[Element]:
    """Give the contacts of organisations that the notice names only as tenderers, winners or owners, or not at all.

    Wherever they stand in the part of the results and organisations: some platforms write a party where others refer to it.
    """
    turned_to = set(values(root, _REFERRED))
    return [contact for contact in find_all(root, _CONTACTS) if turned_to.isdisjoint(_holder(contact))]


def _holder(contact: Element) -> list[str]:
    """Give what the notice refers to the party of a contact by."""
    party = contact.getparent()
    return values(party, "cac:PartyIdentification/cbc:ID") if party is not None else []


def _leaves(section: Element) -> list[Element]:
    return [each for each in section.iter() if not len(each)]


def _is_told(leaf: Element) -> bool:
    name, parent = prefixed(leaf.tag), leaf.getparent()
    holder = prefixed(parent.tag) if parent is not None else ""
    if name == "cbc:ID":
        return holder == "cac:PartyIdentification"
    return name in _TOLD_OF_PERSONS and holder in {"cac:PartyName", "efac:Organization", "efac:Company"}
