"""CAdES: signatures that hold what they sign, or stand beside it (EN 319 122-1)."""

from __future__ import annotations

import hashlib
from typing import Any

from asn1crypto import cms, core, pem
from pyhanko.sign.general import find_unique_cms_attribute
from pyhanko.sign.validation import async_validate_cms_signature, async_validate_detached_cms
from pyhanko.sign.validation.generic_cms import collect_timing_info
from pyhanko.sign.validation.status import StandardCMSSignatureStatus

from services.bids.signatures.judgement import told
from services.bids.signatures.trust import Trust, judged
from services.bids.signatures.verdict import HOSTILE, FileSignature, indeterminate

__all__ = ["MISSING", "verify_cms"]

MISSING = "Le fichier que cette signature détachée signe manque dans l'enveloppe, ou n'est pas reconnu."


async def verify_cms(data: bytes, trust: Trust, signed: bytes | None) -> list[FileSignature]:
    """Verify a signature; `signed`: the file that a detached one signs."""
    message = cms.ContentInfo.load(bytes(pem.unarmor(data)[2]) if pem.detect(data) else data, strict=True)
    if message["content_type"].native != "signed_data":
        raise ValueError("not signed data")
    content = message["content"]
    inner = content["encap_content_info"]["content"]
    enveloped = None if isinstance(inner, core.Void) or inner.native is None else bytes(inner)
    if enveloped is None and signed is None:
        return [indeterminate("CAdES", MISSING)]
    body = enveloped if enveloped is not None else signed or b""
    status, distrust = await judged(lambda mode: _status(content, body, enveloped is None, (trust, mode)))
    return [told("CAdES", status, distrust, _format_problems(content, enveloped, signed))]


async def _status(
    content: cms.SignedData,
    body: bytes,
    detached: bool,
    basis: tuple[Trust, str],
) -> StandardCMSSignatureStatus:
    trust, mode = basis
    context, stamps = trust.context(trust.at, mode), trust.context(trust.at, "soft-fail")
    if detached:
        return await async_validate_detached_cms(body, content, context, stamps)
    timing = await collect_timing_info(
        content["signer_infos"][0], stamps, raw_digest=lambda name: hashlib.new(name, body).digest()
    )
    return await async_validate_cms_signature(
        content, status_cls=StandardCMSSignatureStatus, validation_context=context, status_kwargs=dict(timing)
    )


def _format_problems(content: cms.SignedData, enveloped: bytes | None, signed: bytes | None) -> list[str]:
    problems = []
    if len(content["signer_infos"]) > 1:
        problems.append("Plusieurs signataires dans ce fichier : seule la première signature est vérifiée.")
    if enveloped is not None and signed is not None and enveloped != signed:
        problems.append("La signature porte sur un autre contenu que le fichier.")
    if not _names_its_certificate(content["signer_infos"][0]["signed_attrs"]):
        problems.append("Le format n'est pas CAdES : la signature ne nomme pas son certificat.")
    return problems


def _names_its_certificate(attributes: Any) -> bool:  # noqa: ANN401  # asn1crypto
    try:
        return find_unique_cms_attribute(attributes, "signing_certificate_v2") is not None
    except HOSTILE:
        return False
