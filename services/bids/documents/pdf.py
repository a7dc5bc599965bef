"""PDFs of papers: headings, paragraphs, tables, places to sign; A4, in French, tagged for screen readers (PDF/UA-1).

What a paper says goes in as data: nothing of it is read as markup. The same paper gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import typst

__all__ = ["Attachment", "Block", "Box", "Heading", "Rows", "Text", "render"]

_TEMPLATE: Final = Path(__file__).with_name("paper.typ")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing: a name could show as another one."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section's title."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; the first row holds the column titles. `widths` are shares of the page."""

    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """An empty frame to sign in."""

    label: str


Block = Heading | Text | Rows | Box


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels within the PDF."""

    name: str
    media: str
    told: str
    content: str


def render(title: str, blocks: Sequence[Block], files: Sequence[Attachment] = ()) -> bytes:
    """Give the PDF of a paper; the compiler refuses what does not conform to PDF/UA-1."""
    told = [{"kind": type(each).__name__.lower(), **asdict(each)} for each in blocks]
    paper = {"title": _plain(title), "blocks": _clean(told), "files": [asdict(each) for each in files]}
    data = json.dumps(paper, ensure_ascii=False)
    made: bytes = typst.compile(_TEMPLATE, sys_inputs={"paper": data}, pdf_standards=["ua-1"])
    return made


def _clean(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text)
