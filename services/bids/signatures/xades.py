"""XAdES: signatures of an XML document, or of a file beside it (EN 319 132-1), verified by signxml.

Integrity is signxml's; what the signature covers is checked here, as is the certificate. Time stamps that such a signature
carries are not read: the hour is that at which the file is known to have existed.
"""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature
from signxml.util import _remove_sig
from signxml.verifier import VerifyResult
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from services.bids.signatures.cms import MISSING
from services.bids.signatures.judgement import NOT_QUALIFIED, TAMPERED, verdict_of
from services.bids.signatures.trust import Trust, is_qualified
from services.bids.signatures.verdict import HOSTILE, MAX_SIGNATURES, FileSignature, indeterminate, unreadable

__all__ = ["NAMESPACE", "verify_xades"]

NAMESPACE: Final = "http://www.w3.org/2000/09/xmldsig#"
_DS: Final = f"{{{NAMESPACE}}}"
_XADES: Final = "{http://uri.etsi.org/01903/v1.3.2#}"
_KNOWN: Final = {
    SignatureConstructionMethod.enveloped.value,
    f"{NAMESPACE}base64",
    *(each.value for each in CanonicalizationMethod),
}
"""Transforms that signxml applies; it passes over others, and would find that the content changed."""
_XPATH: Final = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_FILTER: Final = "http://www.w3.org/2002/06/xmldsig-filter2"
_WITHOUT_SIGNATURES: Final = {
    _XPATH: re.compile(r"not\(ancestor-or-self::(?:(?P<prefix>[\w.-]+):)?Signature\)"),
    _FILTER: re.compile(r"/descendant::(?:(?P<prefix>[\w.-]+):)?Signature"),
}
"""The one XPath of signing tools: the document without any signature, so that several people may sign it."""
_PARTIAL: Final = "La signature ne porte pas sur tout le document, ni sur un fichier de l'enveloppe."
_DIGESTS: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
Element = Any
"""lxml's."""


class _OneOf(XAdESVerifier):
    """Verifies one of the signatures of a document, and knows `_WITHOUT_SIGNATURES`; signxml by itself takes the first."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def _get_signature(self, root: Element) -> Element:
        return _signatures(root)[self._number]

    def _apply_transforms(self, payload: Element, *, transforms_node: Element, signature: Element) -> Element:
        if transforms_node is not None and any(map(_leaves_signatures_out, transforms_node)):
            for each in _signatures(payload):
                _remove_sig(each, idempotent=True)  # type: ignore[no-untyped-call]
        return super()._apply_transforms(payload, transforms_node=transforms_node, signature=signature)


async def verify_xades(data: bytes, trust: Trust, signed: bytes | None) -> list[FileSignature]:
    """Verify each signature of an XML document; `signed`: the file that a detached one signs."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    count = len(_signatures(root))
    if count > MAX_SIGNATURES:
        raise ValueError(f"more than {MAX_SIGNATURES} signatures")
    return [await _one(data, root, number, (trust, signed)) for number in range(count)]


def _signatures(root: Element) -> list[Element]:
    return list(root.iter(f"{_DS}Signature"))


async def _one(data: bytes, root: Element, number: int, basis: tuple[Trust, bytes | None]) -> FileSignature:
    trust, signed = basis
    signature = _signatures(root)[number]
    problem = _unsupported(signature, signed)
    if problem is not None:
        return indeterminate("XAdES", problem)
    try:
        certificates = _certificates(signature)
        found = _altered(_loaded(certificates[0]), signature)
        try:
            results = _verified(data, number, certificates[0], signed)
        except (InvalidDigest, InvalidSignature):
            return found
        certificate, *others = map(_loaded, certificates)
        distrust = await trust.problem_of(certificate, others)
        return _told(found, distrust, is_qualified(certificate), _covers(root, signature, results, signed))
    except InvalidInput as error:
        return indeterminate("XAdES", f"Cette signature n'est pas un XAdES que l'outil sait lire ({error!s:.200}).")
    except HOSTILE as error:
        return unreadable("XAdES", error)


def _altered(certificate: asn1_x509.Certificate, signature: Element) -> FileSignature:
    """Give what is told of a signature whose content is another one; who signed is what it claims."""
    return FileSignature(
        verdict="invalid", form="XAdES", signer=certificate.subject.human_friendly,
        issuer=certificate.issuer.human_friendly, signed_at=_claimed(signature), problems=(TAMPERED,),
    )  # fmt: skip


def _told(found: FileSignature, distrust: str | None, qualified: bool, covers: bool) -> FileSignature:
    problems = [
        *([] if covers else [_PARTIAL]),
        *([distrust] if distrust else []),
        *([] if qualified else [NOT_QUALIFIED]),
    ]
    return found.model_copy(
        update={"verdict": verdict_of(intact=True, problems=problems), "intact": True, "trusted": distrust is None,
                "qualified": qualified, "problems": tuple(problems)}
    )  # fmt: skip


def _unsupported(signature: Element, signed: bytes | None) -> str | None:
    """Say what keeps a signature from being judged: it must not be told as tampered with."""
    if not all(
        each.get("Algorithm") in _KNOWN or _leaves_signatures_out(each) for each in signature.iter(f"{_DS}Transform")
    ):
        return "La signature emploie une transformation XML que l'outil n'applique pas."
    digests = {each.get("Algorithm") for each in signature.findall(f"{_DS}SignedInfo/{_DS}Reference/{_DS}DigestMethod")}
    if not digests <= {each.value for each in DigestAlgorithm if "SHA1" not in each.name}:
        return "La signature emploie une empreinte trop faible ou inconnue (SHA-1)."
    outside = [each for each in _references(signature) if _is_outside(each)]
    if len(outside) > 1 or any(each.find(f"{_DS}Transforms") is not None for each in outside):
        return "La signature détachée porte sur plusieurs fichiers, ou sur un fichier transformé."
    return MISSING if signed is None and outside else None


def _leaves_signatures_out(transform: Element) -> bool:
    """Say whether a transform leaves out the signatures, and nothing else."""
    pattern, (*paths,) = _WITHOUT_SIGNATURES.get(transform.get("Algorithm")), transform
    found = None if pattern is None or len(paths) != 1 else pattern.fullmatch("".join((paths[0].text or "").split()))
    if found is None or paths[0].nsmap.get(found["prefix"]) != NAMESPACE:
        return False
    return bool(transform.get("Algorithm") == _XPATH or paths[0].get("Filter") == "subtract")


def _references(signature: Element) -> list[Element]:
    return list(signature.findall(f"{_DS}SignedInfo/{_DS}Reference"))


def _is_outside(reference: Element) -> bool:
    target = reference.get("URI")
    return bool(target) and not target.startswith("#")


def _certificates(signature: Element) -> list[x509.Certificate]:
    """Give the certificates that come with a signature, the signer's first: the one it names by its digest. Raises InvalidInput."""
    texts = [each.text or "" for each in signature.iter(f"{_DS}X509Certificate")]
    known = [x509.load_der_x509_certificate(b64decode(re.sub(r"\s", "", each))) for each in texts]
    if not known:
        raise InvalidInput("no certificate")
    named = b64decode(signature.findtext(f".//{_XADES}CertDigest/{_DS}DigestValue") or "")
    return sorted(known, key=lambda each: named not in {each.fingerprint(kind()) for kind in _DIGESTS})


def _loaded(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _claimed(signature: Element) -> datetime | None:
    text = signature.findtext(f".//{_XADES}SigningTime")
    found = datetime.fromisoformat(text) if text else None
    return found if found is not None and found.tzinfo is not None else None


def _verified(data: bytes, number: int, certificate: x509.Certificate, signed: bytes | None) -> list[VerifyResult]:
    """Verify the integrity; the certificate's dates are judged elsewhere. Raises InvalidSignature, InvalidInput."""
    begun = certificate.not_valid_before_utc + timedelta(seconds=1)
    config = XAdESSignatureConfiguration(expect_references=True, verification_time=begun)
    resolver = None if signed is None else lambda _: signed
    return list(_OneOf(number).verify(data, x509_cert=certificate, uri_resolver=resolver, expect_config=config))


def _covers(root: Element, signature: Element, results: list[VerifyResult], signed: bytes | None) -> bool:
    """Say whether a reference is of the whole document, of what the signature itself holds, or of the file beside it."""
    whole = {"", *(f"#{root.get(name)}" for name in ("Id", "ID", "id") if root.get(name) and root is not signature)}
    held = {f"#{each.get('Id')}" for each in signature.findall(f"{_DS}Object") if each.get("Id") and _holds(each)}
    for reference, result in zip(_references(signature), results, strict=True):
        target = reference.get("URI")
        if _is_outside(reference):
            if result.signed_data == signed:
                return True
        elif target in whole | (held if root is signature else set()):
            return True
    return False


def _holds(content: Element) -> bool:
    """Say whether an object of the signature is content, not the properties of the signature."""
    return content.find(f"{_XADES}QualifyingProperties") is None
