"""What the index holds of a notice: its schema, and the document of a row. The database says the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tantivy import Document, Schema, SchemaBuilder

from libs.common.reference import regions
from libs.common.search import notice as said
from libs.common.search import places
from libs.common.search.words import fold
from services.notices.content import NoticeContent

__all__ = [
    "ANALYZER",
    "CPV_LEVELS",
    "EXACT",
    "FIRST_YEAR",
    "LAST_YEAR",
    "VALUES",
    "IndexRow",
    "day_number",
    "day_of",
    "day_of_number",
    "deadline_key",
    "document_of",
    "identity",
    "microseconds",
    "published_at",
    "published_key",
    "schema",
    "terms_of",
]

ANALYZER: Final = "french"
EXACT: Final = "exact"
"""Words as they are, folded before."""
CPV_LEVELS: Final = (2, 3, 4, 5)
"""Digits of divisions, groups, classes and categories."""
VALUES: Final = (40_000, 90_000, 216_000, 1_000_000, 5_404_000)
"""Euros that part the classes of the value facet; near the thresholds of publication and of formal procedures of 2026."""
_FACETS: Final = (
    *("region", "department", "nature", "procedure", "phase", "kind", "contract", "technique", "buyer", "clause", "language"),
    *("value_class", "point", *(f"cpv{level}" for level in CPV_LEVELS)),
)  # fmt: skip
_PARIS: Final = ZoneInfo("Europe/Paris")
_EPOCH: Final = date(1970, 1, 1)
FIRST_YEAR: Final = 2010
LAST_YEAR: Final = 2081
_FIRST: Final = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_SPAN: Final = 2**51 - 1
"""Microseconds, 71 years: what is published outside of them counts as published at their edge."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A published notice, as it is indexed."""

    notice_id: UUID
    procedure_id: UUID
    organisation: str
    published_at: datetime
    deadline: datetime | None
    """The one that counts now."""
    said: Mapping[str, Any]
    """The content of the notice; read where it is indexed, in a thread."""
    procedure_state: str
    """What the public knows of it."""


@cache
def schema() -> Schema:
    """Give the fields of the index."""
    builder = SchemaBuilder()
    for name in ("words", "title"):
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="basic")
    for name in ("exact", "title_exact"):
        builder.add_text_field(name, tokenizer_name=EXACT)
    for name in ("id", "procedure_id", "cpv", "place", "national"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in _FACETS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("published", "soonest", "high", "low"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("value", "deadline"):
        builder.add_integer_field(name, fast=True)
    builder.add_integer_field("day", indexed=True, fast=True)
    return builder.build()


def document_of(row: IndexRow) -> Document:
    """Give what is indexed of a notice."""
    content, document = NoticeContent.model_validate(row.said), Document()
    _add_words(document, content)
    for name, values in terms_of(row, content).items():
        for value in dict.fromkeys(values):
            document.add_text(name, value)
    high, low = divmod(row.notice_id.int, 2**64)
    document.add_unsigned("high", high)
    document.add_unsigned("low", low)
    document.add_unsigned("published", published_key(row.published_at, row.notice_id))
    document.add_unsigned("soonest", deadline_key(row.deadline, row.notice_id))
    document.add_integer("day", day_number(day_of(row.published_at)))
    if row.deadline is not None:
        document.add_integer("deadline", microseconds(row.deadline))
    if (cents := said.euros(content)) is not None:
        document.add_integer("value", cents)
    return document


def identity(high: int, low: int) -> UUID:
    """Give the identifier of a notice from its two halves."""
    return UUID(int=high * 2**64 + low)


def microseconds(at: datetime) -> int:
    """Give an instant in microseconds since 1970."""
    apart = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds


def day_of(at: datetime) -> date:
    """Give the day of an instant in Paris."""
    return at.astimezone(_PARIS).date()


def day_number(day: date) -> int:
    """Give a day in days since 1970."""
    return (day - _EPOCH).days


def day_of_number(number: int) -> date:
    """Give the day of a number of days since 1970."""
    return _EPOCH + timedelta(days=number)


def published_key(at: datetime, notice_id: UUID) -> int:
    """Give what newest notices have the most of: the microsecond, then the beginning of the identifier."""
    span = min(_SPAN, max(0, microseconds(at) - microseconds(_FIRST)))
    return span << 13 | notice_id.int >> 115


def published_at(key: int) -> datetime:
    """Give the instant of a key."""
    return datetime.fromtimestamp((microseconds(_FIRST) + (key >> 13)) // 1_000_000, UTC).replace(
        microsecond=(microseconds(_FIRST) + (key >> 13)) % 1_000_000
    )


def deadline_key(at: datetime | None, notice_id: UUID) -> int:
    """Give what the soonest deadlines have the most of: seconds before the end of count; 0 without deadline."""
    if at is None:
        return notice_id.int >> 97
    left = min(2**33 - 1, max(1, 2**33 - 1 - microseconds(at) // 1_000_000))
    return left << 31 | notice_id.int >> 97


def _add_words(document: Document, content: NoticeContent) -> None:
    """Add the texts as they are written, once more without accents, and word by word as they are."""
    text = said.text_of(content)
    for name, words in (("title", text.title), ("words", f"{text.title} {text.body}")):
        document.add_text(name, words)
        if (folded := fold(words)) != words.lower():
            document.add_text(name, folded)
    document.add_text("exact", " ".join(text.exact()))
    document.add_text("title_exact", " ".join(said.Text(text.title, "").exact()))


def terms_of(row: IndexRow, content: NoticeContent) -> dict[str, Iterable[str]]:
    """Give the terms of each field of a notice but its words."""
    points = places.points_of(content)
    branches, departments = said.cpv_branches(content), said.departments(content)
    told: dict[str, Iterable[str]] = {
        "id": [row.notice_id.hex],
        "procedure_id": [row.procedure_id.hex],
        "cpv": branches,
        "place": [square for key in points for square in places.squares(key)],
        "national": ["yes"] if places.is_national(content) else [],
        "region": [region for each in departments if (region := regions.of_department(each))],
        "department": departments,
        "nature": said.natures(content),
        "procedure": [content.procedure_type],
        "phase": [_phase(content, row.procedure_state)],
        "kind": [content.kind],
        "contract": [content.contract_kind],
        "technique": content.techniques,
        "buyer": [row.organisation],
        "clause": said.clauses_told(content),
        "language": [content.language],
        "value_class": [_value_class(said.euros(content))],
        "point": points,
    }
    return told | {f"cpv{level}": [each for each in branches if len(each) == level] for level in CPV_LEVELS}


def _phase(content: NoticeContent, state: str) -> str:
    """Give where the purchase is, as the public knows it."""
    if content.results and not any(result.outcome == "awarded" for result in content.results):
        return "cancelled"
    if content.kind == "award" or state in {"awarded", "signed", "notified", "modified"}:
        return "awarded"
    if state in {"unsuccessful", "abandoned"}:
        return "cancelled"
    if state in {"open", "suspended", "closed"}:
        return state
    return "planning" if content.kind == "planning" else "open"


def _value_class(cents: int | None) -> str:
    if cents is None:
        return "unknown"
    floor = max((bound for bound in VALUES if bound * 100 <= cents), default=0)
    return str(floor)
