"""A DECP record as XML (official XSD 2.0.2: the State made none for 2.0.3, whose items are the same)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from libs.common import standards

__all__ = ["XSD", "element", "faults", "to_bytes"]

_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that no XML 1.0 document may hold."""
XSD = "schema_decp_v2.0.2.xsd"


def element(record: dict[str, Any]) -> etree._Element:
    """Give the `marche` element of a record. The members of the JSON form keep their names."""
    return _element("marche", record)


def to_bytes(record: dict[str, Any]) -> bytes:
    """Give the `marche` element as UTF-8 text, without declaration."""
    return etree.tostring(element(record), encoding="utf-8", xml_declaration=False)


def faults(record: dict[str, Any]) -> list[str] | None:
    """Give what the official XSD says against a record; None when it is not at hand."""
    schema = _schema(standards.folder())
    if schema is None:
        return None
    root = etree.Element("marches")
    root.append(element(record))
    try:
        schema.assertValid(root)
    except etree.DocumentInvalid as error:
        return [str(error)]
    return []


def _element(name: str, value: object) -> etree._Element:
    node = etree.Element(name)
    if isinstance(value, dict):
        for member, content in value.items():
            _add(node, member, content)
    elif isinstance(value, list):
        for wrapped in value:
            for member, content in wrapped.items():
                _add(node, member, content)
    else:
        node.text = _text(value)
    return node


def _add(node: etree._Element, member: str, content: object) -> None:
    """Add a member; a list of plain values is the element repeated."""
    if isinstance(content, list) and not any(isinstance(each, dict) for each in content):
        node.extend(_element(member, each) for each in content)
    else:
        node.append(_element(member, content))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return _NOT_XML.sub(" ", str(value))


@cache
def _schema(folder: Path | None) -> etree.XMLSchema | None:
    path = folder / "decp" / "schema" / XSD if folder else None
    if path is None or not path.is_file():
        return None
    return etree.XMLSchema(etree.parse(str(path)))
