"""Markup in texts: an eForms text holds none, for readers see it as it is written, and a page must never run it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from services.notices.eforms.problems import Problem
from services.notices.eforms.sdk.conditions import subject_of
from services.notices.eforms.sdk.table import field
from services.notices.eforms.xml import Element, find_all, prefixed, where, xpath

__all__ = ["faults"]

_MOST: Final = 50
_ACTIVE: Final = re.compile(
    r"<\s*(?:script|iframe|frame|object|embed|applet|form|link|meta|base|style|svg|math)\b|<[a-z][^<>]{0,200}\son[a-z]+\s*=",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,20}(?:\s[^<>]{0,200})?/?>")
_INSIDE: Final = "//cbc:*/* | //efbc:*/*"
_SUSPECT: Final = "contains(., '<') or //cbc:*/* or //efbc:*/*"
"""What libxml2 alone can say of a whole notice: nearly none has markup, and each pays for the look."""


def faults(root: Element) -> list[Problem]:
    """Give the elements inside texts and the scripts, that no notice may hold, and remarks on harmless markup."""
    if not xpath(_SUSPECT)(root):
        return []
    return [problem for problem, _ in zip(_faults(root), range(_MOST), strict=False)]


def _faults(root: Element) -> Iterator[Problem]:
    for element in find_all(root, _INSIDE):
        parent = element.getparent()
        yield Problem(
            _term(parent if parent is not None else element),
            where(element),
            f"Un texte ne contient pas d'élément : supprimez <{prefixed(element.tag)}>, et écrivez en texte simple, sans HTML.",
            f"A text holds no element: remove <{prefixed(element.tag)}>, and write plain text, without HTML.",
            core=True,
        )
    for element in root.iter():
        text = element.text
        if text and "<" in text:
            yield from _markup(element, text)


def _markup(element: Element, text: str) -> Iterator[Problem]:
    active = _ACTIVE.search(text)
    found = active or _MARKUP.search(text)
    if found:
        yield Problem(
            _term(element),
            where(element),
            f"Le texte contient du HTML (« {found[0][:40]} ») : écrivez en texte simple, le HTML n'est jamais interprété.",
            f"The text holds HTML ('{found[0][:40]}'): write plain text, HTML is never interpreted.",
            core=active is not None,
            remark=active is None,
        )


def _term(element: Element) -> str:
    """Give the business term of an element, else its name."""
    ancestors = [each.tag for each in element.iterancestors()][:-1]
    subject = subject_of((*reversed(ancestors), element.tag))
    known = field(subject) if subject else None
    return known.term if known else subject or prefixed(element.tag)
