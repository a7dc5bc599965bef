"""Every term of a notice as data, also those that the platform's model does not know: nothing of an import is lost."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

from services.notices.eforms.xml import NAMESPACES, Element, evaluate, where

__all__ = ["Place", "Term", "places", "term_at"]

_FIELDS: Final = Path(__file__).with_name("sdk") / "fields.tsv"
_ROOT: Final = "/*/"
_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_BESIDE: Final = {"languageID", "currencyID", "unitCode"}
_STEP: Final = re.compile(r"(?P<name>@?[\w:]+)(?P<tests>(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])*)/?")
_CHOICE: Final = re.compile(r"not\((?P<path>[^()]*\(\)|[^()=]+)=\((?P<values>[^()]*)\)\)")


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a notice: a business term where its place is known."""

    term: str | None
    """BT-21, OPT-300...; None for what eForms does not know."""
    field: str | None
    """BT-21-Lot"""
    label: str | None
    """In French."""
    path: str
    value: str
    language: str | None = None
    currency: str | None = None
    unit: str | None = None
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    """What else the notice says of the value: listName, schemeName..."""


@dataclass(frozen=True, slots=True)
class _Known:
    field: str
    term: str
    label: str


@dataclass(slots=True)
class _Node:
    known: _Known | None = None
    attributes: dict[str, _Known] = dataclasses.field(default_factory=dict)
    children: dict[str, dict[str, _Node]] = dataclasses.field(default_factory=dict)
    """By the tag of the element, then by its tests (`[cbc:ID/@schemeName='Lot']`, or nothing)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: an element, or one of its attributes."""

    element: Element
    known: _Known | None
    attribute: str | None = None


@cache
def _tree() -> _Node:
    """Give the places of all terms as a tree of element names, from the SDK's table."""
    root = _Node()
    for line in _FIELDS.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        key, term, label, path = line.split("\t")[:4]
        _plant(root, path.replace("~", _EXTENSION).removeprefix(_ROOT), _Known(key, term, label))
    return root


def _plant(node: _Node, path: str, known: _Known) -> None:
    for step in _STEP.finditer(path):
        name, tests = step["name"], step["tests"]
        if name.startswith("@"):
            node.attributes.setdefault(name[1:], known)
            return
        prefix, _, local = name.partition(":")
        tag = f"{{{NAMESPACES[prefix]}}}{local}"
        node = node.children.setdefault(tag, {}).setdefault(_CHOICE.sub(_spell, tests), _Node())
    node.known = node.known or known


def _spell(match: re.Match[str]) -> str:
    """Give the XPath 1.0 form of a comparison with a list, the one idiom of 2.0 that the SDK's paths use."""
    tests = (f"{match['path']}={value.strip()}" for value in match["values"].split(","))
    return f"not({' or '.join(tests)})"


def places(root: Element) -> list[Place]:
    """Give the place of every value, in the order of the document. What the public may not read is taken out before."""
    return list(_visit(root, [_tree()]))


def _visit(element: Element, nodes: list[_Node]) -> Iterator[Place]:
    if (element.text or "").strip():
        yield Place(element, next((node.known for node in nodes if node.known), None))
    for name in map(str, element.keys()):
        known = next((node.attributes[name] for node in nodes if name in node.attributes), None)
        if known and name not in _BESIDE and not known.field.endswith(("-List", "-Scheme")):
            yield Place(element, known, name)
    for child in element:
        yield from _visit(child, [found for node in nodes for found in _matching(node, child)])


def _matching(node: _Node, child: Element) -> Iterator[_Node]:
    for tests, found in node.children.get(child.tag, {}).items():
        if not tests or evaluate(child, f"self::node(){tests}"):
            yield found


def term_at(place: Place) -> Term:
    """Give the term at a place."""
    element, known, attribute = place.element, place.known, place.attribute
    beside = {etree.QName(name).localname: str(value) for name, value in element.items()}
    return Term(
        term=known.term if known else None,
        field=known.field if known else None,
        label=known.label if known else None,
        path=where(element) + (f"/@{attribute}" if attribute else ""),
        value=beside[attribute] if attribute else (element.text or "").strip(),
        language=beside.get("languageID"),
        currency=beside.get("currencyID"),
        unit=beside.get("unitCode"),
        attributes={} if attribute else {name: value for name, value in beside.items() if name not in _BESIDE},
    )
