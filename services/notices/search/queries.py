"""From criteria to a query of the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from tantivy import FieldType, Occur, Query, Searcher

from libs.common.search.clauses import Atom, Branch, Clause, Phrase, Word, positive
from libs.common.search.places import circle, in_box
from services.notices.search.criteria import Criteria, National
from services.notices.search.fields import VALUES, day_number, microseconds, published_key, schema

__all__ = ["any_of", "both", "but", "query_of", "since", "tiers_of", "up_to"]

_FEW: Final = 6
"""Terms that are read side by side; the lists of more are put together first, the whole of each."""
_WHOLE: Final = ("words", "exact")
_TITLE: Final = ("title", "title_exact")
"""Fields of stems, and of words as they are."""
_LEAST: Final = UUID(int=0)
_MOST: Final = UUID(int=2**128 - 1)


def query_of(searcher: Searcher, criteria: Criteria) -> Query:
    """Give the query that the notices of a search answer."""
    wanted = [_clause(searcher, _WHOLE, clause) for clause in positive(criteria.words)]
    wanted += _terms(criteria)
    wanted += _ranges(criteria)
    if place := _place(criteria):
        wanted.append(place)
    unwanted = [_clause(searcher, _WHOLE, clause) for clause in criteria.words if clause.negative]
    if criteria.other_buyers:
        unwanted.append(any_of("buyer", criteria.other_buyers))
    return but(both(*wanted), *unwanted)


def tiers_of(searcher: Searcher, criteria: Criteria, query: Query) -> list[Query]:
    """Part the answers by relevance: all words in the title, some, none. Together they are all answers, each once."""
    titles = [_clause(searcher, _TITLE, clause) for clause in positive(criteria.words)]
    if not titles:
        return [query]
    whole, some = both(*titles), _either(titles)
    between = [but(both(query, some), whole)] if len(titles) > 1 else [Query.empty_query()]
    return [both(query, whole), *between, but(query, some)]


def up_to(query: Query, field: str, key: int, *, least: int | None = None) -> Query:
    """Give those of the answers whose key is this one or less."""
    return both(query, Query.range_query(schema(), field, FieldType.Unsigned, least, key))


def since(day: date) -> Query:
    """Give the notices published on a day or later, by the lists of the days: a range of values would look at every notice."""
    return Query.range_query(schema(), "day", FieldType.Integer, day_number(day), None, use_inverted_index=True)


def any_of(field: str, values: Iterable[str]) -> Query:
    """Give the notices that have one of these terms."""
    terms = list(values)
    if len(terms) > _FEW or not terms:
        return Query.term_set_query(schema(), field, terms)
    return _either([Query.term_query(schema(), field, term, "basic") for term in terms])


def both(*queries: Query) -> Query:
    """Give what answers all of these; everything where there is none."""
    if len(queries) == 1:
        return queries[0]
    if not queries:
        return Query.all_query()
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def but(query: Query, *unwanted: Query) -> Query:
    """Give what answers a query and none of the others."""
    if not unwanted:
        return query
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, each) for each in unwanted)])


def _either(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _clause(searcher: Searcher, fields: tuple[str, str], clause: Clause) -> Query:
    found = [both(*(_atom(searcher, fields, atom) for atom in atoms)) for atoms in clause.alternatives]
    return _either(found) if found else Query.empty_query()


def _atom(searcher: Searcher, fields: tuple[str, str], atom: Atom) -> Query:
    stems, exact = fields
    match atom:
        case Word(forms):
            return _word(searcher, stems, forms)
        case Phrase(words):
            return _phrase(exact, words)
        case Branch(prefix):
            return any_of("cpv", [prefix])


def _word(searcher: Searcher, field: str, forms: Iterable[str]) -> Query:
    """Leave out the forms that no notice holds: most words have but one, which is found twice as fast alone."""
    held = [form for form in forms if searcher.doc_freq(field, form)]
    return _either([Query.term_query(schema(), field, form, "basic") for form in held]) if held else Query.empty_query()


def _phrase(field: str, words: tuple[str, ...]) -> Query:
    if len(words) == 1:
        return Query.term_query(schema(), field, words[0], "basic")
    return Query.phrase_query(schema(), field, list(words))


def _terms(criteria: Criteria) -> Iterator[Query]:
    asked = {
        "cpv": criteria.cpv,
        "nature": criteria.natures,
        "procedure": criteria.procedure_types,
        "phase": criteria.phases,
        "kind": criteria.kinds,
        "contract": criteria.contracts,
        "technique": criteria.techniques,
        "buyer": criteria.buyers,
        "clause": criteria.clauses,
        "language": criteria.languages,
        "procedure_id": tuple(each.hex for each in criteria.procedures),
    }
    for field, values in asked.items():
        if values:
            yield any_of(field, values)


def _place(criteria: Criteria) -> Query | None:
    parts = [any_of(field, values) for field, values in _places(criteria)]
    if criteria.national is None:
        return both(*parts) if parts else None
    national = any_of("national", ["yes"])
    if criteria.national is National.EXCLUDED:
        return but(both(*parts), national)
    if criteria.national is National.ONLY:
        return both(*parts, national)
    return _either([both(*parts), national])


def _places(criteria: Criteria) -> Iterator[tuple[str, tuple[str, ...]]]:
    if criteria.regions:
        yield "region", criteria.regions
    if criteria.departments:
        yield "department", criteria.departments
    if criteria.communes:
        yield "place", tuple(f"c{code}" for code in criteria.communes)
    if criteria.near is not None and criteria.near.kilometres is not None:
        yield "place", circle(criteria.near.point, criteria.near.kilometres)
    if criteria.box is not None:
        yield "place", in_box(criteria.box)


def _ranges(criteria: Criteria) -> Iterator[Query]:
    if criteria.value_min is not None or criteria.value_max is not None:
        yield _value(criteria)
    if criteria.deadline_after or criteria.deadline_before:
        yield _between("deadline", _instant(criteria.deadline_after), _instant(criteria.deadline_before))
    if criteria.published_after or criteria.published_before:
        oldest = published_key(criteria.published_after, _LEAST) if criteria.published_after else None
        newest = published_key(criteria.published_before, _MOST) if criteria.published_before else None
        yield Query.range_query(schema(), "published", FieldType.Unsigned, oldest, newest)


def _value(criteria: Criteria) -> Query:
    """Ask for whole classes of values by their terms; only those at the edges are looked at one by one."""
    low, high = criteria.value_min or Decimal(0), criteria.value_max
    bounds = (0, *VALUES)
    classes = [
        (floor, ceiling)
        for floor, ceiling in zip(bounds, (*VALUES, None), strict=True)
        if (high is None or floor <= high) and (ceiling is None or ceiling > low)
    ]
    whole = [str(floor) for floor, ceiling in classes if _within(floor, ceiling, low, high)]
    edges = [str(floor) for floor, ceiling in classes if not _within(floor, ceiling, low, high)]
    parts = [any_of("value_class", [*whole, *(["unknown"] if criteria.unknown_value else [])])]
    if edges:
        parts.append(both(any_of("value_class", edges), _between("value", _cents(low), _cents(high))))
    return _either(parts)


def _within(floor: int, ceiling: int | None, low: Decimal, high: Decimal | None) -> bool:
    return floor >= low and (high is None or (ceiling is not None and ceiling <= high))


def _between(field: str, low: int | None, high: int | None) -> Query:
    return Query.range_query(schema(), field, FieldType.Integer, low, high)


def _cents(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


def _instant(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
