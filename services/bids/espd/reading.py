"""From XML to data. XML made to harm is refused: no document type, no entity, nothing fetched, bounded in size and depth."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final, cast

from lxml import etree

from libs.common.errors import InvalidInput
from services.bids.espd.model import ELEMENTS, RELATIONS, Answer, Criterion, Espd, Operator, Question, Related

__all__ = ["CAC", "CBC", "MAX_BYTES", "NAMESPACES", "REQUEST", "RESPONSE", "Element", "parse", "read"]

Element = etree._Element  # noqa: SLF001  # the only name that lxml gives it
MAX_BYTES: Final = 8 * 2**20
"""The official examples, with every criterion, have 1.3 MB."""
MAX_ELEMENTS: Final = 200_000
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
REQUEST: Final = f"{{{_UBL}QualificationApplicationRequest-2}}QualificationApplicationRequest"
RESPONSE: Final = f"{{{_UBL}QualificationApplicationResponse-2}}QualificationApplicationResponse"
NAMESPACES: Final = {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"}
CAC, CBC = (f"{{{NAMESPACES[prefix]}}}" for prefix in ("cac", "cbc"))
_MEMBERS: Final = {
    "ECONOMIC_OPERATOR_IDENTIFIER": "identifier", "DESCRIPTION": "name", "ECONOMIC_OPERATOR_ROLE_CODE": "role",
}  # fmt: skip
"""Of the types of the questions on another company: what their answers are of it."""
_PARTY: Final = "cac:EconomicOperatorParty"
_ADDRESS: Final = f"{_PARTY}/cac:Party/cac:PostalAddress"
_CONTACT: Final = f"{_PARTY}/cac:Party/cac:Contact"


def parse(xml: str) -> Element:
    """Give the root of an ESPD. Raises InvalidInput for what is no ESPD, malformed, too large, or made to harm."""
    data = xml.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise _refused(f"le fichier dépasse {MAX_BYTES // 2**20} Mio", "the file is too large")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_pis=True, remove_comments=True, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise _refused(f"XML mal formé (ligne {line}, colonne {column})", "the XML is not well-formed") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused("supprimez la déclaration <!DOCTYPE>, un DUME n'en a pas", "remove the DOCTYPE")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise _refused("il a trop d'éléments", "too many elements")
    if root.tag not in {REQUEST, RESPONSE}:
        raise _refused(
            "on attend QualificationApplicationRequest ou QualificationApplicationResponse (ESPD-EDM 2 à 4)",
            "a QualificationApplicationRequest or Response is expected (ESPD-EDM 2 to 4)",
        )
    return root


def _refused(french: str, english: str) -> InvalidInput:
    return InvalidInput(f"Ce DUME (ESPD) ne peut pas être lu : {french}.", f"This ESPD cannot be read: {english}.")


def read(root: Element) -> Espd:
    """Give the content of an ESPD; what it does not say is left out."""
    criteria = [_criterion(each) for each in nodes(root, "cac:TenderingCriterion")]
    answers = [found for each in nodes(root, "cac:TenderingCriterionResponse") for found in _answers(each)]
    return Espd(
        document="request" if root.tag == REQUEST else "response",
        model=text(root, "cbc:ProfileExecutionID"),
        id=text(root, "cbc:ID"),
        procedure=text(root, "cbc:ContractFolderID"),
        title=text(root, "cac:ProcurementProject/cbc:Name") or text(root, "cac:ProcurementProject/cbc:Description"),
        buyer=text(root, "cac:ContractingParty/cac:Party/cac:PartyName/cbc:Name"),
        operator=_operator(root),
        group=text(root, "cbc:EconomicOperatorGroupName"),
        related=[found for each in criteria for found in _related(each, answers)],
        lots=[each for item in nodes(root, "cac:ProcurementProjectLot") if (each := text(item, "cbc:ID"))],
        criteria=criteria,
        answers=answers,
    )


def nodes(element: Element, path: str) -> list[Element]:
    """Give the elements at a path."""
    return cast("list[Element]", element.xpath(path, namespaces=NAMESPACES))


def text(element: Element, path: str) -> str | None:
    """Give the text of the first element at a path, blanks normalised; None when there is none."""
    found = nodes(element, path)
    return " ".join((found[0].text or "").split()) or None if found else None


def _operator(root: Element) -> Operator | None:
    if not nodes(root, _PARTY):
        return None
    return Operator(
        identifier=text(root, f"{_PARTY}/cac:Party/cac:PartyIdentification/cbc:ID"),
        name=text(root, f"{_PARTY}/cac:Party/cac:PartyName/cbc:Name"),
        role=text(root, f"{_PARTY}/cac:EconomicOperatorRole/cbc:RoleCode"),
        street=text(root, f"{_ADDRESS}/cbc:StreetName"),
        postcode=text(root, f"{_ADDRESS}/cbc:PostalZone"),
        city=text(root, f"{_ADDRESS}/cbc:CityName"),
        country=text(root, f"{_ADDRESS}/cac:Country/cbc:IdentificationCode"),
        email=text(root, f"{_CONTACT}/cbc:ElectronicMail"),
        telephone=text(root, f"{_CONTACT}/cbc:Telephone"),
    )


def _criterion(item: Element) -> Criterion:
    properties = nodes(item, ".//cac:TenderingCriterionProperty[cbc:TypeCode='QUESTION']")
    questions = [
        Question(id=found, text=text(each, "cbc:Description") or "", type=text(each, "cbc:ValueDataTypeCode") or "NONE")
        for each in properties
        if (found := text(each, "cbc:ID"))
    ]
    return Criterion(
        id=text(item, "cbc:ID") or "", code=text(item, "cbc:CriterionTypeCode") or "", name=text(item, "cbc:Name") or "",
        description=text(item, "cbc:Description") or "", questions=questions,
    )  # fmt: skip


def _related(criterion: Criterion, answers: list[Answer]) -> list[Related]:
    """Give the companies that answer a criterion on others: the n-th identifier, name and role are of the n-th company."""
    relation = RELATIONS.get(criterion.code)
    if relation is None:
        return []
    told: dict[str, list[str]] = {}
    for question in criterion.questions:
        if name := _MEMBERS.get(question.type):
            told.setdefault(name, []).extend(each.value[:500] for each in answers if each.question == question.id)
    rows = zip_longest(*(told.get(name, []) for name in ("identifier", "name", "role")))
    return [Related(relation=relation, identifier=number, name=name, role=role) for number, name, role in rows]


def _answers(item: Element) -> list[Answer]:
    question = text(item, "cbc:ValidatedCriterionPropertyID")
    if question is None:
        return []
    found = []
    for value in nodes(item, "cac:ResponseValue/*"):
        content = " ".join((value.text or "").split())
        if etree.QName(value).localname in ELEMENTS.values() and content:
            found.append(Answer(question=question, value=content[:10_000], currency=value.get("currencyID")))
    found += [
        Answer(question=question, value=start, end=text(period, "cbc:EndDate"))
        for period in nodes(item, "cac:ApplicablePeriod")
        if (start := text(period, "cbc:StartDate"))
    ]
    evidence = (text(each, "cbc:ID") for each in nodes(item, "cac:EvidenceSupplied"))
    return [*found, *(Answer(question=question, value=each) for each in evidence if each)]
