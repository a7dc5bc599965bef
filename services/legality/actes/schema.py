"""Check a message against the official ACTES schema where it is at hand, else say that it is not."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from lxml import etree

from libs.common import standards
from services.legality.actes.xml import read

__all__ = ["NOT_AVAILABLE", "check", "validated_with"]

NOT_AVAILABLE = "official schema not available, checked with our own model"
_PLACE = Path("actes") / "xsd" / "actesv1_1.xsd"


def validated_with() -> str:
    """Say against what messages are checked on this machine."""
    return _PLACE.name if _official() is not None else NOT_AVAILABLE


def check(data: bytes) -> list[str]:
    """Give the faults of a message by the official schema; none also when the schema is not at hand."""
    schema = _official()
    if schema is None:
        return []
    root, forgiven = read(data)
    schema.validate(root)
    log: Any = schema.error_log  # the stubs do not know that it can be walked
    return [*forgiven, *(str(error.message) for error in log)]


def _official() -> etree.XMLSchema | None:
    folder = standards.folder()
    path = folder / _PLACE if folder else None
    return _compiled(path) if path is not None and path.is_file() else None


@functools.cache
def _compiled(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))
