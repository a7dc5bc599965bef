"""The values that an eForms notice asks to be withheld (efac:FieldsPrivacy): which, until when, and the notice without them.

A code of BT-195 names a field beside its request, as the field model of the SDK says. Where it stands elsewhere, the field
is withheld everywhere in the notice: nothing is disclosed by a misplaced request. A code that the SDK does not know withholds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from services.notices.domain.withheld import Withheld
from services.notices.eforms import numbers, texts
from services.notices.eforms.xml import NAMESPACES, Element, find_all, prefixed, text, values

__all__ = ["hide_withheld", "read_withheld", "remove", "term_of"]

_TABLES: Final = Path(__file__).resolve().parents[1] / "eforms" / "sdk"
_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_REQUEST: Final = f"{{{NAMESPACES['efac']}}}FieldsPrivacy"
_WRAPPERS: Final = frozenset({"efext:EformsExtension", "ext:ExtensionContent", "ext:UBLExtension", "ext:UBLExtensions"})
_LOTS: Final = {
    "efac:LotResult": "efac:TenderLot/cbc:ID",
    "efac:LotTender": "efac:TenderLot/cbc:ID",
    "cac:ProcurementProjectLot": "cbc:ID",
}
"""Where a section names its lot."""
_LOT: Final = "efac:TenderLot"
_COUNT: Final = "efbc:StatisticsNumeric"
_NO_COUNT: Final = "-1"
"""A count that is no count: the schema asks for one wherever it is told what was counted."""


@dataclass(frozen=True, slots=True)
class _Field:
    term: str
    beside: str
    """Its path from the section that holds the request."""
    anywhere: str
    """Its path in the notice."""


@cache
def _fields() -> dict[str, tuple[_Field, ...]]:
    """Give the fields that each code withholds, from the SDK's field model."""
    places = {key: path for key, _, _, path in _rows("fields.tsv")}
    found: dict[str, tuple[_Field, ...]] = {}
    for code, term, key, beside in _rows("privacy.tsv"):
        field = _Field(term, beside, places[key].replace("~", _EXTENSION))
        found[code] = (*found.get(code, ()), field)
    return found


def _rows(name: str) -> Iterator[list[str]]:
    for line in (_TABLES / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")[:4]


def term_of(code: str) -> str | None:
    """Give the business term that a code withholds (BT-720); None for a code that the SDK does not know."""
    fields = _fields().get(code)
    return fields[0].term if fields else None


def read_withheld(root: Element) -> tuple[Withheld, ...]:
    """Give what a notice asks to be withheld, in its order."""
    language = text(root, "cbc:NoticeLanguageCode")
    return tuple(_read(each, language) for each in root.iter(_REQUEST))


def _read(request: Element, language: str | None) -> Withheld:
    return Withheld(
        code=_code(request),
        until=numbers.instant(text(request, "efbc:PublicationDate")),
        lots=_lots(request),
        reason=text(request, "cbc:ReasonCode"),
        explanation=texts.choose(request, "efbc:ReasonDescription", language),
    )


def _code(request: Element) -> str:
    return text(request, "efbc:FieldIdentifierCode") or ""


def _lots(request: Element) -> tuple[str, ...]:
    for section in request.iterancestors():
        if path := _LOTS.get(prefixed(section.tag)):
            return tuple(values(section, path))
    return ()


def hide_withheld(root: Element, at: datetime) -> bool:
    """Take out of a notice what it withholds at an instant; say whether anything was there. The requests themselves stay.

    Codes are emptied where they stand: their list tells what the neighbours are. A count becomes -1, the lots of a group are emptied, for
    the schema asks for them. Other values go, with what held them alone. What is valid against the official schema stays valid.
    """
    targets = [
        element
        for request in root.iter(_REQUEST)
        if _read(request, None).holds(at)
        for element in _targets(root, request)
    ]
    for element in targets:
        _hide(element)
    return bool(targets)


def _hide(element: Element) -> None:
    name, parent = prefixed(element.tag), element.getparent()
    if name.endswith("Code") or (parent is not None and prefixed(parent.tag) == _LOT):
        element.text = None
    elif name == _COUNT:
        element.text = _NO_COUNT
    else:
        remove(element)


def _targets(root: Element, request: Element) -> list[Element]:
    fields = _fields().get(_code(request), ())
    section = _section(request)
    found = [element for field in fields for element in find_all(section, field.beside)]
    return found or [element for field in fields for element in find_all(root, field.anywhere)]


def _section(request: Element) -> Element:
    """Give what holds a request: the section itself, or the one that its extension is of."""
    return next(each for each in request.iterancestors() if prefixed(each.tag) not in _WRAPPERS)


def remove(element: Element) -> None:
    """Take an element out, and what is left empty by that."""
    parent = element.getparent()
    if parent is None:
        return
    parent.remove(element)
    if not len(parent) and not (parent.text or "").strip():
        remove(parent)
