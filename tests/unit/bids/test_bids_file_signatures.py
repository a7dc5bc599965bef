"""Signatures of files: PAdES, CAdES and XAdES; expired, revoked, of unknown authorities, altered; hostile files."""

from __future__ import annotations

import asyncio
import logging
import os
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import BufferingHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local.pki import IssuedKey
from services.bids.documents.pdf import Text, render
from services.bids.ports import TrustedRoots
from services.bids.signatures import FileSignature, Trust
from services.bids.signatures.apart import Limits, verify_apart
from services.bids.signatures.held import Held, content
from services.bids.signatures.trust import NOT_IN_DATES, REVOKED, UNCHECKED, UNKNOWN
from services.bids.signatures.verifying import verify_file
from tests.api.bids.bids_world import sign_pdf
from tests.unit.bids.file_signers import AUTHORITY, STRANGER, cades, qualified, revocation_list, xades

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
TRUST = Trust((AUTHORITY.root.public_bytes(Encoding.DER),), AT)
PDF = render("Acte d'engagement", [Text("Le candidat s'engage.")])
PRICES = b"<prix><ligne n='1'>4500.00</ligne></prix>"
EXPIRED = datetime(2025, 1, 1, tzinfo=UTC)


def signed_pdf(issued: IssuedKey) -> bytes:
    return asyncio.run(sign_pdf(PDF, issued, "Signature1"))


def enveloping_cades(issued: IssuedKey) -> bytes:
    return asyncio.run(cades(PRICES, issued, detached=False))


def enveloped_xades(issued: IssuedKey) -> bytes:
    return xades(PRICES, issued)


FORMS: dict[str, Callable[[IssuedKey], bytes]] = {
    "PAdES": signed_pdf,
    "CAdES": enveloping_cades,
    "XAdES": enveloped_xades,
}
every_form = pytest.mark.parametrize("form", FORMS)


def only(data: bytes, trust: Trust = TRUST, signed: bytes | None = None) -> FileSignature:
    (found,) = verify_file(data, trust, signed)
    return found


@every_form
def test_a_file_signed_with_a_qualified_certificate_is_valid(form: str) -> None:
    found = only(FORMS[form](qualified(AUTHORITY)))
    assert (found.verdict, found.form, found.problems) == ("valid", form, ())
    assert "Jeanne Martin" in str(found.signer)
    assert found.qualified
    assert found.trusted


@every_form
def test_a_certificate_that_is_not_qualified_is_told(form: str) -> None:
    found = only(FORMS[form](AUTHORITY.issue("Jeanne", "Ouche")))
    assert (found.verdict, found.intact, found.trusted, found.qualified) == ("indeterminate", True, True, False)


@every_form
def test_an_untrusted_certificate_is_told(form: str) -> None:
    found = only(FORMS[form](qualified(STRANGER)))
    assert (found.verdict, found.intact, found.trusted) == ("indeterminate", True, False)
    assert found.problems == (UNKNOWN,)


@every_form
def test_an_expired_certificate_is_told(form: str) -> None:
    found = only(FORMS[form](qualified(AUTHORITY, until=EXPIRED)))
    assert (found.verdict, found.intact, found.problems) == ("indeterminate", True, (NOT_IN_DATES,))


@every_form
def test_a_revoked_certificate_is_told_and_one_revoked_later_is_not(form: str) -> None:
    issued = qualified(AUTHORITY, publishes_revocation=True)
    data = FORMS[form](issued)
    assert only(data).problems == (UNCHECKED,), "a list exists, and is not at hand"
    before, after = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC)
    for revoked_at, problems in ((before, (REVOKED,)), (after, ()), (None, ())):
        told = revocation_list(AUTHORITY, {} if revoked_at is None else {issued: revoked_at})
        found = only(data, Trust(TRUST.roots, AT, (told,)))
        assert found.problems == problems
        assert found.verdict == ("indeterminate" if problems else "valid")


def test_revocation_lists_are_files_of_the_operator_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    good = revocation_list(AUTHORITY, {})
    (tmp_path / "a.crl").write_bytes(good)
    (tmp_path / "b.crl").write_bytes(x509.load_der_x509_crl(good).public_bytes(Encoding.PEM))
    (tmp_path / "broken.crl").write_bytes(good[:40])
    (tmp_path / "root.pem").write_bytes(AUTHORITY.root.public_bytes(Encoding.PEM))
    known = TrustedRoots((AUTHORITY.root,), tmp_path)
    assert known.revocation_lists() == (good, good)
    assert only(signed_pdf(qualified(AUTHORITY, publishes_revocation=True)), Trust.of(known, AT)).verdict == "valid"


@every_form
def test_a_tampered_file_is_invalid(form: str) -> None:
    data = FORMS[form](qualified(AUTHORITY))
    place = data.index(b"stream") + 20 if form == "PAdES" else data.index(b"4500.00")
    found = only(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert (found.verdict, found.intact) == ("invalid", False)


def test_the_readers_warnings_name_signers_and_reach_no_log() -> None:
    written = BufferingHandler(1000)
    logging.getLogger().addHandler(written)
    try:
        for make in FORMS.values():
            verify_file(make(qualified(STRANGER)), TRUST)
    finally:
        logging.getLogger().removeHandler(written)
    assert [each.getMessage() for each in written.buffer] == []


def test_what_is_not_signed_has_no_signature() -> None:
    for data in (PDF, b"du texte", b"0;4500;lot 1", PRICES, b"<a xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>"):
        assert verify_file(data, TRUST) == []


@pytest.mark.parametrize("form", ["CAdES", "XAdES"])
def test_a_detached_signature_is_held_against_the_file_it_signs(form: str) -> None:
    content, issued = b"bordereau des prix", qualified(AUTHORITY)
    data = asyncio.run(cades(content, issued)) if form == "CAdES" else xades(content, issued, detached=True)
    assert only(data, signed=content).problems == ()
    assert only(data, signed=b"autre").verdict == "invalid"
    assert only(data).verdict == "indeterminate"


def test_a_signature_of_a_part_of_a_document_is_not_taken_for_one_of_the_whole() -> None:
    """Signature wrapping: the part that is signed stands in a document that says something else."""
    signed = xades(b"<prix Id='signe'>10</prix>", qualified(AUTHORITY), reference="signe")
    assert only(signed).verdict == "valid"
    wrapped = b"<offre><prix>9</prix>" + signed + b"</offre>"
    found = only(wrapped)
    assert found.verdict != "valid"


def test_each_of_two_signatures_of_a_document_has_its_verdict() -> None:
    """The second signer signs the document with the first signature in it; the first is of the document without the second."""
    first = xades(PRICES, qualified(AUTHORITY))
    both = verify_file(xades(first, qualified(AUTHORITY)), TRUST)
    assert [each.form for each in both] == ["XAdES", "XAdES"]
    assert "valid" in {each.verdict for each in both}


def test_a_weak_digest_or_an_unknown_transform_is_no_accusation() -> None:
    """What the tool cannot judge is left undecided: nobody is told to have tampered."""
    good = xades(PRICES, qualified(AUTHORITY))
    for old, new in (
        (b"http://www.w3.org/2001/04/xmlenc#sha256", b"http://www.w3.org/2000/09/xmldsig#sha1"),
        (b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", b"http://www.w3.org/TR/1999/REC-xpath-19991116"),
    ):
        assert old in good
        assert only(good.replace(old, new)).verdict == "indeterminate"


HOSTILE = [
    b"\x30", b"\x30\x80\x00", bytes.fromhex("308006092a864886f70d010702a0"), b"-----BEGIN PKCS7-----\n",
    b"%PDF-1.7 /ByteRange [0 1 2 3]", b"%PDF-",
    b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a xmlns:ds='http://www.w3.org/2000/09/xmldsig#'>&e;</a>",
    b'<a><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></a>',
    b'<a><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">' * 30,
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_files_are_never_valid_and_never_crash(data: bytes) -> None:
    assert all(each.verdict != "valid" for each in verify_file(data, TRUST))


async def test_a_file_that_asks_too_much_is_left_undecided_and_stops_nobody() -> None:
    data = await sign_pdf(PDF, qualified(AUTHORITY), "Signature1")
    for limits in (Limits(memory=2**20), Limits(seconds=0)):
        with Held.of(data + bytes(2**25)) as held:
            found = await verify_apart("PAdES", held, TRUST, limits=limits)
        assert [(each.verdict, each.form) for each in found] == [("indeterminate", "PAdES")]
    with Held.of(data) as held:
        assert [each.verdict for each in await verify_apart("PAdES", held, TRUST)] == ["valid"]


async def test_a_detached_signature_of_a_large_file_costs_the_worker_no_copy_of_it() -> None:
    body = os.urandom(2**20) * 64
    with Held.of(await cades(body, qualified(AUTHORITY))) as held, Held.of(body) as signed:
        tracemalloc.start()
        found = await verify_apart("CAdES", held, TRUST, signed=signed)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [each.verdict for each in found] == ["valid"]
    assert most < 2**20


def test_what_is_held_is_found_and_read_back_whole() -> None:
    with Held.of(b"a%PDF-" + bytes(100_000) + b"/ByteRange") as held:
        assert held.holds(b"/ByteRange")
        assert not held.holds(b"xmldsig")
        assert content(held.fileno())[-10:] == b"/ByteRange"
    with Held() as empty:
        assert (empty.holds(b""), empty.holds(b"x"), content(empty.fileno())) == (True, False, b"")
