"""A certificate that may have been revoked is never called valid without proof that it was not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from services.signature import pades, signer

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=not authority, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def certificate(subject: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    authority = key is by
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name("Racine"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage(authority=authority), critical=True)
    )
    if not authority:
        place = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.test/liste.crl")], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)
    return builder.sign(by, hashes.SHA256())


def test_a_certificate_with_a_revocation_list_that_is_not_at_hand_stays_undecided(contract_pdf: bytes) -> None:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, own = certificate("Racine", root_key, root_key), certificate("Signataire", key, root_key)
    signed = asyncio.run(signer.sign_pdf(contract_pdf, key, own, [root], timestamp=None))
    trust = pades.Trust((asn1_x509.Certificate.load(root.public_bytes(Encoding.DER)),))
    report = pades.verify(signed, trust, datetime.now(UTC))
    assert (report.indication, report.sub_indication) == ("INDETERMINATE", "TRY_LATER")
    assert report.signatures[0].trusted
    assert report.intact


def test_a_signers_own_certificate_among_the_roots_vouches_for_nobody(contract_pdf: bytes) -> None:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    own = certificate("Signataire", key, root_key)
    signed = asyncio.run(signer.sign_pdf(contract_pdf, key, own, [], timestamp=None))
    trust = pades.Trust((asn1_x509.Certificate.load(own.public_bytes(Encoding.DER)),))
    report = pades.verify(signed, trust, datetime.now(UTC))
    assert report.indication is pades.Indication.INDETERMINATE
    assert not report.signatures[0].trusted
