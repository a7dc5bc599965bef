"""What one JSON Schema lets a writer send that another one lets no reader take: the heart of the compatibility checker.

Works on the schemas that pydantic makes (2020-12: `$ref`, `anyOf`, members, bounds). Where it cannot tell, it says so as
a difference: a change is never called harmless because it was not understood. Objects are open: a reader ignores
members it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Difference", "Kind", "unreadable"]

Schema = Mapping[str, Any]

_NOTES = {"title", "description", "examples", "deprecated", "discriminator", "$schema", "$id", "$defs", "$comment"}
"""Keywords that bind nobody."""
_JUDGED = {
    "type", "enum", "const", "pattern", "format", "properties", "required", "additionalProperties", "items", "anyOf",
    "oneOf", "$ref", "default", "multipleOf", "uniqueItems", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
}  # fmt: skip
_LOWER = ("minLength", "minItems", "minProperties")
_UPPER = ("maxLength", "maxItems", "maxProperties")


class Kind(StrEnum):
    """What differs."""

    UNKNOWN_MEMBER = "member the writer never sends"
    MISSING_MEMBER = "member the reader needs"
    CLOSED = "member the reader refuses"
    TYPE = "type"
    VALUES = "values"
    PATTERN = "pattern"
    FORMAT = "format"
    BOUNDS = "bounds"
    DEFAULT = "default"
    OTHER = "keyword that is not judged"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A place where the two part: `notice.lots[].value`."""

    where: str
    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.where or 'the event'}: {self.kind.value}: {self.what}"


def unreadable(writer: Schema, reader: Schema) -> list[Difference]:
    """Give each place where something the writer's schema allows is refused, or not known, by the reader's."""
    return sorted(set(_Comparison(writer, reader).compare(writer, reader, "")))


class _Comparison:
    """Two schemas with their own definitions."""

    def __init__(self, writer: Schema, reader: Schema) -> None:
        self._writer = writer.get("$defs", {})
        self._reader = reader.get("$defs", {})
        self._open: set[tuple[str, str]] = set()
        """Pairs of definitions being compared: a recursive model ends here."""

    def compare(self, writer: Schema, reader: Schema, where: str) -> Iterator[Difference]:
        pair = (str(writer.get("$ref", "")), str(reader.get("$ref", "")))
        if all(pair):
            if pair in self._open:
                return
            self._open.add(pair)
        sent, taken = _resolved(writer, self._writer), _resolved(reader, self._reader)
        yield from _default(sent, taken, where)
        yield from self._alternatives(sent, taken, where)
        self._open.discard(pair)

    def _alternatives(self, sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
        """Each alternative the writer has must be one the reader has."""
        ways, known = _ways(sent), _ways(taken)
        if len(ways) == len(known) == 1 and not _is_choice(sent) and not _is_choice(taken):
            yield from self._one(sent, taken, where)
            return
        for way in ways:
            tries = [list(self.compare(way, one, where)) for one in known]
            yield from min(tries, key=_distance)

    def _one(self, sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
        if not _types(sent) <= _types(taken):
            what = f"{_told(_types(sent))} where {_told(_types(taken))} is known"
            yield Difference(where, Kind.TYPE, what)
            return
        yield from _values(sent, taken, where)
        yield from _texts(sent, taken, where)
        yield from _bounds(sent, taken, where)
        yield from _others(sent, taken, where)
        yield from self._items(sent, taken, where)
        yield from self._members(sent, taken, where)

    def _items(self, sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
        if "items" in taken:
            yield from self.compare(sent.get("items", {}), taken["items"], f"{where}[]")

    def _members(self, sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
        has, knows = sent.get("properties", {}), taken.get("properties", {})
        for name, part in knows.items():
            place = f"{where}.{name}".lstrip(".")
            if name not in has:
                yield Difference(place, Kind.UNKNOWN_MEMBER, "not there")
                if name in taken.get("required", ()):
                    yield Difference(place, Kind.MISSING_MEMBER, "required, and not there")
                continue
            needed = name in taken.get("required", ())
            if needed and name not in sent.get("required", ()):
                yield Difference(place, Kind.MISSING_MEMBER, "required, and may be left out")
            if not needed and ("default" in has[name]) != ("default" in part):
                yield Difference(place, Kind.DEFAULT, "told by one schema only")
            yield from self.compare(has[name], part, place)
        rest = taken.get("additionalProperties", True)
        if rest is False:
            for name in has.keys() - knows.keys():
                yield Difference(f"{where}.{name}".lstrip("."), Kind.CLOSED, "no further member is taken")
        if rest is not True:
            yield from self._map(sent.get("additionalProperties", True), rest, f"{where}{{}}")

    def _map(self, sent: Schema | bool, taken: Schema | bool, where: str) -> Iterator[Difference]:
        """Compare what the values of a map may be; `True`: anything."""
        if isinstance(taken, bool):
            if sent is not False:
                yield Difference(where, Kind.CLOSED, "no further member is taken")
        elif sent is not False:
            yield from self.compare({} if isinstance(sent, bool) else sent, taken, where)


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Follow references; what stands beside `$ref` (a default, a description) is kept."""
    while "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        schema = {**target, **{name: part for name, part in schema.items() if name != "$ref"}}
    return schema


def _is_choice(schema: Schema) -> bool:
    return "anyOf" in schema or "oneOf" in schema


def _ways(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf") or schema.get("oneOf") or [schema])


def _distance(found: list[Difference]) -> tuple[bool, int]:
    """How far an alternative is: another type is further than any number of other differences."""
    return any(one.kind is Kind.TYPE and one.where == found[0].where for one in found), len(found)


def _types(schema: Schema) -> frozenset[str]:
    """Give the JSON types of a schema; a number may be an integer."""
    every = ("string", "integer", "number", "boolean", "object", "array", "null")
    named = schema.get("type")
    if named is None:
        known = _known_values(schema)
        return frozenset(every) if known is None else frozenset(_type_of(json.loads(value)) for value in known)
    found = {named} if isinstance(named, str) else set(named)
    return frozenset(found | ({"integer"} if "number" in found else set()))


def _type_of(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    kinds: list[tuple[type, str]] = [(str, "string"), (int, "integer"), (float, "number"), (list, "array")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _told(types: frozenset[str]) -> str:
    return " or ".join(sorted(types))


def _known_values(schema: Schema) -> set[str] | None:
    """Give the only values a schema takes, as JSON; None: it is no list of values."""
    if "const" in schema:
        return {json.dumps(schema["const"], sort_keys=True)}
    return {json.dumps(value, sort_keys=True) for value in schema["enum"]} if "enum" in schema else None


def _values(sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
    has, knows = _known_values(sent), _known_values(taken)
    if knows is None:
        return
    if has is None:
        yield Difference(where, Kind.VALUES, f"any value where only {', '.join(sorted(knows))} are known")
    elif has - knows:
        yield Difference(where, Kind.VALUES, f"{', '.join(sorted(has - knows))} not known")


def _texts(sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
    """Two expressions cannot be told to include each other: a change of one is a difference."""
    for word, kind in (("pattern", Kind.PATTERN), ("format", Kind.FORMAT)):
        wanted = taken.get(word)
        if wanted is None or sent.get(word) == wanted:
            continue
        values = _known_values(sent)
        if word == "pattern" and values and all(re.search(wanted, str(json.loads(value))) for value in values):
            continue
        yield Difference(where, kind, f"{sent.get(word, 'any')} where {wanted} is asked")


def _bounds(sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
    for word in (*_LOWER, *_UPPER):
        wanted, given = taken.get(word), sent.get(word)
        if wanted is None or (given is not None and (given >= wanted if word in _LOWER else given <= wanted)):
            continue
        if not (word in _LOWER and wanted == 0):
            yield Difference(where, Kind.BOUNDS, f"{word} {given} where {wanted} is asked")
    for sign, word in ((1, "Minimum"), (-1, "Maximum")):
        wanted, given = _edge(taken, word, sign), _edge(sent, word, sign)
        if wanted is not None and (given is None or given < wanted):
            yield Difference(where, Kind.BOUNDS, f"{word.lower()} differs")


def _edge(schema: Schema, word: str, sign: int) -> tuple[float, bool] | None:
    """Give the strictest of the two bounds of a side as (value, exclusive), turned so that larger is stricter."""
    plain, exclusive = schema.get(word.lower()), schema.get(f"exclusive{word}")
    edges = [(sign * value, strict) for value, strict in ((plain, False), (exclusive, True)) if value is not None]
    return max(edges, default=None)


def _others(sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
    if taken.get("uniqueItems") and not sent.get("uniqueItems"):
        yield Difference(where, Kind.BOUNDS, "items may be repeated")
    step, own = taken.get("multipleOf"), sent.get("multipleOf")
    if step and (own is None or own % step):
        yield Difference(where, Kind.BOUNDS, f"multipleOf {own} where {step} is asked")
    for word in (sent.keys() | taken.keys()) - _JUDGED - _NOTES:
        if sent.get(word) != taken.get(word):
            yield Difference(where, Kind.OTHER, f"{word}: {sent.get(word)!r} is not {taken.get(word)!r}")


def _default(sent: Schema, taken: Schema, where: str) -> Iterator[Difference]:
    """Who reads an older event puts the default where a member is absent: another default is another meaning."""
    if "default" in sent and "default" in taken and sent["default"] != taken["default"]:
        yield Difference(where, Kind.DEFAULT, f"{sent['default']!r} was {taken['default']!r}")
