"""The stamped copy of an act: what the State acknowledged, shown on the first page.

The stamp is an annotation in an incremental update: the bytes that were signed stay as they are, so the signatures stay
intact; a reader rightly says that something was added after them. It is a copy, and is named one: the act itself is the
document that was signed.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from pyhanko.pdf_utils import generic as _generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError

__all__ = ["UnstampableError", "stamp", "stamp_lines"]

generic: Any = _generic  # pyHanko leaves its object model untyped
_name = generic.pdf_name

WIDTH, HEIGHT, MARGIN, FONT_SIZE = 330, 42, 18, 9
"""Points."""
_PRINT, _READ_ONLY, _LOCKED = 1 << 2, 1 << 6, 1 << 7
"""Annotation flags (ISO 32000-1, table 165)."""


class UnstampableError(Exception):
    """The document takes no stamp."""


def stamp_lines(identifier: str, received_on: date) -> tuple[str, ...]:
    """Give the text of the stamp."""
    return (
        "Accusé de réception en préfecture",
        identifier,
        f"Reçu le {received_on:%d/%m/%Y}  -  COPIE",
    )


def stamp(pdf: bytes, lines: tuple[str, ...]) -> bytes:
    """Give the PDF with the stamp at the top of its first page. Raises UnstampableError."""
    try:
        writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
        page = writer.find_page_for_modification(0)[0]
        left, top = _corner(page.get_object())
        writer.register_annotation(page, writer.add_object(_annotation(writer, lines, left, top)))
        output = io.BytesIO()
        writer.write(output)
    except (PdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError) as error:
        raise UnstampableError(str(error) or type(error).__name__) from error
    return output.getvalue()


def _corner(page: Any) -> tuple[float, float]:  # noqa: ANN401  # a PDF object
    """Give where the stamp's left and top are: near the upper right corner of what is shown."""
    box = _inherited(page, "/CropBox") or _inherited(page, "/MediaBox")
    x1, _, x2, y2 = (float(value) for value in box)
    return max(x1 + MARGIN, x2 - MARGIN - WIDTH), y2 - MARGIN


def _inherited(page: Any, key: str) -> Any:  # noqa: ANN401  # a PDF object
    node, depth = page, 0
    while node is not None and depth < 50:
        if key in node:
            return node[key]
        node, depth = node["/Parent"] if "/Parent" in node else None, depth + 1  # noqa: SIM401  # get() gives a reference
    return None


def _annotation(writer: Any, lines: tuple[str, ...], left: float, top: float) -> Any:  # noqa: ANN401  # PDF objects
    rectangle = [left, top - HEIGHT, left + WIDTH, top]
    return generic.DictionaryObject(
        {
            _name("/Type"): _name("/Annot"),
            _name("/Subtype"): _name("/Stamp"),
            _name("/Rect"): generic.ArrayObject(generic.FloatObject(value) for value in rectangle),
            _name("/Contents"): generic.TextStringObject(" ".join(lines)),
            _name("/F"): generic.NumberObject(_PRINT | _READ_ONLY | _LOCKED),
            _name("/AP"): generic.DictionaryObject({_name("/N"): writer.add_object(_appearance(lines))}),
        }
    )


def _appearance(lines: tuple[str, ...]) -> Any:  # noqa: ANN401  # a PDF object
    font = generic.DictionaryObject(
        {
            _name("/Type"): _name("/Font"),
            _name("/Subtype"): _name("/Type1"),
            _name("/BaseFont"): _name("/Helvetica"),
            _name("/Encoding"): _name("/WinAnsiEncoding"),
        }
    )
    fonts = generic.DictionaryObject({_name("/F1"): font})
    return generic.StreamObject(
        dict_data={
            _name("/Type"): _name("/XObject"),
            _name("/Subtype"): _name("/Form"),
            _name("/BBox"): generic.ArrayObject(generic.NumberObject(value) for value in (0, 0, WIDTH, HEIGHT)),
            _name("/Resources"): generic.DictionaryObject({_name("/Font"): fonts}),
        },
        stream_data=_drawing(lines),
    )


def _drawing(lines: tuple[str, ...]) -> bytes:
    """Draw a white frame and the lines in it."""
    frame = f"q 1 1 1 rg 0.1 0.2 0.5 RG 1 w 0.5 0.5 {WIDTH - 1} {HEIGHT - 1} re B Q "
    text = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
    drawing = f"{frame}BT 0.1 0.2 0.5 rg /F1 {FONT_SIZE} Tf {FONT_SIZE + 3} TL 6 {HEIGHT - 13} Td {text} ET"
    return drawing.encode("cp1252", errors="replace")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
