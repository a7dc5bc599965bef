"""PAdES in two steps: the bytes to sign go out, the signature value comes back (ETSI EN 319 142-1, levels B-B and B-T).

The document is prepared with an empty place for the signature; the signer's tool signs the DER of the CMS signed
attributes (RFC 5652, 5.4), which hold the document's digest and the signer's certificate identifier; the value, with
its time stamp, is then written in the place. Nothing here has the signer's key.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.signers.pdf_cms import ExternalSigner, PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.signature.pades.hostile import HOSTILE

__all__ = ["Prepared", "Signatory", "UnsignableError", "complete", "digest_to_stamp", "prepare", "value_matches"]

DIGEST = "sha256"
TIMESTAMP_ROOM = 12 * 1024
"""Bytes kept for the time stamp token with its certificates (about 5 KiB in practice)."""
CMS_ROOM = 4 * 1024
"""Bytes kept for the signed attributes, the signature value and the CMS structure."""


class UnsignableError(Exception):
    """The document, or this certificate, cannot be used to sign; the message says why, in French."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signs, and what the signature says of it."""

    certificate: x509.Certificate
    chain: Sequence[x509.Certificate]
    field: str
    reason: str
    at: datetime
    """The signing time written in the signature dictionary: a claim; the time stamp proves."""
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that waits for its signature value. Everything in it can be stored: nothing is secret."""

    document: bytes
    digest: bytes
    """SHA-256 of the signed byte range."""
    place: tuple[int, int]
    """Where the signature goes, in bytes from the start."""
    attributes: bytes
    """The bytes to sign: DER of the CMS signed attributes."""
    certificate: bytes
    chain: tuple[bytes, ...]
    algorithm: str
    """`sha256_rsa` (PKCS#1 v1.5) or `sha256_ecdsa`."""


def prepare(pdf: bytes, signatory: Signatory) -> Prepared:
    """Prepare an incremental update with an empty signature. Raises UnsignableError."""
    algorithm = _algorithm(signatory.certificate)
    signer = _external_signer(signatory.certificate, signatory.chain)
    try:
        digest, document = _with_empty_place(pdf, signatory, signer)
        attributes = asyncio.run(_signed_attributes(signer, digest.document_digest))
    except HOSTILE as error:
        raise UnsignableError(f"Ce document PDF ne peut pas recevoir de signature : {error}") from error
    return Prepared(
        document=document,
        digest=digest.document_digest,
        place=(digest.reserved_region_start, digest.reserved_region_end),
        attributes=attributes,
        certificate=signatory.certificate.dump(),
        chain=tuple(item.dump() for item in signatory.chain),
        algorithm=algorithm,
    )


def complete(prepared: Prepared, signature: bytes, token: bytes | None) -> bytes:
    """Write the signature value, and its time stamp token (DER) where given, in the prepared document.

    Raises UnsignableError when the value is not one of this certificate over these bytes.
    """
    if not value_matches(prepared, signature):
        raise UnsignableError("La valeur de signature ne correspond pas au document préparé.")
    certificate = x509.Certificate.load(prepared.certificate)
    chain = [x509.Certificate.load(item) for item in prepared.chain]
    signer = _external_signer(certificate, chain, signature)
    content = asyncio.run(_package(signer, prepared.attributes, token))
    digest = PreparedByteRangeDigest(prepared.digest, *prepared.place)
    output = io.BytesIO(prepared.document)
    digest.fill_with_cms(output, content)
    return output.getvalue()


def digest_to_stamp(signature: bytes) -> bytes:
    """Give the SHA-256 digest that the time stamp authority stamps for level T (EN 319 122-1, 5.3)."""
    return hashlib.sha256(signature).digest()


def value_matches(prepared: Prepared, signature: bytes) -> bool:
    """Say if this is a signature by the certificate's key over the prepared bytes."""
    key = load_der_public_key(x509.Certificate.load(prepared.certificate).public_key.dump())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, prepared.attributes, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, prepared.attributes, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


class _GivenToken(TimeStamper):
    """Hands pyHanko a token that was asked elsewhere."""

    def __init__(self, token: bytes) -> None:
        super().__init__(include_nonce=False)  # type: ignore[no-untyped-call]
        self._token = cms.ContentInfo.load(token, strict=True)

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Give the token, after checking that it stamps this digest."""
        info = self._token["content"]["encap_content_info"]["content"].parsed
        if md_algorithm != DIGEST or info["message_imprint"]["hashed_message"].native != message_digest:
            raise UnsignableError("L'horodatage reçu porte sur une autre signature.")
        return self._token


def _algorithm(certificate: x509.Certificate) -> str:
    key = certificate.public_key
    if key.algorithm == "rsa" and key.bit_size >= 2048:
        return "sha256_rsa"
    if key.algorithm == "ec":
        return "sha256_ecdsa"
    raise UnsignableError("Le certificat doit porter une clé RSA d'au moins 2048 bits ou une clé ECDSA.")


def _external_signer(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], value: bytes | None = None
) -> ExternalSigner:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain)
    return ExternalSigner(certificate, store, signature_value=value or 512, embed_roots=False)


def _with_empty_place(
    pdf: bytes, signatory: Signatory, signer: ExternalSigner
) -> tuple[PreparedByteRangeDigest, bytes]:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    if writer.prev.encrypted:
        raise UnsignableError("Un document PDF chiffré ou verrouillé ne peut pas être signé.")
    metadata = PdfSignatureMetadata(
        field_name=_free_field(writer, signatory.field),
        md_algorithm=DIGEST,
        subfilter=SigSeedSubFilter.PADES,
        reason=signatory.reason,
        location=signatory.location,
    )
    field = SigFieldSpec(sig_field_name=str(metadata.field_name))
    session = PdfSigner(metadata, signer, new_field_spec=field).init_signing_session(writer)
    session.system_time = signatory.at
    certificates = sum(len(item.dump()) for item in (signatory.certificate, *signatory.chain))
    room = 2 * (CMS_ROOM + TIMESTAMP_ROOM + certificates)  # written in hexadecimal
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=room)
    digest, output = document.digest_tbs_document(output=io.BytesIO())
    return digest, output.getvalue()  # type: ignore[attr-defined]  # a BytesIO


def _free_field(writer: IncrementalPdfFileWriter, wanted: str) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(writer.prev)}
    names = (wanted, *(f"{wanted}_{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in taken)


async def _signed_attributes(signer: ExternalSigner, digest: bytes) -> bytes:
    attributes = await signer.signed_attrs(digest, DIGEST, attr_settings=PdfCMSSignedAttributes(), use_pades=True)
    return bytes(attributes.dump())


async def _package(signer: ExternalSigner, attributes: bytes, token: bytes | None) -> cms.ContentInfo:
    return await signer.async_sign_prescribed_attributes(
        DIGEST, cms.CMSAttributes.load(attributes), timestamper=_GivenToken(token) if token else None
    )
