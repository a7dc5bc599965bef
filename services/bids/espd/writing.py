"""An ESPD response: the criteria of the request as they came, the company, its answers."""

from __future__ import annotations

from collections.abc import Sequence
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


def respond(root: Element, operator: Operator, answers: Sequence[Answer], at: datetime) -> bytes:
    """Give the response to a request (or to an earlier response, answered anew), as UTF-8 XML.

    Each question keeps its identifier, as the exchange data model asks: an answer names it. Raises InvalidInput that names
    each answer to an unknown question, or of another type than its question's.
    """
    questions = {each.id: each for criterion in read(root).criteria for each in criterion.questions}
    _check(questions, answers)
    prefixes: Any = {None: RESPONSE[1:].partition("}")[0], **NAMESPACES}  # lxml's stubs know no default namespace
    response = etree.Element(RESPONSE, nsmap=prefixes)
    kept = [deepcopy(each) for each in root if each.tag not in _OURS]
    head = [each for each in kept if str(each.tag).startswith(CBC)]
    response.extend([*head, *(each for each in kept if each.tag == f"{CAC}ContractingParty")])
    response.append(_party(operator))
    response.extend([each for each in kept if each.tag in _BEFORE_ANSWERS and each.tag != f"{CAC}ContractingParty"])
    response.extend([_answer(each, questions[each.question]) for each in answers])
    response.extend([each for each in kept if each not in head and each.tag not in _BEFORE_ANSWERS])
    _renew(response, at)
    etree.cleanup_namespaces(response, keep_ns_prefixes=["cac", "cbc"])
    return etree.tostring(response, xml_declaration=True, encoding="UTF-8")


def _check(questions: dict[str, Question], answers: Sequence[Answer]) -> None:
    faults = []
    for index, each in enumerate(answers):
        question = questions.get(each.question)
        problem = ("question inconnue", "unknown question") if question is None else value_problem(question, each)
        if problem is not None:
            faults.append(FieldError(f"body/answers/{index}", f"{each.question} : {problem[0]}", problem[1]))
    if faults:
        raise InvalidInput("Des réponses ne conviennent pas à leur question.", "Answers do not fit.", errors=faults)


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
