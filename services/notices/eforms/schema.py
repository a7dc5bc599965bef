"""Validation against the official XSD (UBL 2.3 and eForms extensions), where it is at hand."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, cast

from lxml import etree

from libs.common import standards
from services.notices.eforms.problems import Problem
from services.notices.eforms.xml import NAMESPACES, Element, prefixed, where

__all__ = ["available", "faults"]

_FILES: Final = {
    "CN": "UBL-ContractNotice-2.3.xsd",
    "CAN": "UBL-ContractAwardNotice-2.3.xsd",
    "PIN": "UBL-PriorInformationNotice-2.3.xsd",
    "BRIN": "EFORMS-BusinessRegistrationInformationNotice.xsd",
}
_MOST: Final = 50


def available() -> bool:
    """Say whether the official schema is on this machine."""
    return _folder() is not None


def _folder() -> Path | None:
    folder = standards.folder()
    path = folder / "eforms" / "xsd" / "maindoc" if folder else None
    return path if path and path.is_dir() else None


def faults(root: Element, document: str) -> list[Problem]:
    """Give the faults against the official schema; against our own list of namespaces where the schema is absent."""
    folder = _folder()
    if folder is None:
        return list(_foreign(root))
    schema = _schema(folder / _FILES[document])
    if schema.validate(root):
        return []
    log = cast("Iterable[etree._LogEntry]", schema.error_log)  # noqa: SLF001  # lxml gives its log entry no public name
    return [_problem(error) for error in log][:_MOST]


@cache
def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(path, etree.XMLParser(no_network=True)))


def _problem(error: etree._LogEntry) -> Problem:
    message = error.message
    for prefix, uri in NAMESPACES.items():
        message = message.replace(f"{{{uri}}}", f"{prefix}:")
    return Problem(
        "XSD",
        error.path or f"ligne {error.line}",
        f"Ligne {error.line} : non conforme au schéma officiel : {message}",
        f"Line {error.line}: not valid against the official schema: {message}",
    )


def _foreign(root: Element) -> list[Problem]:
    own = etree.QName(root).namespace
    known = {*NAMESPACES.values(), own}
    strangers = (element for element in root.iter() if etree.QName(element).namespace not in known)
    return [
        Problem(
            "XSD",
            where(element),
            f"L'élément {prefixed(element.tag)} n'appartient pas à eForms : supprimez-le.",
            f"The element {prefixed(element.tag)} does not belong to eForms: remove it.",
        )
        for element, _ in zip(strangers, range(_MOST), strict=False)
    ]
