"""PAdES: signatures in PDF documents (ETSI EN 319 142), made in two steps, and verified offline."""

import logging

from services.signature.pades.report import Indication, Modifications, SignatureReport, VerificationReport
from services.signature.pades.signing import (
    Prepared,
    Signatory,
    UnsignableError,
    complete,
    digest_to_stamp,
    prepare,
    value_matches,
)
from services.signature.pades.trust import Trust, load_certificates
from services.signature.pades.verify import verify

__all__ = [
    "Indication",
    "Modifications",
    "Prepared",
    "Signatory",
    "SignatureReport",
    "Trust",
    "UnsignableError",
    "VerificationReport",
    "complete",
    "digest_to_stamp",
    "load_certificates",
    "prepare",
    "value_matches",
    "verify",
]

for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)  # they write signers' names: personal data stay out of logs
