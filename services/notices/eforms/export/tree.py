"""A notice under construction: each business term is put at its place, with its fixed attributes, in the order of the schema.

Where terms stand comes from the table of the SDK (`terms.json`, built by deploy/reference/eforms_terms.py). A term that the
notice's subtype has no place for is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from lxml import etree

from services.notices.eforms.xml import NAMESPACES, ROOTS, Element, find, prefixed

__all__ = ["EXTENSION", "Tree", "has_place", "insert", "path_of"]

EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
"""Below the root, and below what the regulation added to UBL."""
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOCUMENTS: Final = {document: tag for tag, document in ROOTS.items()}


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("terms.json").read_text("utf-8"))
    return table


def path_of(term: str) -> str:
    """Give the absolute path of a term of the SDK, by its full identifier: BT-21-Lot."""
    return str(_table()["terms"][term]["path"])


@cache
def has_place(term: str, subtype: str) -> bool:
    """Say whether a subtype may hold a term."""
    forbidden = _table()["terms"][term].get("forbidden")
    return forbidden is None or subtype not in _table()["groups"][forbidden]


@cache
def _steps(term: str) -> tuple[str, ...]:
    """Give the steps of a term's path below the root, cut at the slashes outside predicates."""
    found, depth = [""], 0
    for letter in path_of(term).removeprefix("/*/"):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "/" and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return tuple(found)


class Tree:
    """A notice of one subtype, in one language."""

    def __init__(self, root: Element, subtype: str, language: str) -> None:
        self.root = root
        self.subtype = subtype
        self._language = language

    @classmethod
    def new(cls, document: str, subtype: str, language: str) -> Tree:
        """Give an empty notice: a CN, a CAN or a PIN."""
        tag = _DOCUMENTS[document]
        own = cast("dict[str, str]", {None: etree.QName(tag).namespace, **NAMESPACES})  # None: the default one
        return cls(etree.Element(tag, nsmap=own), subtype, language)

    def put(
        self, parent: Element, term: str, value: object, *, fresh: bool = False, **attributes: str
    ) -> Element | None:
        """Write a term below an element, and give its element; None where there is nothing to say or no place for it.

        Elements on the way are shared with terms already there; `fresh` opens a section of its own, for a value more.
        """
        if value is None or value == "" or not has_place(term, self.subtype):
            return None
        steps = list(_steps(term)[_depth(parent) :])
        for step in steps[:-1]:
            known = None if fresh and "[" in step else find(parent, step)
            fresh = fresh and "[" not in step
            parent = known if known is not None else self._insert(parent, step.partition("[")[0])
        element = self._insert(parent, steps[-1].partition("[")[0])
        element.text = _written(value)
        self._describe(element, term, attributes)
        return element

    def put_each(self, parent: Element, term: str, values: Iterable[object]) -> None:
        """Write every value of a term, each in its own section."""
        for value in values:
            self.put(parent, term, value, fresh=True)

    def add(self, parent: Element, path: str) -> Element:
        """Give a new element at a path below another; only the elements on the way are shared."""
        way, _, last = path.rpartition("/")
        return self._insert(self.section(parent, way) if way else parent, last)

    def section(self, parent: Element, path: str) -> Element:
        """Give the element at a path below another, made where there is none."""
        for step in path.split("/"):
            known = find(parent, step)
            parent = known if known is not None else self._insert(parent, step)
        return parent

    def _describe(self, element: Element, term: str, attributes: dict[str, str]) -> None:
        for name, value in _table()["terms"][term].get("attributes", {}).items():
            given = attributes.get(name) or value or (self._language if name == "languageID" else None)
            if given:
                element.set(name, given)

    def set(self, parent: Element, term: str, value: object) -> None:
        """Give a term below an element another value; written where it is not there yet."""
        steps = "/".join(_steps(term)[_depth(parent) :])
        known = find(parent, steps)
        if known is None:
            self.put(parent, term, value)
        else:
            known.text = _written(value)

    def _insert(self, parent: Element, name: str) -> Element:
        prefix, _, local = name.partition(":")
        return insert(parent, etree.Element(f"{{{NAMESPACES[prefix]}}}{local}"))


def insert(parent: Element, element: Element) -> Element:
    """Put an element below another, after those that the schema puts before it or beside it."""
    order = _table()["order"].get("*" if parent.getparent() is None else prefixed(parent.tag), [])
    ranks = {tag: rank for rank, tag in enumerate(order)}
    own = ranks.get(prefixed(element.tag), len(order))
    later = (child for child in parent if isinstance(child.tag, str) and ranks.get(prefixed(child.tag), -1) > own)
    follower = next(later, None)
    if follower is None:
        parent.append(element)
    else:
        follower.addprevious(element)
    return element


def _depth(element: Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _written(value: object) -> str:
    """Give a value as text; characters that no XML can carry (XML 1.0, section 2.2) are blanks."""
    return str(value).lower() if isinstance(value, bool) else _UNWRITABLE.sub(" ", str(value))
