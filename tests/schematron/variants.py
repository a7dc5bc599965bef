"""Notices with one thing changed, of each kind that goes wrong in practice: what our rules say of them must be what the Schematron says."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Final

from lxml import etree

from services.notices.eforms import xml
from services.notices.eforms.sdk import branches, plan, syntax
from services.notices.eforms.xml import Element
from tests.schematron.judge import Breach

__all__ = ["difference", "mutants"]

_KEPT: Final = {
    "SubTypeCode",
    "NoticeSubType",
    "CustomizationID",
    "UBLExtensions",
    "UBLExtension",
    "ExtensionContent",
    "EformsExtension",
}
"""What says which rules hold, and what it stands in."""
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_COMPARED: Final = 150  # characters of a test: the judge quotes its beginning

Change = Callable[[Element], None]


def _remove(element: Element) -> None:
    _above(element).remove(element)


def _double(element: Element) -> None:
    element.addnext(deepcopy(element))


def _above(element: Element) -> Element:
    above = element.getparent()
    if above is None:
        raise ValueError("the root is not changed")
    return above


def _written(change: Callable[[str], str]) -> Change:
    def write(element: Element) -> None:
        element.text = change(element.text or "")

    return write


def _hollow(element: Element) -> None:
    del element[:]


def _bare(element: Element) -> None:
    element.attrib.clear()


def _foreign(element: Element) -> None:
    for name in element.attrib:
        element.set(name, "zzz")


_ANY: Final[dict[str, Change]] = {"removed": _remove, "doubled": _double}
_LEAF: Final[dict[str, Change]] = {
    "emptied": _written(lambda _: ""),
    "unknown": _written(lambda _: "zzz"),
    "long": _written(lambda text: text + "x" * 7_000),
    "blank": _written(lambda text: f"  {text} "),
    "negative": _written(lambda text: f"-{text}"),
    "fraction": _written(lambda text: f"{text}.123"),
    "bare": _bare,
    "foreign": _foreign,
}
_DATE: Final[dict[str, Change]] = {
    "past": _written(lambda text: "1999" + text[4:]),
    "future": _written(lambda text: "2098" + text[4:]),
    "without zone": _written(lambda text: text[:10]),
}


def mutants(notice: bytes, seed: str, most: int) -> Iterator[tuple[str, bytes]]:
    """Give up to `most` notices with one thing changed, always the same for a seed, each with what was done to it."""
    root = etree.fromstring(notice, etree.XMLParser(remove_comments=True, remove_pis=True))
    chosen = [
        (name, place, change)
        for place, element in enumerate(root.iter())
        if place and etree.QName(element).localname not in _KEPT
        for name, change in _changes(element).items()
    ]
    random.Random(seed).shuffle(chosen)
    for name, place, change in chosen[:most]:
        changed = deepcopy(root)
        element = list(changed.iter())[place]
        told = f"{name} {xml.where(element)}"
        change(element)
        yield told, etree.tostring(changed)


def _changes(element: Element) -> dict[str, Change]:
    if len(element):
        return _ANY | {"hollow": _hollow}
    return _ANY | _LEAF | (_DATE if _DAY.match(element.text or "") else {})


def difference(notice: bytes, judged: list[Breach]) -> tuple[list[str], list[str]]:
    """Give the tests that the Schematron alone finds broken, and those that we alone do."""
    root = xml.parse(notice)
    code = xml.text(root, ".//efac:NoticeSubType/cbc:SubTypeCode") or ""
    found = plan.failures(branches.grow(root), code, 10_000)
    ours = Counter(
        _kind(rule.subject if rule.subject == plan.EMPTY else rule.test.replace("~", syntax.EXTENSION))
        for rule, _ in found
    )
    theirs = Counter(_kind(each.rule if each.rule == plan.EMPTY else each.test) for each in judged)
    return sorted(theirs - ours), sorted(ours - theirs)


def _kind(test: str) -> str:
    """Give what a test asks, without the lists that it names: the two spell them in two ways."""
    spelled = " ".join(test.split())
    if spelled.startswith("matches"):
        return "matches"
    return re.sub(r"#[\w-]+.*|\('.*|'[^']*'|[\s()]", "", spelled)[:_COMPARED]
