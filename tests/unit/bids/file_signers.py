"""People who sign files of a bid with their own tools: qualified certificates, revocation lists, CAdES and XAdES."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree
from pyhanko.sign import signers
from pyhanko_certvalidator.registry import SimpleCertificateStore
from signxml.algorithms import SignatureConstructionMethod
from signxml.xades.xades import XAdESSigner

from deploy.local.pki import IssuedKey, TestAuthority

AUTHORITY, STRANGER = TestAuthority.create(), TestAuthority.create()
QC_COMPLIANCE = bytes.fromhex("300a3008060604008e460101")
"""QCStatements with id-etsi-qcs-QcCompliance alone (EN 319 412-5)."""
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
FAR = datetime(2060, 1, 1, tzinfo=UTC)


def qualified(authority: TestAuthority, until: datetime = FAR, *, publishes_revocation: bool = False) -> IssuedKey:
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
    builder = builder.add_extension(statements, critical=False)
    if publishes_revocation:
        builder = builder.add_extension(_published(), critical=False)
    return IssuedKey(key, builder.sign(issuer.key, hashes.SHA256()), plain.chain)


def _published() -> x509.CRLDistributionPoints:
    address = x509.UniformResourceIdentifier("http://crl.example.invalid/signataires.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)])


def revocation_list(authority: TestAuthority, revoked: Mapping[IssuedKey, datetime]) -> bytes:
    """Give the list (DER) of an authority that issues to signers."""
    issuer = authority.issuing
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(datetime(2026, 3, 22, tzinfo=UTC))
        .next_update(datetime(2026, 4, 22, tzinfo=UTC))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for each, at in revoked.items():
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(at)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


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


class _Signer(XAdESSigner):
    """Signs XML, or a file of any kind beside the signature, as bidders' tools do; signxml by itself signs XML."""

    beside: bytes | None = None

    def _build_sig(self, *args: Any, **options: Any) -> tuple[Any, Any]:  # noqa: ANN401  # as signxml has it
        signed_info, value = super()._build_sig(*args, **options)  # type: ignore[no-untyped-call]
        if self.beside is not None:
            reference = signed_info.find(f"{_DS}Reference")
            reference.remove(reference.find(f"{_DS}Transforms"))
            reference.find(f"{_DS}DigestValue").text = b64encode(sha256(self.beside).digest()).decode()
        return signed_info, value


def xades(content: bytes, issued: IssuedKey, *, detached: bool = False, reference: str | None = None) -> bytes:
    """Sign an XML document (enveloped), or any file beside the signature: XAdES B."""
    method = SignatureConstructionMethod.detached if detached else SignatureConstructionMethod.enveloped
    signer = _Signer(method=method, signature_algorithm="ecdsa-sha256", digest_algorithm="sha256")
    signer.beside = content if detached else None
    made = signer.sign(
        etree.Element("stand-in") if detached else etree.fromstring(content),
        key=issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        cert=[issued.certificate, *issued.chain],
        reference_uri="bordereau.pdf" if detached else reference,
    )
    return bytes(etree.tostring(made))
