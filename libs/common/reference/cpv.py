"""The common procurement vocabulary (regulation (EC) 213/2008): a tree of 9,454 codes of 8 digits.

A code is known when the table holds it. The ninth digit is never used to decide: 532 official codes do not follow its formula.
"""

from __future__ import annotations

import re
from functools import cache

from libs.common.reference.tables import rows

__all__ = ["UnknownCpvError", "ancestors", "codes", "exists", "label", "normalise", "parent", "stem"]

_WRITTEN = re.compile(r"^(\d{8})(-\d)?$")


class UnknownCpvError(LookupError):
    """No such code in the vocabulary."""


@cache
def _labels() -> dict[str, tuple[str, str]]:
    return {code: (french, english) for code, french, english in rows("cpv")}


@cache
def codes() -> frozenset[str]:
    """Give every code of the vocabulary."""
    return frozenset(_labels())


def exists(code: str) -> bool:
    """Say whether the vocabulary holds this code of 8 digits."""
    return code in _labels()


def normalise(written: str) -> str | None:
    """Give the 8 digits of a known code written with or without its check digit (`45233140-2`); None if unknown."""
    match = _WRITTEN.match(written.strip())
    return match[1] if match and exists(match[1]) else None


def label(code: str, language: str = "fr") -> str:
    """Give the label of a code, in French unless English (`en`) is asked. Raises UnknownCpvError."""
    try:
        return _labels()[code][0 if language == "fr" else 1]
    except KeyError:
        raise UnknownCpvError(code) from None


def stem(code: str) -> str:
    """Give the digits that every code below this one begins with: `45200000` gives `452`; a division keeps two."""
    return code.rstrip("0").ljust(2, "0")


def parent(code: str) -> str | None:
    """Give the code just above in the tree; None for a division. Raises UnknownCpvError."""
    if not exists(code):
        raise UnknownCpvError(code)
    for length in range(len(stem(code)) - 1, 1, -1):
        above = code[:length].ljust(8, "0")
        if exists(above):
            return above
    return None


def ancestors(code: str) -> tuple[str, ...]:
    """Give the codes above, nearest first. Raises UnknownCpvError."""
    above = parent(code)
    return (above, *ancestors(above)) if above else ()
