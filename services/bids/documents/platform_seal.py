"""The platform's seal on its papers (PAdES, ETSI EN 319 142-1): who made them, that nobody changed them, and when.

The key is a certificate of the platform's, an electronic seal in the sense of eIDAS, article 3(25); never a person's.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol, Self

import structlog
from asn1crypto import cms, keys, pem, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from libs.common.timestamp import TimestampAuthority, TimestampError

__all__ = ["FileSeal", "NoSeal", "PlatformSeal"]

_FIELD = "Cachet_plateforme"
_ROOM = 2 * 24 * 1024
"""Bytes kept for the signature with its certificates and its time stamp, written in hexadecimal."""
_log = structlog.get_logger(__name__)


class PlatformSeal(Protocol):
    """Seals PDFs in the platform's name."""

    async def seal(self, pdf: bytes, reason: str) -> bytes:
        """Give the PDF with the platform's seal. `reason` is told to its reader, in French."""
        ...


class NoSeal:
    """No certificate is configured (`HALLES_SEAL_FILE`): papers are given as they are."""

    async def seal(self, pdf: bytes, reason: str) -> bytes:
        """Give the PDF unchanged."""
        del reason
        return pdf


class FileSeal:
    """Seals with a key kept in a file: level B-T, or B-B while no time stamp authority answers."""

    def __init__(self, signer: SimpleSigner, authority: TimestampAuthority) -> None:
        self._signer = signer
        self._authority = authority

    @classmethod
    def load(cls, path: Path, authority: TimestampAuthority) -> Self:
        """Read a PEM file: the private key, its certificate, then those above it. Raises ValueError."""
        blocks = [(kind, der) for kind, _, der in pem.unarmor(path.read_bytes(), multiple=True)]
        private = [der for kind, der in blocks if kind == "PRIVATE KEY"]
        certificates = [x509.Certificate.load(der) for kind, der in blocks if kind == "CERTIFICATE"]
        if len(private) != 1 or not certificates:
            raise ValueError(f"{path}: one private key (PKCS #8) and its certificates are expected, PEM")
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(certificates[1:])
        key = keys.PrivateKeyInfo.load(private[0])
        return cls(SimpleSigner(certificates[0], key, registry, embed_roots=False), authority)

    async def seal(self, pdf: bytes, reason: str) -> bytes:
        """Give the PDF with the platform's seal."""
        try:
            return await self._sealed(pdf, reason, _Stamper(self._authority))
        except TimestampError as error:
            _log.warning("paper_sealed_without_stamp", reason=type(error).__name__)
            return await self._sealed(pdf, reason, None)

    async def _sealed(self, pdf: bytes, reason: str, stamper: TimeStamper | None) -> bytes:
        metadata = PdfSignatureMetadata(
            field_name=_FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason
        )
        signer = PdfSigner(metadata, self._signer, timestamper=stamper, new_field_spec=SigFieldSpec(_FIELD))
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        output = await signer.async_sign_pdf(writer, bytes_reserved=_ROOM)
        return bytes(output.getvalue())


class _Stamper(TimeStamper):
    """Asks our own port of time stamp authorities."""

    def __init__(self, authority: TimestampAuthority) -> None:
        super().__init__(include_nonce=False)  # type: ignore[no-untyped-call]
        self._authority = authority

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Give a token over this digest. Raises TimestampError."""
        if md_algorithm != "sha256":
            raise TimestampError("only SHA-256 digests are stamped")
        return cms.ContentInfo.load(await self._authority.stamp(message_digest))
