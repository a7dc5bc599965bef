"""An ESPD response: the criteria of the request as they came, the company, its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from lxml import etree

from libs.common.errors import FieldError, InvalidInput
from services.bids.espd.model import ELEMENTS, Answer, Operator, Question, value_problem
from services.bids.espd.reading import CAC, CBC, NAMESPACES, RESPONSE, Element, nodes, read

__all__ = ["respond"]

_BEFORE_ANSWERS: Final = frozenset(
    f"{CAC}{name}" for name in ("ContractingParty", "ProcurementProject", "ProcurementProjectLot", "TenderingCriterion")
)
_OURS: Final = frozenset(f"{CAC}{name}" for name in ("EconomicOperatorParty", "TenderingCriterionResponse"))
"""Of a response that is answered again: written anew."""
_WRITTEN: Final = frozenset(f"{CAC}{name}" for name in ("PartyIdentification", "PartyName", "PostalAddress", "Contact"))
_ORDER: Final = (
    "PartyIdentification", "PartyName", "Language", "PostalAddress", "PhysicalLocation", "PartyTaxScheme", "PartyLegalEntity",
    "Contact", "Person", "AgentParty", "ServiceProviderParty", "PowerOfAttorney", "FinancialAccount",
)  # fmt: skip
_BEFORE_GROUP: Final = frozenset(
    {"UBLVersionID", "CustomizationID", "ProfileID", "ProfileExecutionID", "ID", "CopyIndicator", "UUID", "ContractFolderID",
     "ContractName", "IssueDate", "IssueTime"}
)  # fmt: skip
"""Before the name of the group, in the order of UBL."""


def respond(
    root: Element, operator: Operator, answers: Sequence[Answer], at: datetime, *, group: str | None = None
) -> bytes:
    """Give the response to a request (or to an earlier response, answered anew), as UTF-8 XML.

    Each question keeps its identifier, as the exchange data model asks: an answer names it. What we do not know stays where it
    was, of the party too. `group`: the name of the group, of which the role says lead or member. Raises InvalidInput that names
    the criterion of each answer to an unknown question, or of another type than its question's.
    """
    criteria = read(root).criteria
    questions = {each.id: each for criterion in criteria for each in criterion.questions}
    _check(questions, answers, {each.id: criterion.name for criterion in criteria for each in criterion.questions})
    prefixes: Any = {None: RESPONSE[1:].partition("}")[0], **NAMESPACES}  # lxml's stubs know no default namespace
    response = etree.Element(RESPONSE, nsmap=prefixes)
    kept = [deepcopy(each) for each in root if each.tag not in _OURS]
    head = [each for each in kept if str(each.tag).startswith(CBC)]
    response.extend([*head, *(each for each in kept if each.tag == f"{CAC}ContractingParty")])
    response.append(_merged(_party(operator), root))
    response.extend([each for each in kept if each.tag in _BEFORE_ANSWERS and each.tag != f"{CAC}ContractingParty"])
    response.extend([_answer(each, questions[each.question]) for each in answers])
    response.extend([each for each in kept if each not in head and each.tag not in _BEFORE_ANSWERS])
    _renew(response, at)
    _name_group(response, group)
    etree.cleanup_namespaces(response, keep_ns_prefixes=["cac", "cbc"])
    return etree.tostring(response, xml_declaration=True, encoding="UTF-8")


def _check(questions: dict[str, Question], answers: Sequence[Answer], criteria: Mapping[str, str]) -> None:
    faults = []
    for index, each in enumerate(answers):
        question = questions.get(each.question)
        problem = ("question inconnue", "unknown question") if question is None else value_problem(question, each)
        if problem is not None:
            asked = " : ".join(told for told in (criteria.get(each.question), question and question.text) if told)
            where = f"« {asked} » ({each.question})" if asked else each.question
            faults.append(FieldError(f"body/answers/{index}", f"{where} : {problem[0]}", f"{where}: {problem[1]}"))
    if faults:
        raise InvalidInput("Des réponses ne conviennent pas à leur question.", "Answers do not fit.", errors=faults)


def _merged(party: Element, root: Element) -> Element:
    """Give a party with what the document had of it and we do not write: powers of attorney, qualifications."""
    for former in nodes(root, "cac:EconomicOperatorParty"):
        party.extend([deepcopy(each) for each in former if each.tag not in {each.tag for each in party}])
        ours = nodes(party, "cac:Party")[0]
        for each in nodes(former, "cac:Party/*"):
            if each.tag not in _WRITTEN:
                ours.append(deepcopy(each))
        ours[:] = sorted(ours, key=lambda each: _rank(str(each.tag)))
    party[:] = sorted(party, key=lambda each: not str(each.tag).endswith("QualifyingParty"))
    return party


def _rank(tag: str) -> int:
    """Give the place of a part of `cac:Party` (UBL 2.3, PartyType); basic components come first."""
    name = tag.rpartition("}")[2]
    return _ORDER.index(name) + 1 if name in _ORDER else (0 if tag.startswith(CBC) else len(_ORDER) + 1)


def _name_group(response: Element, group: str | None) -> None:
    """Say of which group the company is; after the hour, before versions."""
    if group is None:
        return
    for each in nodes(response, "cbc:EconomicOperatorGroupName"):
        response.remove(each)
    before = [each for each in response if etree.QName(each).localname in _BEFORE_GROUP]
    told = etree.Element(f"{CBC}EconomicOperatorGroupName")
    told.text = group
    response.insert(response.index(before[-1]) + 1 if before else 0, told)


def _renew(response: Element, at: datetime) -> None:
    """Give the response an identity and an hour of its own."""
    told = {
        "UUID": str(uuid4()),
        "IssueDate": at.date().isoformat(),
        "IssueTime": at.timetz().isoformat(timespec="seconds"),
    }
    for name, value in told.items():
        for each in nodes(response, f"cbc:{name}"):
            each.text = value


def _add(parent: Element, tag: str, content: str | None = None, **attributes: str) -> Element:
    child = etree.SubElement(parent, tag, attributes)
    child.text = content
    return child


def _party(operator: Operator) -> Element:
    told = etree.Element(f"{CAC}EconomicOperatorParty")
    if operator.role:
        _add(_add(told, f"{CAC}EconomicOperatorRole"), f"{CBC}RoleCode", operator.role)
    party = _add(told, f"{CAC}Party")
    if operator.identifier:
        _add(_add(party, f"{CAC}PartyIdentification"), f"{CBC}ID", operator.identifier)
    if operator.name:
        _add(_add(party, f"{CAC}PartyName"), f"{CBC}Name", operator.name)
    _place(party, operator)
    if operator.telephone or operator.email:
        contact = _add(party, f"{CAC}Contact")
        for name, value in (("Telephone", operator.telephone), ("ElectronicMail", operator.email)):
            if value:
                _add(contact, f"{CBC}{name}", value)
    return told


def _place(party: Element, operator: Operator) -> None:
    parts = (("StreetName", operator.street), ("CityName", operator.city), ("PostalZone", operator.postcode))
    if not operator.country and not any(value for _, value in parts):
        return
    address = _add(party, f"{CAC}PostalAddress")
    for name, value in parts:
        if value:
            _add(address, f"{CBC}{name}", value)
    if operator.country:
        _add(_add(address, f"{CAC}Country"), f"{CBC}IdentificationCode", operator.country)


def _answer(answer: Answer, question: Question) -> Element:
    told = etree.Element(f"{CAC}TenderingCriterionResponse")
    _add(told, f"{CBC}ID", str(uuid4()))
    _add(told, f"{CBC}ValidatedCriterionPropertyID", answer.question)
    if question.type == "PERIOD":
        period = _add(told, f"{CAC}ApplicablePeriod")
        _add(period, f"{CBC}StartDate", answer.value)
        if answer.end:
            _add(period, f"{CBC}EndDate", answer.end)
    elif question.type == "EVIDENCE_IDENTIFIER":
        _add(_add(told, f"{CAC}EvidenceSupplied"), f"{CBC}ID", answer.value)
    else:
        value = _add(told, f"{CAC}ResponseValue")
        _add(value, f"{CBC}ID", str(uuid4()))
        currency = {"currencyID": answer.currency} if answer.currency else {}
        _add(value, f"{CBC}{ELEMENTS[question.type]}", answer.value, **currency)
    return told
