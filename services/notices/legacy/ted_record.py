"""The flattened form of a TED notice, one JSON object each. Members that we do not know are kept."""

from __future__ import annotations

import html
import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["TedAward", "TedLot", "TedParty", "TedRecord", "TedValue", "cleaned"]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def cleaned(raw: str) -> str:
    """Give a text without control characters, its entities (`&eacute;`) as letters, its blanks normalised; lines are kept."""
    lines = (" ".join(line.split()) for line in html.unescape(_CONTROL.sub("", raw)).splitlines())
    return "\n".join(lines).strip()


def _words(value: object) -> object:
    return cleaned(value) if isinstance(value, str) else value


def _codes(value: object) -> object:
    return [value] if isinstance(value, str) else ([] if value is None else value)


Words = Annotated[str | None, BeforeValidator(_words)]
Codes = Annotated[list[Annotated[str, BeforeValidator(_words)]], BeforeValidator(_codes)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)


class TedParty(_Part):
    """A buyer or a winner."""

    name: Words = None
    id: Words = None
    town: Words = None
    postal_code: Words = None
    country: Words = None
    nuts: Codes = []
    email: Words = None
    url: Words = None


class TedValue(_Part):
    """A value of the whole notice."""

    type: Words = None
    """ESTIMATED_TOTAL, PROCUREMENT_TOTAL"""
    currency: Words = None
    amount: Words = None


class TedLot(_Part):
    """A lot; a notice that is not divided has one, without number."""

    no: Words = None
    title: Words = None
    description: Words = None
    cpv: Codes = []
    nuts: Codes = []
    value: Words = None
    currency: Words = None
    duration: Words = None
    duration_type: Words = None
    criteria: list[list[Words]] = []
    """(AC_PRICE, AC_COST or AC_QUALITY; name; weight)"""


class TedAward(_Part):
    """A contract awarded, or a lot without winner."""

    lot: Words = None
    contract_no: Words = None
    title: Words = None
    date: Words = None
    nb_tenders: Words = None
    value: Words = None
    currency: Words = None
    no_award: bool = False
    winners: list[TedParty] = []


class TedRecord(_Part):
    """A notice of TED."""

    doc_id: Words = None
    """000817-2018"""
    country: Words = None
    form: Words = None
    """F02..., a number before 2016."""
    date_pub: Words = None
    """20180103"""
    lang: Words = None
    notice_type: Words = None
    notice_type_code: Words = None
    contract_nature: Words = None
    procedure: Words = None
    authority_type: Words = None
    main_activity: Words = None
    deadline: Words = None
    """20180219 12:00"""
    deadline_form: Words = None
    """2018-02-19 12:00"""
    cpv: Codes = []
    main_cpv: Words = None
    nuts: Codes = []
    url_buyer: Words = None
    url_document: Words = None
    url_participation: Words = None
    buyer: TedParty | None = None
    values: list[TedValue] = []
    title: Words = None
    description: Words = None
    reference: Words = None
    lots: list[TedLot] = []
    awards: list[TedAward] = []
    ref_notice: Codes = []
    """2020/S 159-389007"""
