"""Validation against the official XSD (UBL 2.3 and eForms extensions), where it is at hand."""

from __future__ import annotations

import re
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
        f"Ligne {error.line} : non conforme au schéma officiel : {_french(message)}",
        f"Line {error.line}: not valid against the official schema: {message}",
    )


_SAYINGS: Final = tuple(
    (re.compile(pattern), told)
    for pattern, told in (
        (r"Element '(.+?)': This element is not expected\. Expected is (?:one of )?\( (.+) \)\.",
         "{0} n'est pas attendu ici, mais {1} : remettez-le à sa place dans l'ordre du schéma, ou supprimez-le."),
        (r"Element '(.+?)': This element is not expected\.", "{0} n'est pas attendu ici : supprimez-le, ou mettez-le à sa place."),
        (r"Element '(.+?)': Missing child element\(s\)\. Expected is (?:one of )?\( (.+) \)\.",
         "{0} est incomplet : ajoutez-y {1}."),
        (r"Element '(.+?)', attribute '(.+?)': The attribute '.+?' is not allowed\.", "{0} n'a pas d'attribut {1} : supprimez-le."),
        (r"Element '(.+?)': The attribute '(.+?)' is required but missing\.", "{0} doit porter l'attribut {1} : ajoutez-le."),
    )
)  # fmt: skip
"""What libxml2 says of nearly every fault, and how to mend it."""


def _french(message: str) -> str:
    """Give a message of libxml2 in French, as it is where it says something rarer."""
    found = ((pattern.fullmatch(message), told) for pattern, told in _SAYINGS)
    return next((told.format(*match.groups()) for match, told in found if match), message)


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
