"""Verification never says valid to what it cannot prove, and never crashes."""

from __future__ import annotations

import asyncio
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils import generic as untyped_generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from deploy.local.pki import IssuedKey
from deploy.local.tsa import LocalTimestampAuthority
from libs.common import standards
from services.signature import pades, signer
from services.signature.pades.hostile import HOSTILE

generic: Any = untyped_generic  # pyHanko leaves its object model untyped

NOW = datetime.now(UTC)
ATTACKED = {
    "dss-pades/BadEncodedCMS.pdf",
    "dss-pades/dss-2236-hide.pdf",
    "dss-pades/hello_signed_INCSAVE_signed_EDITED.pdf",
    "dss-pades/pades-t-duplicated-doctst.pdf",
    "dss-pades/pdf-double-signer-info.pdf",
    "dss-pades/pdf-removed-pages.pdf",
    "dss-pades/pdf-signed-corrupted.pdf",
    "dss-pades/pdf-spoofing-attack.pdf",
    "dss-pades/pkcs7-no-message-digest.pdf",
    "dss-pades/self-issued-qesig.pdf",
    "dss-pades/wrong-digest-algo.pdf",
    "parapheur/test_pdf_verouille.pdf",
    "pyhanko/signature-gap-too-big.pdf",
    "pyhanko/sig-no-signed-attrs.pdf",
}
"""Files that an independent validator does not accept (data/signed/EXPECTED.md)."""
FAILED = {
    "dss-pades/hello_signed_INCSAVE_signed_EDITED.pdf",
    "dss-pades/pdf-double-signer-info.pdf",
    "dss-pades/pdf-removed-pages.pdf",
    "dss-pades/pdf-signed-corrupted.pdf",
    "dss-pades/wrong-digest-algo.pdf",
}
INTACT = {
    "dss-pades/certified-no-change-permitted.pdf",
    "dss-pades/dss-2058-QC-LTA-test.pdf",
    "dss-pades/hello_signed_INCSAVE_signed.pdf",
    "dss-pades/encrypted.pdf",
    "dss-pades/pkcs7.pdf",
    "dss-pades/signature-referenced-from-multiple-fields.pdf",
    "pyhanko/pades-with-old-style-signing-cert-attr.pdf",
}
"""Files whose signatures are cryptographically valid, under certificates that nobody trusts here."""


@pytest.fixture(scope="module")
def signed(contract_pdf: bytes, winner: IssuedKey, tsa: LocalTimestampAuthority) -> bytes:
    return asyncio.run(signer.sign_pdf(contract_pdf, winner.key, winner.certificate, winner.chain, timestamp=tsa))


def sample(name: str) -> bytes:
    folder = standards.folder()
    path = folder / "signed" / name if folder else Path("absent")
    if not path.is_file():
        pytest.skip("signed samples are not at hand")
    return path.read_bytes()


def test_unknown_root_is_indeterminate_never_passed(signed: bytes) -> None:
    report = pades.verify(signed, pades.Trust(), NOW)
    assert (report.indication, report.sub_indication) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
    assert report.intact


def test_each_flipped_byte_of_the_signed_content_is_seen(signed: bytes, trust: pades.Trust) -> None:
    place = signed.index(b"/Contents <") if b"/Contents <" in signed else len(signed) // 2
    chosen = random.Random(7).sample(range(20, place), 12)
    for position in chosen:
        broken = bytearray(signed)
        broken[position] ^= 0x01
        report = pades.verify(bytes(broken), trust, NOW)
        assert report.indication is not pades.Indication.TOTAL_PASSED, position


def test_files_mangled_anywhere_get_a_verdict_and_never_a_better_one(signed: bytes, trust: pades.Trust) -> None:
    chance = random.Random(11)
    for _ in range(30):
        mangled = bytearray(signed)
        for _ in range(chance.randint(1, 12)):
            position = chance.randrange(len(mangled))
            mangled[position : position + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        report = pades.verify(bytes(mangled), trust, NOW)
        if report.indication is pades.Indication.TOTAL_PASSED:
            assert _same_signed_content(bytes(mangled), signed), "only unused padding may differ"


def test_cut_files_get_a_verdict(signed: bytes, trust: pades.Trust) -> None:
    for size in range(0, len(signed), max(1, len(signed) // 20)):
        report = pades.verify(signed[:size], trust, NOW)
        assert report.indication is not pades.Indication.TOTAL_PASSED


def test_a_page_replaced_after_signing_fails(signed: bytes, trust: pades.Trust) -> None:
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed))
    content = writer.add_object(generic.StreamObject(stream_data=b"BT ET"))
    page = writer.find_page_for_modification(1)[0].get_object()
    page[generic.pdf_name("/Contents")] = content
    writer.update_container(page)
    report = pades.verify(_written(writer), trust, NOW)
    assert (report.indication, report.sub_indication) == ("TOTAL_FAILED", "FORMAT_FAILURE")
    assert not report.intact


def test_a_page_tree_that_turns_in_circles_ends_in_a_verdict(signed: bytes, trust: pades.Trust) -> None:
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed))
    tree = writer.root.raw_get("/Pages")
    tree.get_object()[generic.pdf_name("/Kids")] = generic.ArrayObject([tree, tree, tree])
    writer.mark_update(tree)
    assert pades.verify(_written(writer), trust, NOW).indication is pades.Indication.TOTAL_FAILED


@pytest.mark.parametrize(
    "hostile",
    [
        b"%PDF-1.7\n" + b"[" * 200_000 + b"/ByteRange",
        b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<</Root 1 0 R/Prev 9/Size 1>>\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\nxref\n0 999999999\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF",
        (
            b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R/AcroForm<</Fields[1 0 R]>>/Kids[1 0 R]>>endobj\n"
            b"xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Root 1 0 R/Size 2>>\nstartxref\n98\n%%EOF"
        ),
    ],
)
def test_files_made_to_loop_end_in_a_verdict(hostile: bytes, trust: pades.Trust) -> None:
    assert pades.verify(hostile, trust, NOW).indication in {"REFUSED", "TOTAL_FAILED", "NO_SIGNATURE"}


def test_an_annotation_laid_over_the_signed_text_is_not_accepted(signed: bytes, trust: pades.Trust) -> None:
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed))
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(generic.NumberObject(n) for n in (0, 0, 500, 800)),
            generic.pdf_name("/Contents"): generic.TextStringObject("Prix : 1 EUR"),
        }
    )
    writer.register_annotation(writer.find_page_for_modification(0)[0], writer.add_object(note))
    report = pades.verify(_written(writer), trust, NOW)
    assert report.indication is pades.Indication.INDETERMINATE
    assert report.signatures[0].modifications is pades.Modifications.UNEXPLAINED
    assert not report.intact


def test_an_expired_certificate_passes_only_under_its_time_stamp(
    contract_pdf: bytes, signed: bytes, winner: IssuedKey, trust: pades.Trust
) -> None:
    late = datetime(2061, 1, 1, tzinfo=UTC)
    bare = asyncio.run(signer.sign_pdf(contract_pdf, winner.key, winner.certificate, winner.chain, timestamp=None))
    assert pades.verify(bare, trust, late).indication is pades.Indication.INDETERMINATE
    early = datetime(2019, 1, 1, tzinfo=UTC)
    assert pades.verify(bare, trust, early).indication is pades.Indication.INDETERMINATE


def test_a_time_stamp_of_the_future_is_a_doubt(signed: bytes, trust: pades.Trust) -> None:
    report = pades.verify(signed, trust, NOW - timedelta(days=30))
    assert (report.indication, report.sub_indication) == ("INDETERMINATE", "TIMESTAMP_ORDER_FAILURE")


def test_other_formats_are_refused_and_said_so(trust: pades.Trust, contract_pdf: bytes) -> None:
    assert pades.verify(b"<xml/>", trust, NOW).sub_indication == "UNSUPPORTED_FORMAT"
    assert pades.verify(b"", trust, NOW).indication is pades.Indication.REFUSED
    assert pades.verify(contract_pdf, trust, NOW).indication is pades.Indication.NO_SIGNATURE


@pytest.mark.parametrize("name", sorted(ATTACKED))
def test_attacked_samples_are_never_valid_even_with_all_their_own_certificates_trusted(name: str) -> None:
    data = sample(name)
    gullible, past = _gullible(data), datetime(2016, 6, 1, tzinfo=UTC)
    for trust, at in ((pades.Trust(), NOW), (gullible, NOW), (gullible, past)):
        report = pades.verify(data, trust, at)
        assert report.indication is not pades.Indication.TOTAL_PASSED
        if name in FAILED:
            assert report.indication is pades.Indication.TOTAL_FAILED


@pytest.mark.parametrize("name", sorted(INTACT))
def test_valid_samples_are_intact_and_undecided_for_want_of_trust(name: str) -> None:
    report = pades.verify(sample(name), pades.Trust(), NOW)
    assert report.indication is pades.Indication.INDETERMINATE
    assert report.signatures
    assert all(item.intact for item in report.signatures)


def test_a_form_filled_after_signing_is_not_called_valid() -> None:
    """Stricter than others on purpose: a contract has no field to fill once signed, and an attack uses this door."""
    data = sample("dss-pades/pades-signed-filled-form.pdf")
    report = pades.verify(data, _gullible(data), NOW)
    assert report.signatures[0].modifications is pades.Modifications.UNEXPLAINED
    assert report.indication is pades.Indication.INDETERMINATE


def test_a_signature_in_two_fields_counts_once() -> None:
    report = pades.verify(sample("dss-pades/signature-referenced-from-multiple-fields.pdf"), pades.Trust(), NOW)
    assert len(report.signatures) == 1


def _same_signed_content(one: bytes, other: bytes) -> bool:
    """Compare what surrounds the signature value."""
    begin, end = other.index(b"/Contents <") + 11, other.rindex(b"00>")
    return len(one) == len(other) and one[:begin] == other[:begin] and one[end + 2 :] == other[end + 2 :]


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


def _gullible(data: bytes) -> pades.Trust:
    """Trust every certificate found in the file's own signatures."""
    found: dict[bytes, x509.Certificate] = {}
    try:
        reader = PdfFileReader(io.BytesIO(data), strict=False)
        for name, _, field in enumerate_sig_fields(reader, filled_status=True):
            embedded = EmbeddedPdfSignature(reader, field.get_object(), name)
            for certificate in (embedded.signer_cert, *embedded.other_embedded_certs):
                found[certificate.sha256] = certificate
    except HOSTILE:
        pass
    return pades.Trust(tuple(found.values()))
