"""The content of a notice of an old format, in the platform's terms."""

from __future__ import annotations

from typing import Final

from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.eforms.model import ParsedNotice
from services.notices.legacy.notice import LegacyNotice

__all__ = ["content_of"]

_FORMAL: Final = frozenset({"open", "restricted", "neg-w-call", "comp-dial"})
"""Formal procedures (R2124-1 CCP)."""
_LIGHT: Final = frozenset({"12", "13", "14", "19", "20", "21", "28", "32", "33", "34", "35", "40"})
"""Social and other specific services, and concessions: never formal, whatever their procedure is called."""


def content_of(legacy: LegacyNotice, notice: ParsedNotice) -> NoticeContent:
    """Give the content of a notice that was accepted.

    The procedure is the one it told: the thresholds of its day are not in our rules, and it says itself what it was. What
    it changes is the notice that it names, not a reference of the old journal.
    """
    published = legacy.published_at
    if published is None:
        raise ValueError("a notice without a day of publication is not accepted")
    content = drafting.content_of(notice, notice.buyers[0], published.date())
    procedure = notice.procedure_type or "unspecified"
    formal = content.kind != "planning" and procedure in _FORMAL and content.subtype not in _LIGHT
    changed = next(iter(legacy.follows), None)
    change = content.change.model_copy(update={"notice_id": changed}) if content.change else None
    return content.model_copy(update={"procedure_type": procedure, "formal": formal, "change": change})
