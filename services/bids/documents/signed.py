"""The contract that its winner sends back: the PDF that was given, and after it signatures alone.

A PDF can be replaced from within: what is added at its end may redraw a page or lead to another document, while its first
bytes are untouched, and a signature made after that covers it all and is valid ("shadow attacks", NDSS 2021). So what one
reads is compared too, object by object, from the catalogue down.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils import generic as _generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

__all__ = ["only_signed"]

generic: Any = _generic  # pyHanko leaves its object model untyped
_OF_SIGNATURES = {"/AcroForm", "/DSS", "/Extensions", "/Metadata", "/Version"}
"""What a signature may add to the catalogue (ISO 32000-2, 12.8; EN 319 142-1, 5.4)."""
_HOSTILE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError,
    struct.error, zlib.error, PdfError,
)  # fmt: skip
"""What pyHanko raises on a file made to mislead it: a refusal."""


def only_signed(given: bytes, sent: bytes) -> bool:
    """Say whether the PDF sent is the given one, byte for byte, with signatures after it and nothing else."""
    if not sent.startswith(given):
        return False
    try:
        before, after = (PdfFileReader(BytesIO(data), strict=False) for data in (given, sent))
        if after.encrypted or after.xrefs.hybrid_xrefs_present or not after.embedded_regular_signatures:
            return False
        return _only_signature_fields(after.root) and _Comparison().catalogues(before.root, after.root)
    except _HOSTILE:
        return False


def _only_signature_fields(root: Any) -> bool:  # noqa: ANN401  # a PDF object
    form = root["/AcroForm"]
    return "/XFA" not in form and all(_is_signature(each) for each in _resolved(form["/Fields"]))


def _is_signature(field: Any) -> bool:  # noqa: ANN401
    return field.get("/FT") == "/Sig" and "/Kids" not in field and "/AA" not in field and "/A" not in field


def _resolved(items: Any) -> Iterable[Any]:  # noqa: ANN401
    return (each.get_object() for each in items)


class _Comparison:
    """Walks two documents side by side; each pair of objects is compared once, so that circles end."""

    def __init__(self) -> None:
        self._seen: set[tuple[Any, Any]] = set()

    def catalogues(self, before: Any, after: Any) -> bool:  # noqa: ANN401
        """Say whether two documents show the same, signatures apart."""
        names = {name for name in (*before, *after) if name not in _OF_SIGNATURES}
        return all(name in before and name in after for name in names) and all(
            self._same(before.raw_get(name), after.raw_get(name)) for name in names
        )

    def _same(self, before: Any, after: Any) -> bool:  # noqa: ANN401
        if isinstance(before, generic.IndirectObject) and isinstance(after, generic.IndirectObject):
            pair = ((before.idnum, before.generation), (after.idnum, after.generation))
            if pair in self._seen:
                return True
            self._seen.add(pair)
        before, after = before.get_object(), after.get_object()
        if isinstance(before, generic.DictionaryObject):
            return type(before) is type(after) and self._same_members(before, after)
        if isinstance(before, generic.ArrayObject):
            return type(before) is type(after) and self._same_items(list(before), list(after))
        return type(before) is type(after) and bool(before == after)

    def _same_members(self, before: Any, after: Any) -> bool:  # noqa: ANN401
        if isinstance(before, generic.StreamObject) and before.encoded_data != after.encoded_data:
            return False
        added = set(after) - set(before)
        if added == {"/Annots"} and before.get("/Type") == "/Page":
            added = set() if all(map(_is_signature, _resolved(after["/Annots"]))) else added
        return not added and all(
            name in after and self._same(before.raw_get(name), after.raw_get(name)) for name in before
        )

    def _same_items(self, before: list[Any], after: list[Any]) -> bool:
        return len(before) == len(after) and all(map(self._same, before, after))
