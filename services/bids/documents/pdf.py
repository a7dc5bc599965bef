"""A paper as a list of blocks, and its PDF. The same blocks give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

__all__ = ["Block", "Box", "Heading", "Rows", "Text", "render"]

_MARGIN = 20 * mm
_STYLES = getSampleStyleSheet()
_BODY = ParagraphStyle("halles-body", parent=_STYLES["BodyText"], fontSize=10, leading=14, spaceAfter=6)
_CELL = ParagraphStyle("halles-cell", parent=_BODY, fontSize=8.5, leading=11, spaceAfter=0, splitLongWords=1)
_HEAD = ParagraphStyle("halles-head", parent=_STYLES["Heading2"], fontSize=12, spaceBefore=8, spaceAfter=4)
_TITLE = ParagraphStyle("halles-title", parent=_STYLES["Title"], fontSize=16, leading=20, spaceAfter=10)
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#8a8a8a")),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eeeeee")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


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


def render(title: str, blocks: Sequence[Block]) -> bytes:
    """Give the PDF of a paper."""
    target = BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=A4, title=_plain(title), author="Halles", lang="fr-FR", invariant=1,
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    width = A4[0] - 2 * _MARGIN - 12
    story: list[Flowable] = [_paragraph(title, _TITLE)]
    for block in blocks:
        story.extend(_flowables(block, width))
    document.build(story, onFirstPage=_number_page, onLaterPages=_number_page)
    return target.getvalue()


def _flowables(block: Block, width: float) -> list[Flowable]:
    if isinstance(block, Heading):
        return [_paragraph(block.text, _HEAD)]
    if isinstance(block, Text):
        return [_paragraph(block.text, _BODY)]
    if isinstance(block, Rows):
        cells = [[_paragraph(each, _CELL) for each in row] for row in block.rows]
        widths = [width * share for share in block.widths]
        table = Table(cells, colWidths=widths, repeatRows=1, style=_GRID, splitInRow=1)
        return [table, Spacer(1, 4 * mm)]
    frame = Table([[_paragraph(block.label, _CELL)], [""]], colWidths=[width], rowHeights=[None, 32 * mm], style=_GRID)
    return [frame, Spacer(1, 4 * mm)]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_plain(text)).replace("\n", "<br/>"), style)


def _plain(text: str) -> str:
    """Keep what the base fonts can write (Windows-1252 covers French)."""
    return text.replace("\u202f", "\u00a0").encode("cp1252", "replace").decode("cp1252")


def _number_page(canvas: Canvas, _: object) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, str(canvas.getPageNumber()))
