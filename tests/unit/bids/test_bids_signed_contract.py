"""A contract that comes back signed is the given one: whatever a PDF can hide behind its first bytes is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils import generic as _generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields

from services.bids.documents.pdf import Text, render
from services.bids.documents.signed import only_signed
from services.signature import signer
from tests.api.bids.bids_world import AUTHORITY, sign_pdf

generic: Any = _generic  # pyHanko leaves its object model untyped
GIVEN = render("Acte d'engagement", [Text("245 000,00 EUR")])
ISSUED = AUTHORITY.issue("Alice", "Alpha")


def _changed(change: Any) -> bytes:  # noqa: ANN401  # pyHanko's objects are untyped
    writer: Any = IncrementalPdfFileWriter(BytesIO(GIVEN))
    change(writer, writer.find_page_for_modification(0)[0].get_object())
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def _redraw(writer: Any, page: Any) -> None:  # noqa: ANN401
    drawing: Any = generic.StreamObject(stream_data=b"BT /F1 20 Tf 72 700 Td (1,00 EUR) Tj ET")
    page["/Contents"] = writer.add_object(drawing)
    writer.update_container(page)


def _change_fonts(writer: Any, page: Any) -> None:  # noqa: ANN401
    font = page["/Resources"]["/Font"]
    name = next(iter(font))
    font[name]["/Encoding"] = generic.pdf_name("/MacExpertEncoding")
    writer.update_container(font[name])


def _cover(writer: Any, page: Any) -> None:  # noqa: ANN401
    box = generic.ArrayObject(generic.NumberObject(side) for side in (0, 0, 500, 800))
    named = {"/Type": "/Annot", "/Subtype": "/Square"}
    note: Any = {generic.pdf_name(key): generic.pdf_name(value) for key, value in named.items()}
    note[generic.pdf_name("/Rect")] = box
    page["/Annots"] = generic.ArrayObject([writer.add_object(generic.DictionaryObject(note))])
    writer.update_container(page)


async def test_the_given_contract_signed_is_taken_visibly_or_not() -> None:
    signed = await sign_pdf(GIVEN, ISSUED, "Titulaire")
    assert only_signed(GIVEN, signed)
    assert only_signed(GIVEN, await sign_pdf(signed, ISSUED, "Cotraitant"))
    with_time = await signer.sign_pdf(GIVEN, ISSUED.key, ISSUED.certificate, ISSUED.chain, timestamp=None)
    assert only_signed(GIVEN, with_time)
    writer: Any = IncrementalPdfFileWriter(BytesIO(GIVEN))
    fields.append_signature_field(writer, fields.SigFieldSpec("Visible", box=(50, 50, 200, 100)))
    output = BytesIO()
    writer.write(output)
    assert only_signed(GIVEN, await sign_pdf(output.getvalue(), ISSUED, "Visible"))


@pytest.mark.parametrize("change", [_redraw, _change_fonts, _cover])
async def test_a_contract_redrawn_before_the_signature_is_refused(change: Any) -> None:  # noqa: ANN401
    redrawn = _changed(change)
    assert redrawn.startswith(GIVEN)
    assert redrawn != GIVEN
    assert not only_signed(GIVEN, await sign_pdf(redrawn, ISSUED, "Titulaire"))


async def test_another_document_behind_the_given_one_is_refused() -> None:
    other = render("Acte d'engagement", [Text("1,00 EUR")])
    assert not only_signed(GIVEN, GIVEN + await sign_pdf(other, ISSUED, "Titulaire"))


def test_what_is_no_signature_or_no_pdf_is_refused() -> None:
    for sent in (GIVEN, GIVEN + b"/ByteRange\n%%EOF", GIVEN[:-10], b"", b"%PDF-1.7 nothing", GIVEN + GIVEN):
        assert not only_signed(GIVEN, sent)
