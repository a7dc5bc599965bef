"""What a bidder says of his bid, as answers of an ESPD: the other members of his group, who is relied upon, subcontractors. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from services.bids.applications.said import Application
from services.bids.espd.model import RELATIONS, Answer, Criterion, Espd, Related, Relation

__all__ = ["answers_on_others", "role_of"]

LEAD: Final = "group-lead"
MEMBER: Final = "group-member"


def role_of(said: Application, company: str) -> str | None:
    """Give the role of a company in the group of its bid (code list eo-role-type); None without group."""
    if said.group is None:
        return None
    return LEAD if said.group.mandatary == company else MEMBER


def answers_on_others(espd: Espd, said: Application, company: str) -> list[Answer]:
    """Answer the criteria of a document that ask for other companies, from what is said of a bid: those it has, no others."""
    others = _others(said, company)
    return [
        answer
        for criterion in espd.criteria
        if (relation := RELATIONS.get(criterion.code)) is not None
        for answer in _answers(criterion, [each for each in others if each.relation == relation])
    ]


def _others(said: Application, company: str) -> list[Related]:
    members = said.group.members if said.group else []
    found = [
        _related("group", each.organisation, each.name, role_of(said, each.organisation))
        for each in members
        if each.organisation != company
    ]
    for each in said.subcontractors:
        relation: Relation = "relied-upon" if each.relied_upon else "subcontractor"
        found.append(_related(relation, each.organisation, each.name))
    return found


def _related(relation: Relation, organisation: str, name: str, role: str | None = None) -> Related:
    return Related(relation=relation, identifier=organisation.partition(":")[2], name=name, role=role)


def _answers(criterion: Criterion, companies: Sequence[Related]) -> Iterator[Answer]:
    """Give one answer a company to each question on its identifier, name and role; to the first indicator, whether there is any."""
    indicators = [each.id for each in criterion.questions if each.type == "INDICATOR"]
    if indicators:
        yield Answer(question=indicators[0], value="true" if companies else "false")
    for question in criterion.questions:
        for each in companies:
            told = {"ECONOMIC_OPERATOR_IDENTIFIER": each.identifier, "DESCRIPTION": each.name,
                    "ECONOMIC_OPERATOR_ROLE_CODE": each.role}.get(question.type)  # fmt: skip
            if told:
                yield Answer(question=question.id, value=told)
