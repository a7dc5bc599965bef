"""What may follow a signature in a PDF: archiving data, and further signatures in fields of their own. Nothing else.

pyHanko's default policy also lets form fields be filled, which a published attack uses to replace what one reads
("replace" of the shadow attacks, NDSS 2021): a contract has no field to fill after its first signature.
"""

from __future__ import annotations

from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DiffResult,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    MetadataUpdateRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)

from services.signature.pades.hostile import HOSTILE
from services.signature.pades.report import Modifications

__all__ = ["POLICY", "classify", "pages_changed"]

_ARCHIVING = ModificationLevel.LTA_UPDATES
MAX_NODES = 10_000
"""Of a page tree."""

POLICY = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),  # type: ignore[no-untyped-call]
        DocInfoRule().as_qualified(_ARCHIVING),
        XrefStreamRule().as_qualified(_ARCHIVING),
        ObjectStreamRule().as_qualified(_ARCHIVING),
        DSSCompareRule().as_qualified(_ARCHIVING),
        MetadataUpdateRule().as_qualified(_ARCHIVING),  # type: ignore[no-untyped-call]
    ],
    form_rule=FormUpdatingRule(
        field_rules=[
            SigFieldCreationRule(),  # type: ignore[no-untyped-call]
            SigFieldModificationRule(),
        ]
    ),
)


def classify(difference: DiffResult | SuspiciousModification | None) -> Modifications:
    """Say what was added after a signature."""
    if not isinstance(difference, DiffResult):
        return Modifications.UNEXPLAINED
    levels = {
        ModificationLevel.NONE: Modifications.NONE,
        ModificationLevel.LTA_UPDATES: Modifications.ARCHIVING,
        ModificationLevel.FORM_FILLING: Modifications.SIGNATURES,
    }
    return levels.get(difference.modification_level, Modifications.UNEXPLAINED)


def pages_changed(reader: PdfFileReader, revision: int) -> bool:
    """Say if the pages one sees differ from those of the signed revision, as far as a simple comparison shows."""
    try:
        signed = _pages(reader.get_historical_root(revision))
        return signed != _pages(reader.root)
    except HOSTILE:
        return True


def _pages(root: DictionaryObject) -> list[tuple[bytes, ...]]:
    """Give the contents of the pages in order. Raises ValueError when the tree has no end."""
    found: list[tuple[bytes, ...]] = []
    waiting: list[DictionaryObject] = [root["/Pages"]]
    for _ in range(MAX_NODES):
        if not waiting:
            return found
        node = waiting.pop()
        if "/Kids" in node:
            waiting.extend(child.get_object() for child in reversed(node["/Kids"]))
        else:
            found.append(_content(node))
    raise ValueError("page tree too large, or turning in circles")


def _content(page: DictionaryObject) -> tuple[bytes, ...]:
    content = page.get("/Contents", None)
    streams = content if isinstance(content, list) else [content] if content is not None else []
    return tuple(stream.get_object().encoded_data for stream in streams)
