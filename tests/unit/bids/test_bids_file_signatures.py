"""Signatures of files: PAdES and CAdES, of qualified certificates or not, altered, of unknown authorities, hostile files."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from logging.handlers import BufferingHandler

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign import signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from deploy.local.pki import IssuedKey, TestAuthority
from services.bids.applications.signatures import verify_file_signature
from services.bids.documents.pdf import Text, render
from tests.api.bids.bids_world import sign_pdf

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
AUTHORITY, STRANGER = TestAuthority.create(), TestAuthority.create()
ROOTS = [AUTHORITY.root]
PDF = render("Acte d'engagement", [Text("Le candidat s'engage.")])
QC_COMPLIANCE = bytes.fromhex("300a3008060604008e460101")
"""QCStatements with id-etsi-qcs-QcCompliance alone (EN 319 412-5)."""


def qualified(authority: TestAuthority, until: datetime = datetime(2060, 1, 1, tzinfo=UTC)) -> IssuedKey:
    """Give a signer whose certificate states that it is qualified."""
    plain = authority.issue("Jeanne Martin", "Ouche BTP")
    key, issuer = ec.generate_private_key(ec.SECP256R1()), authority.issuing
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(plain.certificate.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
    )
    for extension in plain.certificate.extensions:
        if not isinstance(extension.value, x509.SubjectKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    statements = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), QC_COMPLIANCE)
    certificate = builder.add_extension(statements, critical=False).sign(issuer.key, hashes.SHA256())
    return IssuedKey(key, certificate, plain.chain)


async def cades(content: bytes, issued: IssuedKey, *, detached: bool = True) -> bytes:
    """Sign as a person's own tool does: CAdES B."""
    key = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    registry.register_multiple([asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in issued.chain])
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(issued.certificate.public_bytes(Encoding.DER)),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=registry,
    )
    made = await signer.async_sign_general_data(content, "sha256", detached=detached, use_cades=True)
    return bytes(made.dump())


def test_a_pdf_signed_with_a_qualified_certificate_is_valid() -> None:
    signed = asyncio.run(sign_pdf(PDF, qualified(AUTHORITY), "Signature1"))
    (found,) = verify_file_signature(signed, AT, ROOTS)
    assert (found.verdict, found.format, found.problems) == ("valid", "PAdES", ())
    assert "Jeanne Martin" in str(found.signer)
    assert found.qualified


def test_what_is_missing_is_a_doubt_told_in_french() -> None:
    plain = asyncio.run(sign_pdf(PDF, AUTHORITY.issue("Jeanne", "Ouche"), "Signature1"))
    (found,) = verify_file_signature(plain, AT, ROOTS)
    assert (found.verdict, found.intact, found.trusted, found.qualified) == ("doubtful", True, True, False)
    unknown = asyncio.run(sign_pdf(PDF, qualified(STRANGER), "Signature1"))
    (found,) = verify_file_signature(unknown, AT, ROOTS)
    assert (found.verdict, found.intact, found.trusted) == ("doubtful", True, False)
    expired = asyncio.run(sign_pdf(PDF, qualified(AUTHORITY, datetime(2025, 1, 1, tzinfo=UTC)), "Signature1"))
    (found,) = verify_file_signature(expired, AT, ROOTS)
    assert (found.verdict, found.trusted) == ("doubtful", False)
    assert "n'était pas valable" in found.problems[0]


def test_the_readers_warnings_name_signers_and_reach_no_log() -> None:
    signed = asyncio.run(sign_pdf(PDF, qualified(STRANGER), "Signature1"))
    written = BufferingHandler(1000)
    logging.getLogger().addHandler(written)
    try:
        verify_file_signature(signed, AT, ROOTS)
    finally:
        logging.getLogger().removeHandler(written)
    assert [each.getMessage() for each in written.buffer] == []


def test_an_altered_pdf_is_invalid_and_an_unsigned_one_has_no_signature() -> None:
    signed = asyncio.run(sign_pdf(PDF, qualified(AUTHORITY), "Signature1"))
    place = signed.index(b"stream") + 20
    altered = signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]
    assert [each.verdict for each in verify_file_signature(altered, AT, ROOTS)] == ["invalid"]
    assert verify_file_signature(PDF, AT, ROOTS) == []
    assert verify_file_signature(b"du texte", AT, ROOTS) == []


def test_detached_and_enveloping_cades() -> None:
    content, issued = b"bordereau des prix", qualified(AUTHORITY)
    detached = asyncio.run(cades(content, issued))
    (found,) = verify_file_signature(detached, AT, ROOTS, signed=content)
    assert (found.verdict, found.format, found.problems) == ("valid", "CAdES", ())
    assert [each.verdict for each in verify_file_signature(detached, AT, ROOTS, signed=b"autre")] == ["invalid"]
    assert [each.verdict for each in verify_file_signature(detached, AT, ROOTS)] == ["doubtful"]
    whole = asyncio.run(cades(content, issued, detached=False))
    assert [each.verdict for each in verify_file_signature(whole, AT, ROOTS)] == ["valid"]


@pytest.mark.parametrize(
    "data", [b"\x30", b"\x30\x80\x00", b"-----BEGIN PKCS7-----\n", b"%PDF-1.7 /ByteRange [0 1 2 3]", b"%PDF-"]
)
def test_hostile_files_are_never_valid_and_never_crash(data: bytes) -> None:
    assert all(each.verdict != "valid" for each in verify_file_signature(data, AT, ROOTS))


def test_a_xades_signature_is_not_taken_for_verified() -> None:
    data = b'<a><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></a>'
    assert [(each.verdict, each.format) for each in verify_file_signature(data, AT, ROOTS)] == [("doubtful", "XAdES")]
