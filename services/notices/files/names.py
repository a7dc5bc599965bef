"""Names of files: those a buyer may give, and those an archive may hold so that any system can write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["archive_names", "normal"]

_UNSAFE: Final = re.compile(r'[<>:"|?*/\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.I)
_LONGEST: Final = 200
"""bytes in UTF-8, with room for a number: file systems take 255"""


def normal(name: str) -> str:
    """Give a name in composed form (NFC), so that the same name typed on two systems is one document."""
    return unicodedata.normalize("NFC", name).strip()


def archive_names(names: Iterable[str]) -> Iterator[str]:
    """Give, for each name in turn, one that every system can write beside the others, whatever their case."""
    taken: set[str] = set()
    for name in names:
        stem, end = _parts(name)
        chosen, number = stem + end, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{stem} ({number}){end}"
        taken.add(chosen.casefold())
        yield chosen


def _parts(name: str) -> tuple[str, str]:
    """Give a safe name as what may be numbered and its extension."""
    safe = _UNSAFE.sub("_", normal(name)).strip(". ") or "document"
    if _RESERVED.match(safe):
        safe = f"_{safe}"
    stem, dot, end = safe.rpartition(".")
    if not dot or len(end.encode()) > 20:
        stem, end = safe, ""
    return _cut(stem, _LONGEST).rstrip(". "), dot + end if end else ""


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
