"""A signer's own tool: it holds the key, the platform never does (order of 22 March 2019 ECOM1830224A, annexe 12 CCP).

`sign_pdf` makes a whole PAdES signature, as a company's own signing tool does before it uploads; `sign_prepared` signs
the bytes that the platform prepared. Usable without the platform.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from libs.common.timestamp import TimestampAuthority
from services.signature import pades

__all__ = ["Key", "sign_pdf", "sign_prepared"]

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


async def sign_pdf(
    pdf: bytes,
    key: Key,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    *,
    timestamp: TimestampAuthority | None,
    reason: str = "Engagement du candidat",
    field: str = "Signature_titulaire",
    at: datetime | None = None,
) -> bytes:
    """Give the PDF with a PAdES signature, level B-T with a time stamp authority, else B-B.

    `at` is the claimed signing time (now by default). Raises pades.UnsignableError.
    """
    signatory = pades.Signatory(
        certificate=_portable(certificate),
        chain=[_portable(item) for item in chain],
        field=field,
        reason=reason,
        at=at or datetime.now(UTC),
    )
    prepared = await asyncio.to_thread(pades.prepare, pdf, signatory)
    signature = sign_prepared(prepared.attributes, key)
    token = await timestamp.stamp(pades.digest_to_stamp(signature)) if timestamp else None
    return await asyncio.to_thread(pades.complete, prepared, signature, token)


def sign_prepared(to_sign: bytes, key: Key) -> bytes:
    """Give the signature value over the bytes that the platform prepared: SHA-256 with RSA PKCS#1 v1.5, or ECDSA."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(to_sign, ec.ECDSA(hashes.SHA256()))


def _portable(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
