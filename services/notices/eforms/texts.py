"""Texts in several languages: the notice's own is chosen, then French, then the first."""

from __future__ import annotations

from services.notices.eforms.nodes import Node, find_all

__all__ = ["choose"]


def choose(element: Node | None, path: str, language: str | None) -> str | None:
    """Give the text at a path in the best language; lines are kept, other blanks normalised. None if there is none."""
    if element is None:
        return None
    found = [(item.get("languageID"), _clean(item.text or "")) for item in find_all(element, path)]
    written = [(code, words) for code, words in found if words]
    for wanted in (language, "FRA"):
        for code, words in written:
            if code == wanted:
                return words
    return written[0][1] if written else None


def _clean(raw: str) -> str:
    lines = (" ".join(line.split()) for line in raw.strip().splitlines())
    return "\n".join(lines).strip()
