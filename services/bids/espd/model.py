"""An ESPD as data: who asks, who answers, the criteria with their questions, the answers.

The exchange data model of the Union (ESPD-EDM 2 to 4) is UBL: `QualificationApplicationRequest` and `...Response`. Criteria
travel with the document, and each answer names the question that it answers: no list of criteria is fixed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ELEMENTS",
    "RELATIONS",
    "Answer",
    "Criterion",
    "Espd",
    "Operator",
    "Question",
    "Related",
    "Relation",
    "value_problem",
]

ELEMENTS: Final = {
    "INDICATOR": "ResponseIndicator", "AMOUNT": "ResponseAmount", "DATE": "ResponseDate", "DESCRIPTION": "Description",
    "QUANTITY": "ResponseQuantity", "QUANTITY_INTEGER": "ResponseQuantity", "QUANTITY_YEAR": "ResponseQuantity",
    "PERCENTAGE": "ResponseQuantity", "CODE": "ResponseCode", "CODE_BOOLEAN": "ResponseCode",
    "CODE_COUNTRY": "ResponseCode", "ECONOMIC_OPERATOR_ROLE_CODE": "ResponseCode", "ECONOMIC_OPERATOR_IDENTIFIER": "ResponseID",
    "IDENTIFIER": "ResponseID", "LOT_IDENTIFIER": "ResponseID", "URL": "ResponseURI",
    "QUAL_IDENTIFIER": "ResponseID", "WEIGHT_INDICATOR": "ResponseIndicator",
}  # fmt: skip
"""Of each type of data of a question: the element of `cac:ResponseValue` that holds its answer."""
Short = Annotated[str, Field(max_length=500)]
Relation = Literal["group", "relied-upon", "subcontractor"]
RELATIONS: Final[Mapping[str, Relation]] = {
    "eo-group": "group", "CRITERION.OTHER.EO_DATA.TOGETHER_WITH_OTHERS": "group",
    "relied": "relied-upon", "CRITERION.OTHER.EO_DATA.RELIES_ON_OTHER_CAPACITIES": "relied-upon",
    "subco-ent": "subcontractor", "CRITERION.OTHER.EO_DATA.SUBCONTRACTS_WITH_THIRD_PARTIES": "subcontractor",
}  # fmt: skip
"""Criteria that ask for other companies, by their code in ESPD-EDM 3 and 4, and 2: what those are to the bidder."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Data):
    """A question of a criterion."""

    id: str
    text: str
    type: str = Field(description="ValueDataTypeCode: INDICATOR, AMOUNT, DATE, PERIOD...")


class Criterion(_Data):
    """A ground of exclusion, a criterion of selection, or other information asked for."""

    id: str
    code: str
    name: str
    description: str
    questions: list[Question]


class Answer(_Data):
    """An answer; a period has `value` and `end`, an amount its currency."""

    question: Annotated[str, Field(min_length=1, max_length=500)]
    value: Annotated[str, Field(min_length=1, max_length=10_000)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    end: Annotated[str, Field(max_length=40)] | None = None


class Operator(_Data):
    """Who answers."""

    identifier: Short | None = None
    name: Short | None = None
    role: Short | None = Field(default=None, description="sole contractor, lead of a group, member... (code)")
    street: Short | None = None
    postcode: Short | None = None
    city: Short | None = None
    country: Short | None = None
    email: Short | None = None
    telephone: Short | None = None


class Related(_Data):
    """Another company of the bid: of the group, relied upon, or a subcontractor."""

    relation: Relation
    identifier: Short | None = None
    name: Short | None = None
    role: Short | None = None


class Espd(_Data):
    """A request or a response."""

    document: Literal["request", "response"]
    model: str | None = Field(description="ProfileExecutionID: the version of the exchange data model")
    id: str | None
    procedure: str | None = Field(description="ContractFolderID")
    title: str | None
    buyer: str | None
    operator: Operator | None
    group: str | None = Field(description="EconomicOperatorGroupName")
    related: list[Related] = Field(description="other companies, by the answers to the criteria that ask for them")
    lots: list[str]
    criteria: list[Criterion]
    answers: list[Answer]


def value_problem(question: Question, answer: Answer) -> tuple[str, str] | None:
    """Say what is wrong with an answer to a question, in French and in English; None when it is fit."""
    kind = question.type.partition("_")[0] if question.type.startswith("QUANTITY") else question.type
    if kind not in ELEMENTS and kind not in {"PERIOD", "EVIDENCE_IDENTIFIER"}:
        return f"les questions de type {kind} n'attendent pas de réponse", f"questions of type {kind} take no answer"
    check = _CHECKS.get(kind)
    return None if check is None or check[0](answer) else check[1]


def _is_period(answer: Answer) -> bool:
    ends = answer.end is None or (_is_date(answer.end) and answer.end >= answer.value)
    return _is_date(answer.value) and ends


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


_NUMBER = ("donnez un nombre", "give a number")
_INDICATOR = ("répondez true ou false", "answer true or false")
_CHECKS: Final[Mapping[str, tuple[Callable[[Answer], bool], tuple[str, str]]]] = {
    "PERIOD": (_is_period, ("donnez les dates de début et de fin (AAAA-MM-JJ)", "give the first and last day")),
    "INDICATOR": (lambda answer: answer.value in {"true", "false"}, _INDICATOR),
    "WEIGHT_INDICATOR": (lambda answer: answer.value in {"true", "false"}, _INDICATOR),
    "DATE": (lambda answer: _is_date(answer.value), ("donnez une date (AAAA-MM-JJ)", "give a date (YYYY-MM-DD)")),
    "AMOUNT": (
        lambda answer: answer.currency is not None and _is_number(answer.value),
        ("donnez un montant et sa devise", "give an amount and its currency"),
    ),
    "QUANTITY": (lambda answer: _is_number(answer.value), _NUMBER),
    "PERCENTAGE": (lambda answer: _is_number(answer.value), _NUMBER),
}
"""Of each type of data that has a form: whether an answer has it, else what to write."""
