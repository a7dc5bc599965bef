"""Examine one signature or one document time stamp of a PDF (EN 319 102-1, 5.3 and 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import cms, core, x509
from pyhanko.sign.ades.report import AdESSubIndic
from pyhanko.sign.diff_analysis import SuspiciousModification
from pyhanko.sign.general import NonexistentAttributeError, find_unique_cms_attribute
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.signature.pades.hostile import HOSTILE
from services.signature.pades.policy import POLICY, classify, pages_changed
from services.signature.pades.report import Indication, Modifications, SignatureReport
from services.signature.pades.trust import Trust

__all__ = ["Setting", "examine_signature", "examine_timestamp"]

_PADES = "/ETSI.CAdES.detached"
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the authority's clock may be ahead of ours."""
_COVERED = (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an examination rests on."""

    trust: Trust
    at: datetime
    """The time of verification, used where no trusted time stamp proves an earlier one."""
    store: DocumentSecurityStore | None
    """Certificates and revocation data kept in the document (level LT)."""

    def context(self, moment: datetime) -> ValidationContext:
        """Give a fresh validation context, offline, at this moment."""
        options: dict[str, Any] = {
            "trust_roots": self.trust.anchors,
            "moment": moment,
            "allow_fetching": False,
            "revocation_mode": "soft-fail",
        }
        if self.store is None:
            return ValidationContext(**options)
        return self.store.as_validation_context(options)


async def examine_timestamp(embedded: EmbeddedPdfSignature, setting: Setting) -> SignatureReport:
    """Examine a document time stamp (`/DocTimeStamp`)."""
    draft = SignatureReport(field=str(embedded.field_name), kind="timestamp", level="DocTimeStamp")
    try:
        _compare(embedded)
        status = await async_validate_pdf_timestamp(embedded, setting.context(setting.at), skip_diff=True)
    except HOSTILE as error:
        return _unreadable(draft, error)
    draft = _with_changes(draft, embedded)
    intact = bool(status.intact and status.valid)
    draft = replace(
        draft,
        intact=intact,
        trusted=bool(status.trusted),
        timestamped=bool(status.trusted and intact),
        signed_at=status.timestamp,
        signer=status.signing_cert.subject.human_friendly,
        issuer=status.signing_cert.issuer.human_friendly,
        certificate_sha256=status.signing_cert.sha256.hex(),
        evaluated_at=setting.at,
    )
    if not intact:
        return _verdict(draft, Indication.TOTAL_FAILED, "HASH_FAILURE", "L'horodatage du document n'est pas intègre.")
    if not draft.modifications.harmless:
        return _changed(draft, embedded)
    if not draft.trusted:
        return _verdict(draft, Indication.INDETERMINATE, _name(status.trust_problem_indic), "Horodatage non reconnu.")
    return replace(draft, indication=Indication.TOTAL_PASSED)


async def examine_signature(
    embedded: EmbeddedPdfSignature, setting: Setting, timestamps: Sequence[SignatureReport]
) -> SignatureReport:
    """Examine a signature; `timestamps` are the document time stamps made after it."""
    draft = SignatureReport(field=str(embedded.field_name))
    try:
        _compare(embedded)
        draft = _with_changes(draft, embedded)
        proven = await _proven_time(embedded, setting, timestamps)
        moment = min(proven, setting.at) if proven else setting.at
        status = await async_validate_pdf_signature(
            embedded,
            signer_validation_context=setting.context(moment),
            ts_validation_context=setting.context(setting.at),
            skip_diff=True,  # done above; pyHanko keeps it
        )
    except HOSTILE as error:
        return _unreadable(draft, error)
    draft = _describe(draft, embedded, status, proven)
    draft = replace(draft, evaluated_at=moment, level=_level(embedded, draft, setting, timestamps))
    verdict = _judge(draft, embedded, status)
    if proven and proven > setting.at + CLOCK_TOLERANCE and verdict.indication is Indication.TOTAL_PASSED:
        return _verdict(draft, Indication.INDETERMINATE, "TIMESTAMP_ORDER_FAILURE", "L'horodatage est dans le futur.")
    return verdict


def _judge(draft: SignatureReport, embedded: EmbeddedPdfSignature, status: PdfSignatureStatus) -> SignatureReport:
    """Give the verdict: integrity first, then what was added, then the form, then trust."""
    failure = _failure(status)
    if failure:
        return _verdict(draft, Indication.TOTAL_FAILED, *failure)
    if not draft.modifications.harmless or not status.docmdp_ok:
        return _changed(draft, embedded)
    doubt = _doubt(embedded, status)
    if doubt:
        return _verdict(draft, Indication.INDETERMINATE, *doubt)
    return _judge_revocation(draft, status)


def _failure(status: PdfSignatureStatus) -> tuple[str, str] | None:
    if not status.valid:
        return "SIG_CRYPTO_FAILURE", "La valeur de la signature est fausse."
    if not status.intact:
        return "HASH_FAILURE", "Le document signé a été modifié."
    if status.coverage not in _COVERED:
        return "FORMAT_FAILURE", "La signature ne couvre pas tout le contenu qui la précède."
    return None


def _doubt(embedded: EmbeddedPdfSignature, status: PdfSignatureStatus) -> tuple[str, str] | None:
    form = _form_problem(embedded)
    if form:
        return "SIG_CONSTRAINTS_FAILURE", form
    if not status.trusted:
        reason = _name(status.trust_problem_indic)
        return reason, f"Le certificat du signataire n'est pas reconnu ({reason})."
    if status.seed_value_constraint_error is not None:
        return "SIG_CONSTRAINTS_FAILURE", "La signature n'obéit pas aux contraintes de son champ."
    return None


def _judge_revocation(draft: SignatureReport, status: PdfSignatureStatus) -> SignatureReport:
    """Never call valid what may be revoked: data must be at hand where the certificate says they exist."""
    path = status.validation_path
    chain = [item for item in path.iter_certs(include_root=False)] if path is not None else []  # noqa: C416  # untyped
    if not any(_publishes_revocation(certificate) for certificate in chain):
        note = "Révocation non contrôlée : les certificats n'indiquent aucun moyen de la connaître."
        return replace(draft, indication=Indication.TOTAL_PASSED, problems=(*draft.problems, note))
    if draft.level in {"PAdES-LT", "PAdES-LTA"}:
        return replace(draft, indication=Indication.TOTAL_PASSED)
    text = "Révocation non contrôlée : aucune liste ni réponse n'est jointe au document."
    return _verdict(draft, Indication.INDETERMINATE, "TRY_LATER", text)


def _publishes_revocation(certificate: x509.Certificate) -> bool:
    return bool(certificate.crl_distribution_points or certificate.ocsp_urls)


def _changed(draft: SignatureReport, embedded: EmbeddedPdfSignature) -> SignatureReport:
    if pages_changed(embedded.reader, embedded.signed_revision):
        text = "Les pages ont été modifiées après la signature."
        return _verdict(draft, Indication.TOTAL_FAILED, "FORMAT_FAILURE", text)
    text = "Le document a reçu après la signature des ajouts qui ne sont pas des signatures."
    return _verdict(draft, Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE", text)


def _form_problem(embedded: EmbeddedPdfSignature) -> str | None:
    """Say why it is no PAdES signature, if it is none (EN 319 142-1, 6.3)."""
    attributes = embedded.signer_info["signed_attrs"]
    if attributes is core.VOID or isinstance(attributes, core.Void):
        return "La signature n'a pas d'attributs signés : ce n'est pas une signature PAdES."
    if not _has(attributes, "signing_certificate_v2") and not _has(attributes, "signing_certificate"):
        return "La signature ne désigne pas son certificat (attribut signing-certificate) : ce n'est pas une signature PAdES."
    return None


def _has(attributes: cms.CMSAttributes, name: str) -> bool:
    try:
        find_unique_cms_attribute(attributes, name)
    except NonexistentAttributeError:
        return False
    return True


async def _proven_time(
    embedded: EmbeddedPdfSignature, setting: Setting, timestamps: Sequence[SignatureReport]
) -> datetime | None:
    """Give the earliest time at which the signature is proven to have existed."""
    status = await async_validate_pdf_signature(
        embedded,
        signer_validation_context=setting.context(setting.at),
        ts_validation_context=setting.context(setting.at),
        skip_diff=True,
    )
    token = status.timestamp_validity
    times = [item.signed_at for item in timestamps if item.timestamped and item.modifications.harmless]
    if token is not None and token.trusted:
        times.append(token.timestamp)
    return min((time for time in times if time is not None), default=None)


def _describe(
    draft: SignatureReport, embedded: EmbeddedPdfSignature, status: PdfSignatureStatus, proven: datetime | None
) -> SignatureReport:
    token, problems = status.timestamp_validity, draft.problems
    if token is not None and not token.trusted:
        problems = (*problems, "L'horodatage de la signature n'est pas reconnu : il n'est pas pris en compte.")
    return replace(
        draft,
        signer=status.signing_cert.subject.human_friendly,
        issuer=status.signing_cert.issuer.human_friendly,
        certificate_sha256=status.signing_cert.sha256.hex(),
        signed_at=proven or status.signer_reported_dt,
        timestamped=proven is not None,
        intact=bool(status.intact and status.valid and status.coverage in _COVERED),
        trusted=bool(status.trusted),
        problems=problems,
    )


def _level(
    embedded: EmbeddedPdfSignature, draft: SignatureReport, setting: Setting, timestamps: Sequence[SignatureReport]
) -> str:
    if str(embedded.sig_object.get("/SubFilter", "")) != _PADES or _form_problem(embedded):
        return "NOT_ETSI"
    if not draft.timestamped:
        return "PAdES-B"
    if setting.store is None or not (setting.store.crls or setting.store.ocsps):
        return "PAdES-T"
    return "PAdES-LTA" if any(item.timestamped for item in timestamps) else "PAdES-LT"


def _compare(embedded: EmbeddedPdfSignature) -> None:
    """Compute digest, coverage and what came after; a comparison that fails is a modification without explanation."""
    item: Any = embedded  # pyHanko leaves this part of it untyped
    item.compute_integrity_info(skip_diff=True)
    try:
        item.diff_result = item.evaluate_modifications(POLICY)
    except HOSTILE as error:
        item.diff_result = SuspiciousModification(str(error))


def _with_changes(draft: SignatureReport, embedded: EmbeddedPdfSignature) -> SignatureReport:
    changes = classify(embedded.diff_result)
    whole = embedded.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return replace(draft, covers_whole_document=whole, modifications=changes if not whole else Modifications.NONE)


def _unreadable(draft: SignatureReport, error: Exception) -> SignatureReport:
    """Map what the reader raised to a verdict; an unreadable signature is never better than failed."""
    sub = "FORMAT_FAILURE"
    if isinstance(error, SignatureValidationError) and error.ades_subindication is not None:
        sub = _name(error.ades_subindication)
    text = f"La signature ne peut pas être lue : {error or type(error).__name__}"
    return _verdict(draft, Indication.TOTAL_FAILED, sub, text)


def _name(sub: AdESSubIndic | None) -> str:
    return str(sub.standard_name) if sub is not None else "GENERIC"


def _verdict(draft: SignatureReport, indication: Indication, sub: str, problem: str) -> SignatureReport:
    return replace(draft, indication=indication, sub_indication=sub, problems=(*draft.problems, problem))
