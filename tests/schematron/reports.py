"""What the official Schematron reports of the SDK's examples say, to hold our judge to them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from lxml import etree

from libs.common import standards
from tests.schematron.judge import Breach

__all__ = ["difference", "examples"]

_ASSERTED: Final = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
_SINCE: Final = frozenset({"BR-BT-13713-0123", "BR-BT-00137-0215", "BR-OPT-00322-0053"})
"""The reports are older than the rules: SDK 1.15 added rules on statistics (t-large) and on mandatory attributes (`_MA`)."""


def examples(pattern: str = "*") -> list[tuple[str, bytes, Counter[str]]]:
    """Give the examples that have a report: name, notice, and how often it breaks each fatal rule. None where they are absent."""
    folder = standards.folder()
    if folder is None:
        return []
    paths = sorted((folder / "eforms" / "reports").glob(f"{pattern}.svrl"))
    return [
        (path.stem, (folder / "eforms" / "notices" / f"{path.stem}.xml").read_bytes(), _fatal(path)) for path in paths
    ]


def difference(reported: Counter[str], judged: list[Breach]) -> tuple[list[str], list[str]]:
    """Give the fatal rules that only the report has, and those that only we find and the reports could have known."""
    ours = Counter(breach.rule for breach in judged if breach.role == "ERROR")
    extra = [rule for rule in (ours - reported) if not rule.endswith("_MA") and rule not in _SINCE]
    return sorted(reported - ours), sorted(extra)


def _fatal(path: Path) -> Counter[str]:
    found = etree.parse(path).iter(_ASSERTED)
    return Counter(item.get("id", "") for item in found if item.get("role") == "ERROR")
