"""The unconditional rules of the eForms SDK, from the committed table: mandatory nodes and terms by subtype, code lists, patterns, lengths.

One walk of the node tree, by compiled paths. Conditional rules, forbidden terms and Schematron are not here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from libs.common.reference import cpv, nuts
from services.notices.eforms.problems import Problem
from services.notices.eforms.xml import Element, evaluate, prefixed, where

__all__ = ["SDK", "Subtype", "code_list", "faults", "subtype", "term_names"]

CORE: Final = frozenset(
    {
        "BT-701-notice", "OPP-070-notice", "BT-702(a)-notice", "OPT-300-Procedure-Buyer", "BT-500-Organization-Company",
        "BT-21-Procedure", "BT-262-Procedure", "BT-262-Lot", "BT-262-Part", "BT-137-Lot", "BT-21-Lot", "BT-105-Procedure",
    }
)  # fmt: skip
"""Terms without which a notice cannot be shown or searched: asked for whatever the SDK version of the notice."""

_SHORT: Final = 12  # a code list of at most so many codes is quoted in full


@dataclass(frozen=True, slots=True)
class Subtype:
    """A notice subtype of the SDK."""

    code: str
    document: str
    form_type: str
    notice_type: str
    legal_basis: str


@dataclass(frozen=True, slots=True)
class _Field:
    id: str
    term: str
    name: str
    path: str
    required: bool
    codes: str | None
    pattern: re.Pattern[str] | None
    length: int | None


@dataclass(slots=True)
class _Node:
    id: str
    path: str
    required: bool
    fields: list[_Field]
    children: list[_Node]


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("rules.json").read_text("utf-8"))
    return table


def _sdk() -> tuple[int, int]:
    major, minor = _table()["sdk"].split(".")
    return int(major), int(minor)


SDK: Final = _sdk()
"""The SDK version of the table."""


def subtype(code: str | None) -> Subtype | None:
    """Give a subtype of the SDK (1-40, CEI, E1-E6, T01, T02, X01, X02); None for a national or unknown one."""
    row = _table()["subtypes"].get(code)
    return Subtype(code or "", *row) if row else None


@cache
def code_list(name: str) -> frozenset[str]:
    """Give the codes of a list of the SDK."""
    return frozenset(_table()["codelists"].get(name, ()))


@cache
def term_names() -> dict[str, str]:
    """Give the French name of each field, by its identifier."""
    return {row["id"]: row["name"] for row in _table()["fields"]}


@cache
def _plan(code: str) -> _Node:
    """Give the node tree of a subtype, without the branches that ask nothing."""
    groups, nodes = _table()["groups"], {}
    for row in _table()["nodes"]:
        required = "required" in row and code in groups[row["required"]]
        nodes[row["id"]] = _Node(row["id"], row["path"], required, [], [])
    for row in _table()["fields"]:
        nodes[row["node"]].fields.append(_field(row, code, groups))
    for row in reversed(_table()["nodes"]):
        node = nodes[row["id"]]
        if row["parent"] and (node.required or node.fields or node.children):
            nodes[row["parent"]].children.insert(0, node)
    return nodes["ND-Root"]


def _field(row: dict[str, Any], code: str, groups: list[list[str]]) -> _Field:
    return _Field(
        id=row["id"],
        term=row["term"],
        name=row["name"],
        path=row["path"],
        required="required" in row and code in groups[row["required"]],
        codes=row.get("codes"),
        pattern=re.compile(row["pattern"]) if "pattern" in row else None,
        length=row.get("length"),
    )


def faults(root: Element, code: str) -> Iterator[Problem]:
    """Give every fault of a notice against the rules of its subtype, then its empty elements."""
    seen: set[Element] = set()
    yield from _walk(_plan(code), root, seen)
    for element in root.iter():
        if not len(element) and not (element.text or "").strip() and element not in seen:
            yield _empty(prefixed(element.tag), element)


def _walk(node: _Node, element: Element, seen: set[Element]) -> Iterator[Problem]:
    for field in node.fields:
        yield from _check_field(field, element, seen)
    for child in node.children:
        found = [item for item in evaluate(element, child.path) if isinstance(item, Element)]
        if child.required and not found:
            yield from _absent(child, where(element))
        for item in found:
            yield from _walk(child, item, seen)


def _check_field(field: _Field, element: Element, seen: set[Element]) -> Iterator[Problem]:
    found = evaluate(element, field.path)
    if field.required and not found:
        yield _missing(field, where(element))
    for value in found:
        yield from _check_value(field, value, element, seen)


def _check_value(field: _Field, value: Element | str, parent: Element, seen: set[Element]) -> Iterator[Problem]:
    raw = value if isinstance(value, str) else (value.text or "")
    place = parent if isinstance(value, str) else value
    content = " ".join(raw.split())
    if not content:
        if not isinstance(value, str) and not len(value):
            seen.add(value)
            yield _empty(field.term, value, field)
        return
    if field.codes and not _known(field.codes, content):
        yield _unknown_code(field, content, where(place))
    if field.pattern and not field.pattern.search(content):
        yield _malformed(field, content, where(place))
    if field.length and len(raw.strip()) > field.length:
        yield _too_long(field, len(raw.strip()), where(place))


def _known(name: str, content: str) -> bool:
    if name == "cpv":
        return cpv.exists(content)
    if name == "nuts-lvl3":
        return nuts.exists(content) and nuts.level(content) == 3
    codes = code_list(name)
    return not codes or content in codes


def _absent(node: _Node, path: str) -> Iterator[Problem]:
    """Name the mandatory terms of a node that is not there; the node itself if it has none of its own."""
    inside = f"{path}/{node.path}"
    wanted = [field for field in node.fields if field.required]
    below = [child for child in node.children if child.required]
    for field in wanted:
        yield _missing(field, inside)
    for child in below:
        yield from _absent(child, inside)
    if not wanted and not below:
        yield Problem(
            node.id,
            inside,
            f"La section {node.path} manque : ajoutez-la sous {path}.",
            f"The section {node.path} is missing: add it under {path}.",
        )


def _missing(field: _Field, path: str) -> Problem:
    return Problem(
        field.term,
        f"{path}/{field.path}",
        f"{field.term} ({field.name}) manque : ajoutez {field.path} sous {path}.",
        f"{field.term} is missing: add {field.path} under {path}.",
        core=field.id in CORE,
    )


def _empty(term: str, element: Element, field: _Field | None = None) -> Problem:
    name = f"{term} ({field.name})" if field else f"L'élément {term}"
    return Problem(
        term,
        where(element),
        f"{name} est vide : donnez sa valeur, ou supprimez l'élément.",
        f"{term} is empty: give its value, or remove the element.",
        core=field is not None and field.required and field.id in CORE,
    )


def _unknown_code(field: _Field, content: str, path: str) -> Problem:
    shown = content[:60]
    codes = sorted(code_list(field.codes or ""))
    choice = (
        f" Valeurs possibles : {', '.join(codes)}." if 0 < len(codes) <= _SHORT else _HINTS.get(field.codes or "", "")
    )
    return Problem(
        field.term,
        path,
        f"{field.term} ({field.name}) : « {shown} » n'est pas dans la liste {field.codes}.{choice}",
        f"{field.term}: '{shown}' is not in the list {field.codes}.",
        core=field.codes in {"cpv"},
    )


_HINTS: Final = {
    "cpv": " Donnez un code de la nomenclature CPV 2008, 8 chiffres sans clé, par exemple 45233140.",
    "nuts-lvl3": " Donnez un code NUTS de niveau 3, par exemple FRC11 pour la Côte-d'Or.",
}


def _malformed(field: _Field, content: str, path: str) -> Problem:
    return Problem(
        field.term,
        path,
        f"{field.term} ({field.name}) : « {content[:60]} » n'a pas la forme attendue{_form(field)}.",
        f"{field.term}: '{content[:60]}' does not have the expected form.",
    )


def _form(field: _Field) -> str:
    tail = field.path.rpartition(":")[2]
    if "Date" in tail:
        return ", une date avec son fuseau, par exemple 2026-12-15+01:00"
    if "Time" in tail:
        return ", une heure avec son fuseau, par exemple 12:00:00+01:00"
    pattern = field.pattern.pattern if field.pattern else ""
    return f" ({pattern})" if len(pattern) <= 80 else ""


def _too_long(field: _Field, length: int, path: str) -> Problem:
    return Problem(
        field.term,
        path,
        f"{field.term} ({field.name}) : {length} caractères, {field.length} au plus ; raccourcissez le texte.",
        f"{field.term}: {length} characters, {field.length} at most.",
    )
