"""The certificate a person signs with: read, and refused before anything is prepared when it could not be valid."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from libs.common.errors import FieldError
from services.signature import pades
from services.signature.errors import CertificateRefused
from services.signature.pades.hostile import HOSTILE

__all__ = ["check_usable", "read_certificates"]

MAX_CHAIN = 10
_OTHER_PURPOSES = frozenset({"time_stamping", "ocsp_signing", "code_signing", "server_auth"})
_PERSONS_PURPOSES = frozenset({"email_protection", "client_auth", "any_extended_key_usage"})


def read_certificates(certificate: str, chain: Sequence[str]) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """Read PEM certificates. Raises CertificateRefused."""
    own = _read(certificate, "/certificate")
    if len(own) != 1:
        raise _refused("/certificate", "Un seul certificat est attendu ici.", "One certificate is expected here.")
    above = [item for index, text in enumerate(chain) for item in _read(text, f"/chain/{index}")]
    if len(above) > MAX_CHAIN:
        raise _refused("/chain", f"{MAX_CHAIN} certificats au plus.", f"At most {MAX_CHAIN} certificates.")
    return own[0], above


async def check_usable(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], trust: pades.Trust, at: datetime
) -> None:
    """Refuse a certificate that is out of date, not meant for signatures, or unknown. Raises CertificateRefused.

    The purpose is non-repudiation (RFC 5280, 4.2.1.3), as signature certificates have it. Without any configured root,
    the chain is not judged.
    """
    if not certificate.not_valid_before <= at <= certificate.not_valid_after:
        raise _refused("/certificate", "Ce certificat n'est pas valable à cette date.", "Not valid at this date.")
    usage = certificate.key_usage_value
    if usage is None or "non_repudiation" not in usage.native:
        text = "Ce certificat n'est pas prévu pour signer (usage « non répudiation » absent)."
        raise _refused("/certificate", text, "This certificate is not meant for signatures (non-repudiation).")
    purposes = set(certificate.extended_key_usage_value.native) if certificate.extended_key_usage_value else set()
    if purposes & _OTHER_PURPOSES and not purposes & _PERSONS_PURPOSES:
        text = "Ce certificat est celui d'un service (horodatage, site, code) : il ne signe pas pour une personne."
        raise _refused("/certificate", text, "This is a service's certificate (time stamps, site, code).")
    if trust.anchors and not await asyncio.to_thread(_has_path, certificate, list(chain), trust, at):
        text = "Ce certificat n'est pas délivré par une autorité reconnue, ou sa chaîne est incomplète."
        raise _refused("/certificate", text, "No trusted authority issued this certificate, or its chain lacks.")


def _has_path(certificate: x509.Certificate, chain: list[x509.Certificate], trust: pades.Trust, at: datetime) -> bool:
    context = ValidationContext(trust_roots=trust.anchors, moment=at, allow_fetching=False)
    validator: Any = CertificateValidator(certificate, chain, validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage({"non_repudiation"}))
    except HOSTILE:
        return False
    return True


def _read(text: str, where: str) -> Sequence[x509.Certificate]:
    try:
        return pades.load_certificates(text.encode("ascii"))
    except (ValueError, TypeError) as error:
        raise _refused(where, "Ce n'est pas un certificat PEM.", "This is no PEM certificate.") from error


def _refused(where: str, french: str, english: str) -> CertificateRefused:
    return CertificateRefused(french, english, errors=[FieldError(where, french, english)])
