"""The project's own check of essential data: each item of the table, and the rules that no schema can say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from services.opendata.decp.table import (
    BooleanItem,
    ChoiceItem,
    Form,
    Item,
    ListItem,
    NumberItem,
    ObjectItem,
    TextItem,
    form,
)

__all__ = ["Path", "Problem", "check", "check_document"]

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where, the item's French name, and what is wrong, in French and English."""

    path: Path
    name: str
    message: str
    message_en: str

    @property
    def pointer(self) -> str:
        """The JSON pointer (RFC 6901)."""
        return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.path)


def check(record: object, name: Form = "marche", at: Path = ()) -> list[Problem]:
    """Give every fault of one contract or concession against the official items; empty when it is right."""
    return list(_check(record, form(name), at))


def check_document(document: object) -> list[Problem]:
    """Give every fault of a whole file: its envelope, then each contract and concession."""
    marches = document.get("marches") if isinstance(document, dict) else None
    if not isinstance(marches, dict):
        told = "l'objet « marches » manque", "object `marches` is missing"
        if isinstance(marches, list):
            told = "« marches » est une liste : format d'avant 2024", "`marches` is a list: the format before 2024"
        return [_problem(("marches",), "Enveloppe", *told)]
    forms: tuple[Form, ...] = ("marche", "contrat-concession")
    if not any(name in marches for name in forms):
        told = "ni « marche » ni « contrat-concession »", "neither `marche` nor `contrat-concession`"
        return [_problem(("marches",), "Enveloppe", *told)]
    problems: list[Problem] = []
    for name in forms:
        listed = marches.get(name, [])
        if not isinstance(listed, list):
            problems.append(_problem(("marches", name), name, "une liste est attendue", "a list is expected"))
            continue
        for number, record in enumerate(listed):
            problems += check(record, name, ("marches", name, number))
    return problems


def _check(value: object, item: Item, at: Path) -> Iterator[Problem]:
    match item:
        case ObjectItem():
            yield from _object(value, item, at)
        case ListItem():
            yield from _list(value, item, at)
        case ChoiceItem():
            yield from _choice(value, item, at)
        case TextItem():
            yield from _text(value, item, at)
        case NumberItem():
            yield from _number(value, item, at)
        case BooleanItem():
            if not isinstance(value, bool):
                yield _problem(at, item.name, "vrai ou faux est attendu", "true or false is expected")


def _object(value: object, item: ObjectItem, at: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _problem(at, item.name, "un objet est attendu", "an object is expected")
        return
    for name in item.required:
        if name not in value:
            yield _problem((*at, name), item.items[name].name, "donnée manquante", "missing")
    for name, member in value.items():
        if name in item.items:
            yield from _check(member, item.items[name], (*at, name))
        elif item.closed:
            yield _problem((*at, name), name, "donnée inconnue du format", "not an item of the format")


def _list(value: object, item: ListItem, at: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield _problem(at, item.name, "une liste est attendue", "a list is expected")
        return
    if len(value) < item.min:
        yield _problem(at, item.name, "la liste est vide", "the list is empty")
    if item.unique and len({_canonical(member) for member in value}) < len(value):
        yield _problem(at, item.name, "valeurs en double", "values are repeated")
    for number, member in enumerate(value):
        yield from _check(member, item.of, (*at, number))


def _choice(value: object, item: ChoiceItem, at: Path) -> Iterator[Problem]:
    if value not in item.values:
        admitted = ", ".join(item.values)
        yield _problem(
            at, item.name, f"valeur inconnue ; valeurs admises : {admitted}", f"unknown value; permitted: {admitted}"
        )


def _text(value: object, item: TextItem, at: Path) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _problem(at, item.name, "un texte est attendu", "a text is expected")
    elif len(value) < item.min:
        yield _problem(at, item.name, "le texte est vide", "the text is empty")
    elif item.max is not None and len(value) > item.max:
        yield _problem(
            at, item.name, f"{item.max} caractères au plus (ici {len(value)})", f"at most {item.max} characters"
        )
    elif item.pattern and not _fits(item.pattern, value):
        yield _problem(at, item.name, f"forme attendue : {item.pattern}", f"expected form: {item.pattern}")


def _fits(pattern: str, value: str) -> bool:
    """Look for a pattern as JSON Schema does: ASCII digits, and `$` is the very end."""
    return re.search(re.sub(r"\$$", r"\\Z", pattern), value, re.ASCII) is not None


def _number(value: object, item: NumberItem, at: Path) -> Iterator[Problem]:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        yield _problem(at, item.name, "un nombre est attendu", "a number is expected")
    elif item.kind == "integer" and value != int(value):
        yield _problem(at, item.name, "un nombre entier est attendu", "a whole number is expected")
    elif item.min is not None and value < item.min:
        yield _problem(at, item.name, f"au moins {item.min:g} est attendu", f"at least {item.min:g} is expected")
    elif item.max is not None and value > item.max:
        yield _problem(at, item.name, f"au plus {item.max:g} est attendu", f"at most {item.max:g} is expected")


def _canonical(value: object) -> str:
    """Give a text that is the same for equal JSON values: 1 and 1.0 are equal."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _problem(at: Path, name: str, message: str, message_en: str) -> Problem:
    return Problem(at, name, message, message_en)
