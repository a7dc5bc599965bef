"""Verify the signatures of a PDF. Never raises on a hostile file, never says valid to what it cannot prove."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import datetime

from asn1crypto import cms
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature, extract_contents

from services.signature.pades.examine import Setting, examine_signature, examine_timestamp
from services.signature.pades.hostile import HOSTILE
from services.signature.pades.report import Indication, SignatureReport, VerificationReport
from services.signature.pades.trust import Trust

__all__ = ["MAX_SIGNATURES", "MAX_SIZE", "verify"]

MAX_SIZE = 100 * 2**20
"""Bytes of a PDF that is examined."""
MAX_SIGNATURES = 100


def verify(data: bytes, trust: Trust, at: datetime) -> VerificationReport:
    """Verify every signature of a PDF, offline, at this time where no trusted time stamp proves an earlier one."""
    if b"%PDF-" not in data[:1024]:
        return _refused(
            "UNSUPPORTED_FORMAT", "Ce fichier n'est pas un PDF : les autres formats ne sont pas encore lus."
        )
    if len(data) > MAX_SIZE:
        return _refused("TOO_LARGE", f"Le fichier dépasse {MAX_SIZE // 2**20} Mio.")
    try:
        return asyncio.run(_verify(data, trust, at))
    except HOSTILE as error:
        return _unreadable(data, error)


async def _verify(data: bytes, trust: Trust, at: datetime) -> VerificationReport:
    reader = PdfFileReader(io.BytesIO(data), strict=False)
    notes: list[str] = []
    if reader.encrypted:
        problem = _open_encrypted(reader)
        if problem:
            return _refused("ENCRYPTED", problem)
        notes.append("Le document est chiffré ou verrouillé.")
    found, broken = _read_signatures(reader, notes)
    if not found and not broken:
        sub = "FORMAT_FAILURE" if b"/ByteRange" in data and not reader.encrypted else None
        return _refused("ENCRYPTED", *notes) if reader.encrypted else VerificationReport(Indication.NO_SIGNATURE, sub)
    reports = await _examine(found, Setting(trust, at, _store(reader)))
    doubt = None
    if reader.xrefs.hybrid_xrefs_present:
        doubt = "Le document a deux tables d'objets concurrentes : ce qui se voit dépend du lecteur."
    return _conclude((*reports, *broken), notes, doubt)


def _open_encrypted(reader: PdfFileReader) -> str | None:
    """Open with the empty password, as a reader does; say why it cannot be opened."""
    try:
        reader.decrypt(b"")
        reader.root["/Pages"]
    except HOSTILE:
        return "Le document est chiffré : il ne peut pas être lu sans mot de passe."
    return None


def _read_signatures(
    reader: PdfFileReader, notes: list[str]
) -> tuple[list[EmbeddedPdfSignature], list[SignatureReport]]:
    found: list[EmbeddedPdfSignature] = []
    broken: list[SignatureReport] = []
    seen: set[object] = set()
    for name, field in _filled_fields(reader):
        value = field.raw_get("/V")
        mark = getattr(value, "reference", None) or id(value)
        if mark in seen:
            notes.append(f"Le champ {name} renvoie à une signature déjà comptée.")
            continue
        seen.add(mark)
        try:
            found.append(EmbeddedPdfSignature(reader, field, name))
        except HOSTILE as error:
            broken.append(_broken(name, field, error))
    found.sort(key=lambda item: item.signed_revision)
    return found, broken


def _filled_fields(reader: PdfFileReader) -> Iterator[tuple[str, DictionaryObject]]:
    for count, (name, _, field) in enumerate(enumerate_sig_fields(reader, filled_status=True)):
        if count >= MAX_SIGNATURES:
            raise ValueError(f"more than {MAX_SIGNATURES} signature fields")
        yield str(name), field.get_object()


async def _examine(found: list[EmbeddedPdfSignature], setting: Setting) -> list[SignatureReport]:
    stamps = {item: await examine_timestamp(item, setting) for item in found if item.sig_object_type == "/DocTimeStamp"}
    reports = []
    for item in found:
        if item in stamps:
            reports.append(stamps[item])
            continue
        later = [report for stamp, report in stamps.items() if stamp.signed_revision > item.signed_revision]
        reports.append(await examine_signature(item, setting, later))
    return reports


def _store(reader: PdfFileReader) -> DocumentSecurityStore | None:
    try:
        return DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return None


def _broken(name: str, field: DictionaryObject, error: Exception) -> SignatureReport:
    text = f"La signature ne peut pas être lue : {error or type(error).__name__}"
    indication = Indication.TOTAL_FAILED if _is_cms(field) else Indication.NO_SIGNATURE
    return SignatureReport(field=name, indication=indication, sub_indication="FORMAT_FAILURE", problems=(text,))


def _is_cms(field: DictionaryObject) -> bool:
    """Say if the field holds at least something that can be decoded as a signature (CMS); else there is none."""
    try:
        message = cms.ContentInfo.load(extract_contents(field["/V"]))
        return message["content_type"].native == "signed_data" and bool(message["content"].native["signer_infos"])
    except HOSTILE:
        return False


def _conclude(reports: tuple[SignatureReport, ...], notes: list[str], doubt: str | None) -> VerificationReport:
    """The file's verdict is that of its worst signature; a broken document time stamp leaves at best a doubt."""
    problems = (
        *notes,
        *([doubt] if doubt else []),
        *(f"{item.field} : {text}" for item in reports for text in item.problems),
    )
    signed = [item for item in reports if item.kind == "signature"]
    if not signed:
        return VerificationReport(Indication.NO_SIGNATURE, None, reports, problems)
    worst = max(signed, key=lambda item: item.indication.rank)
    stamps = (item for item in reports if item.kind == "timestamp")
    doubtful = doubt is not None or any(item.indication is not Indication.TOTAL_PASSED for item in stamps)
    if worst.indication is Indication.TOTAL_PASSED and doubtful:
        return VerificationReport(Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE", reports, problems)
    return VerificationReport(worst.indication, worst.sub_indication, reports, problems)


def _refused(sub: str, *problems: str) -> VerificationReport:
    return VerificationReport(Indication.REFUSED, sub, (), problems)


def _unreadable(data: bytes, error: Exception) -> VerificationReport:
    text = f"Le document PDF ne peut pas être lu : {error or type(error).__name__}"
    if b"/ByteRange" in data:
        return VerificationReport(Indication.TOTAL_FAILED, "FORMAT_FAILURE", (), (text,))
    return _refused("FORMAT_FAILURE", text)
