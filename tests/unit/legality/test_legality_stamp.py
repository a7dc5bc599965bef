"""The stamped copy: visible, on the first page, and the signatures still intact under it."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, date, datetime

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from reportlab.pdfgen.canvas import Canvas

from deploy.local.pki import TestAuthority
from services.legality.stamp import UnstampableError, stamp, stamp_lines
from services.signature import pades, signer

LINES = stamp_lines("021-212102313-20260302-M202600001-CC", date(2026, 3, 4))


def pdf() -> bytes:
    output = io.BytesIO()
    canvas = Canvas(output)
    for text in ("Page (1)", "Page 2"):
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return output.getvalue()


def test_the_stamp_names_the_act_the_day_and_the_copy() -> None:
    assert LINES[0] == "Accusé de réception en préfecture"
    assert LINES[1] == "021-212102313-20260302-M202600001-CC"
    assert "Reçu le 04/03/2026" in LINES[2]
    assert "COPIE" in LINES[2]


def test_the_stamp_is_added_to_the_first_page_only_after_the_original_bytes() -> None:
    original = pdf()
    copy = stamp(original, LINES)
    assert copy.startswith(original)
    root = PdfFileReader(io.BytesIO(copy)).root
    first, second = (page.get_object() for page in root["/Pages"]["/Kids"])
    assert [item.get_object()["/Subtype"] for item in first["/Annots"]] == ["/Stamp"]
    assert "/Annots" not in second


def test_signatures_stay_intact_in_the_copy_which_is_told_from_the_original() -> None:
    authority = TestAuthority.create()
    issued = authority.issue("Présidente", "Essai")
    trust = pades.Trust((x509.Certificate.load(authority.root.public_bytes(Encoding.DER)),))
    signed = asyncio.run(signer.sign_pdf(pdf(), issued.key, issued.certificate, issued.chain, timestamp=None))
    report = pades.verify(stamp(signed, LINES), trust, datetime.now(UTC))
    assert report.signatures[0].intact
    assert report.signatures[0].modifications is pades.Modifications.UNEXPLAINED
    assert report.indication is pades.Indication.INDETERMINATE, "a copy is not the act"


@pytest.mark.parametrize("broken", [b"", b"%PDF-1.7", pdf()[:200]])
def test_what_is_no_document_takes_no_stamp(broken: bytes) -> None:
    with pytest.raises(UnstampableError):
        stamp(broken, LINES)
