"""PAdES: the signatures of a PDF (EN 319 142-1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import DocumentSecurityStore, async_validate_pdf_signature
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.bids.signatures.judgement import told
from services.bids.signatures.trust import Trust, judged
from services.bids.signatures.verdict import HOSTILE, MAX_SIGNATURES, FileSignature, unreadable

__all__ = ["verify_pdf"]

_HARMLESS: Final = {ModificationLevel.NONE, ModificationLevel.LTA_UPDATES}
"""pyHanko takes filled form fields for harmless too; a published attack redraws a page with them (NDSS 2021)."""


async def verify_pdf(data: bytes, trust: Trust) -> list[FileSignature]:
    """Verify each signature of a PDF; time stamps of the document are none."""
    reader = PdfFileReader(BytesIO(data), strict=False)
    found = [each for each in reader.embedded_signatures if each.sig_object_type != "/DocTimeStamp"]
    if len(found) > MAX_SIGNATURES:
        raise ValueError(f"more than {MAX_SIGNATURES} signatures")
    store: DocumentSecurityStore | None = None
    with suppress(NoDSSFoundError):
        store = DocumentSecurityStore.read_dss(reader)
    return [await _embedded(each, trust, store) for each in found]


def _context(trust: Trust, store: DocumentSecurityStore | None, moment: datetime, mode: str) -> ValidationContext:
    """Give a context with what the document itself carries (level LT)."""
    options = trust.options(moment, mode)
    return ValidationContext(**options) if store is None else store.as_validation_context(options)


async def _embedded(found: EmbeddedPdfSignature, trust: Trust, store: DocumentSecurityStore | None) -> FileSignature:
    async def validate(moment: datetime, mode: str) -> PdfSignatureStatus:
        stamps = _context(trust, store, trust.at, "soft-fail")
        return await async_validate_pdf_signature(found, _context(trust, store, moment, mode), stamps)

    try:
        stamp = (await validate(trust.at, "soft-fail")).timestamp_validity
        moment = stamp.timestamp if stamp is not None and stamp.valid and stamp.trusted else trust.at
        status, distrust = await judged(lambda mode: validate(moment, mode))
    except HOSTILE as error:
        return unreadable("PAdES", error)
    return told("PAdES", status, distrust, _changes(status))


def _changes(status: PdfSignatureStatus) -> list[str]:
    if status.coverage not in {SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION}:
        return ["La signature ne couvre pas tout le document."]
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE and status.modification_level not in _HARMLESS:
        return ["Le document a été modifié ou signé de nouveau après cette signature."]
    return []
