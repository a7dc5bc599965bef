"""Signatures of the files of a bid, verified at the opening (order ECOM1830224A): PAdES, and CAdES enveloping or detached.

Checked: the signer, the category of his certificate, the format, that it leads to a trusted root and was in its dates at the
hour of signature, integrity. Offline: whether it was revoked is read only from what the file itself carries.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final, Literal

from asn1crypto import cms, core, pem
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import SigningError, find_unique_cms_attribute
from pyhanko.sign.validation import (
    async_validate_cms_signature,
    async_validate_detached_cms,
    async_validate_pdf_signature,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import collect_timing_info
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel, StandardCMSSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError

__all__ = ["MAX_BYTES", "FileSignature", "Verdict", "verify_file_signature"]

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).propagate = False  # their warnings name signers: no personal data in logs
    logging.getLogger(_name).addHandler(logging.NullHandler())

Verdict = Literal["valid", "doubtful", "invalid"]
Format = Literal["PAdES", "CAdES", "XAdES", "unknown"]
MAX_BYTES: Final = 200 * 2**20
"""Of a file whose signature is verified: it is held in memory."""
MAX_SIGNATURES: Final = 20
_QUALIFIED: Final = "0.4.0.1862.1.1"
"""id-etsi-qcs-QcCompliance (EN 319 412-5, 4.2.1): the issuer states that the certificate is qualified."""
_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
_HARMLESS: Final = {ModificationLevel.NONE, ModificationLevel.LTA_UPDATES}
"""pyHanko takes filled form fields for harmless too; a published attack redraws a page with them (NDSS 2021)."""
_HOSTILE: Final = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, TypeError,
    ValueError, struct.error, zlib.error, InvalidSignature, UnsupportedAlgorithm, PdfError, SigningError,
    SignatureValidationError, PathBuildingError, PathValidationError, ValidationError,
)  # fmt: skip
"""What the readers raise on a file made to mislead them: a verdict, never a crash."""


@dataclass(frozen=True, slots=True)
class FileSignature:
    """One signature of a file."""

    verdict: Verdict
    """valid: all was checked; doubtful: intact, but something could not be established; invalid: not what was signed."""
    format: Format
    signer: str | None = None
    issuer: str | None = None
    signed_at: datetime | None = None
    """The hour of a trusted time stamp, else what the signer's own clock claimed."""
    timestamped: bool = False
    intact: bool = False
    trusted: bool = False
    qualified: bool = False
    """The certificate states that it is qualified; whether its issuer is on a trusted list is not looked up."""
    problems: tuple[str, ...] = ()
    """In French."""


def verify_file_signature(
    data: bytes, at: datetime, roots: Sequence[x509.Certificate], *, signed: bytes | None = None
) -> list[FileSignature]:
    """Verify each signature of a file; none found is an empty list. Never raises on a hostile file; takes seconds: use a thread.

    `data`: a PDF, or a CAdES signature; `signed`: the file that a detached one signs. `at`: the hour of verification where no
    trusted time stamp proves that of signature.
    """
    if len(data) > MAX_BYTES:
        return [FileSignature("doubtful", "unknown", problems=("Le fichier est trop grand pour être vérifié.",))]
    form = _form(data)
    if form == "XAdES":
        return [FileSignature("doubtful", form, problems=("Les signatures XAdES ne sont pas vérifiées ici.",))]
    if form == "unknown" or (form == "PAdES" and b"/ByteRange" not in data):
        return []
    try:
        return asyncio.run(_pdf(data, at, roots) if form == "PAdES" else _cms(data, at, roots, signed))
    except _HOSTILE as error:
        return [_unreadable(form, error)]


def _unreadable(form: Format, error: Exception) -> FileSignature:
    return FileSignature("invalid", form, problems=(f"La signature ne peut pas être lue ({type(error).__name__}).",))


def _form(data: bytes) -> Format:
    if b"%PDF-" in data[:1024]:
        return "PAdES"
    if data[:1] == b"\x30" or data.startswith(b"-----BEGIN"):
        return "CAdES"
    head = data[:100].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "XAdES" if head.startswith(b"<") and b"http://www.w3.org/2000/09/xmldsig#" in data else "unknown"


def _context(at: datetime, roots: Sequence[x509.Certificate]) -> ValidationContext:
    anchors = [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in roots]
    return ValidationContext(trust_roots=anchors, moment=at, allow_fetching=False, revocation_mode="soft-fail")


async def _pdf(data: bytes, at: datetime, roots: Sequence[x509.Certificate]) -> list[FileSignature]:
    reader = PdfFileReader(BytesIO(data), strict=False)
    found = [each for each in reader.embedded_signatures if each.sig_object_type != "/DocTimeStamp"]
    if len(found) > MAX_SIGNATURES:
        raise ValueError(f"more than {MAX_SIGNATURES} signatures")
    return [await _embedded(each, at, roots) for each in found]


async def _embedded(found: EmbeddedPdfSignature, at: datetime, roots: Sequence[x509.Certificate]) -> FileSignature:
    try:
        status = await async_validate_pdf_signature(
            found, _context(at, roots), ts_validation_context=_context(at, roots)
        )
        if (
            status.timestamp_validity is not None
            and status.timestamp_validity.valid
            and status.timestamp_validity.trusted
        ):
            moment = _context(status.timestamp_validity.timestamp, roots)
            status = await async_validate_pdf_signature(found, moment, ts_validation_context=_context(at, roots))
    except _HOSTILE as error:
        return _unreadable("PAdES", error)
    problems = []
    if status.coverage not in {SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION}:
        problems.append("La signature ne couvre pas tout le document.")
    elif status.coverage is not SignatureCoverageLevel.ENTIRE_FILE and status.modification_level not in _HARMLESS:
        problems.append("Le document a été modifié ou signé de nouveau après cette signature.")
    return _verdict("PAdES", status, problems)


async def _cms(
    data: bytes, at: datetime, roots: Sequence[x509.Certificate], signed: bytes | None
) -> list[FileSignature]:
    message = cms.ContentInfo.load(_der(data), strict=True)
    if message["content_type"].native != "signed_data":
        raise ValueError("not signed data")
    content = message["content"]
    inner = content["encap_content_info"]["content"]
    enveloped = None if isinstance(inner, core.Void) or inner.native is None else bytes(inner)
    if enveloped is None and signed is None:
        return [FileSignature("doubtful", "CAdES", problems=("Le fichier que cette signature détachée signe manque.",))]
    status = await _content_status(content, signed, at, roots, enveloped)
    problems = []
    if enveloped is not None and signed is not None and enveloped != signed:
        problems.append("La signature porte sur un autre contenu que le fichier.")
    attributes = content["signer_infos"][0]["signed_attrs"]
    if not _names_its_certificate(attributes):
        problems.append("Le format n'est pas CAdES : la signature ne nomme pas son certificat.")
    return [_verdict("CAdES", status, problems)]


async def _content_status(
    content: cms.SignedData,
    signed: bytes | None,
    at: datetime,
    roots: Sequence[x509.Certificate],
    enveloped: bytes | None,
) -> StandardCMSSignatureStatus:
    """Validate a signature that holds its content, or one of `signed`."""
    if enveloped is None:
        return await async_validate_detached_cms(signed or b"", content, _context(at, roots), _context(at, roots))
    body: bytes = enveloped
    timing = await collect_timing_info(
        content["signer_infos"][0], _context(at, roots), raw_digest=lambda name: hashlib.new(name, body).digest()
    )
    return await async_validate_cms_signature(
        content,
        status_cls=StandardCMSSignatureStatus,
        validation_context=_context(at, roots),
        status_kwargs=dict(timing),
    )


def _names_its_certificate(attributes: Any) -> bool:  # noqa: ANN401  # asn1crypto
    try:
        return find_unique_cms_attribute(attributes, "signing_certificate_v2") is not None
    except _HOSTILE:
        return False


def _der(data: bytes) -> bytes:
    return bytes(pem.unarmor(data)[2]) if pem.detect(data) else data


def _verdict(form: Format, status: Any, problems: Sequence[str]) -> FileSignature:  # noqa: ANN401
    """Put together what pyHanko found with the rules of the order."""
    certificate = status.signing_cert
    intact = bool(status.intact and status.valid)
    stamp = status.timestamp_validity
    stamped = stamp is not None and bool(stamp.valid and stamp.trusted)
    qualified = _is_qualified(certificate)
    doubts = list(problems)
    if not status.trusted:
        doubts.append(
            "Le certificat ne remonte pas à une autorité reconnue, ou n'était pas valable à la date de signature."
        )
    if not qualified:
        doubts.append("Le certificat ne se dit pas qualifié.")
    if not intact:
        doubts.insert(0, "Le contenu n'est pas celui qui a été signé.")
    verdict: Verdict = "invalid" if not intact else "doubtful" if doubts else "valid"
    return FileSignature(
        verdict, form, certificate.subject.human_friendly, certificate.issuer.human_friendly,
        stamp.timestamp if stamped else status.signer_reported_dt, stamped, intact, bool(status.trusted), qualified,
        tuple(doubts),
    )  # fmt: skip


def _is_qualified(certificate: asn1_x509.Certificate) -> bool:
    for extension in certificate["tbs_certificate"]["extensions"] or ():
        if extension["extn_id"].dotted == _STATEMENTS:
            return core.ObjectIdentifier(_QUALIFIED).dump() in bytes(extension["extn_value"].contents)
    return False
