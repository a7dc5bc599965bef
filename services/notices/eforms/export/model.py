"""What an export is made of, and the subtype that a notice goes out as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.notices.content import NoticeContent
from services.notices.eforms import rules

__all__ = ["EXPORTED", "ExportedNotice", "subtype_of"]

EXPORTED: Final = frozenset({"4", "16", "19", "29", "32", "38", "40", "E1", "E2", "E3", "E4", "E6"})
"""The subtypes that the platform writes from its own content; an imported notice of any subtype goes out as it came in."""

_UTILITIES: Final = "32014L0025"
_DEFENCE: Final = "32009L0081"
_FORMS: Final = {
    "planning": ("4", "4", "5", "6"),
    "contract": ("16", "19", "17", "18"),
    "award": ("29", "32", "30", "31"),
    "modification": ("38", "40", "39", "E6"),
}
"""What the notice is: its subtype under directives 2014/24, 2014/23 (concessions), 2014/25 (utilities), 2009/81 (defence)."""
_VOLUNTARY: Final = {"planning": "E2", "contract": "E3", "award": "E4", "modification": "E6"}
"""Below the thresholds of the directives (implementing regulation (EU) 2022/2303)."""


_PLANNING: Final = frozenset({"pin-only", "pmc"})


@dataclass(frozen=True, slots=True)
class ExportedNotice:
    """A notice about to be written as eForms."""

    notice_id: UUID
    """BT-701"""
    version: int
    """BT-757, 1 to 99: of this very notice, one more each time it is sent again."""
    procedure_id: UUID
    """BT-04"""
    content: NoticeContent
    issued_at: datetime
    """BT-05: when it is sent."""
    documents_url: str | None = None
    """Where the platform offers the procurement documents, for a notice that names no place of its own (BT-15)."""
    submission_url: str | None = None
    """Where the platform takes tenders (BT-18)."""
    earlier: str | None = None
    """The published notice that this one changes or modifies, `<uuid>-<version>` or an OJ number (BT-758, BT-1501)."""
    source: bytes | None = None
    """The eForms XML that the notice was imported from, or that of the notice it changes: what it says beyond our model stays."""


def subtype_of(content: NoticeContent) -> str:
    """Give the eForms subtype of a notice: its own, else the one that the law gives to what it is."""
    voluntary = content.formal and content.subtype in _VOLUNTARY.values()
    if rules.subtype(content.subtype) and not voluntary:
        return content.subtype
    form = _form(content)
    if special := _special(content, form):
        return special
    if not content.formal and form in _VOLUNTARY:
        return _VOLUNTARY[form]
    ordinary, concession, utilities, defence = _FORMS[form]
    special = {_UTILITIES: utilities, _DEFENCE: defence}.get(content.legal_basis or "")
    return special or (concession if content.contract_kind == "concession" else ordinary)


def _special(content: NoticeContent, form: str) -> str | None:
    """Give the subtype of what has a form of its own: a market consultation, a contest, a qualification system."""
    if form == "planning" and content.notice_type == "pmc":
        return "E1"
    if "design-contest" in content.techniques and content.formal:
        return {"contract": "23", "award": "36"}.get(form)
    return "15" if "qualification-system" in content.techniques and form == "contract" else None


def _form(content: NoticeContent) -> str:
    """Give what a notice is; a change repeats the notice that it changes, in full."""
    if content.modification is not None:
        return "modification"
    if content.kind != "change":
        return content.kind
    if content.results:
        return "award"
    return "planning" if content.planned_on or content.notice_type in _PLANNING else "contract"
