"""What a signature may rest on: roots and revocation lists that the operator keeps, at an hour that is proved. Offline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from asn1crypto import core, crl, x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESSubIndic
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)

from services.bids.ports import TrustedRoots

__all__ = ["NOT_IN_DATES", "REVOKED", "UNCHECKED", "UNKNOWN", "Trust", "is_qualified", "judged"]

UNKNOWN: Final = "Le certificat ne remonte pas à une autorité reconnue pour la signature."
NOT_IN_DATES: Final = "Le certificat, ou un de ceux dont il dépend, n'était pas en cours de validité à l'heure retenue."
REVOKED: Final = "Le certificat, ou un de ceux dont il dépend, était révoqué à l'heure retenue."
UNCHECKED: Final = (
    "Révocation non contrôlée : la plateforme n'a pas la liste de l'autorité, et le fichier n'en joint pas."
)
_QUALIFIED: Final = "0.4.0.1862.1.1"
"""id-etsi-qcs-QcCompliance (EN 319 412-5, 4.2.1): the issuer states that the certificate is qualified."""
_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
_WHY: Final[dict[AdESSubIndic, str]] = {
    AdESFailure.REVOKED: REVOKED,
    AdESIndeterminate.REVOKED_NO_POE: REVOKED,
    AdESIndeterminate.REVOKED_CA_NO_POE: REVOKED,
    AdESFailure.NOT_YET_VALID: NOT_IN_DATES,
    AdESIndeterminate.NOT_YET_VALID: NOT_IN_DATES,
    AdESIndeterminate.EXPIRED: NOT_IN_DATES,
    AdESIndeterminate.OUT_OF_BOUNDS_NO_POE: NOT_IN_DATES,
    AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED: NOT_IN_DATES,
}
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Trust:
    """Roots and revocation lists (DER), and the hour at which the file is known to have existed."""

    roots: tuple[bytes, ...]
    at: datetime
    lists: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, known: TrustedRoots, at: datetime) -> Trust:
        """Take what the operator keeps; lists are read anew, they are refreshed while the service runs."""
        roots = tuple(each.public_bytes(Encoding.DER) for each in known.certificates)
        return cls(roots, at, known.revocation_lists())

    def options(self, moment: datetime, mode: str) -> dict[str, Any]:
        """Give what a validation context is made of. A list may be newer than the moment: only dates of revocation count."""
        anchors = [each for each in map(x509.Certificate.load, self.roots) if each.ca]
        return {
            "trust_roots": anchors, "moment": moment, "allow_fetching": False, "revocation_mode": mode,
            "retroactive_revinfo": True, "crls": [crl.CertificateList.load(each) for each in self.lists],
        }  # fmt: skip

    def context(self, moment: datetime, mode: str) -> ValidationContext:
        """Give a fresh validation context at a moment, offline."""
        return ValidationContext(**self.options(moment, mode))

    async def problem_of(self, certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> str | None:
        """Say why a signer's certificate is not trusted at the hour; None when it is."""
        problem = await self._chain(certificate, others, "hard-fail")
        return UNCHECKED if problem and not await self._chain(certificate, others, "soft-fail") else problem

    async def _chain(self, certificate: x509.Certificate, others: Sequence[x509.Certificate], mode: str) -> str | None:
        validator = CertificateValidator(certificate, list(others), validation_context=self.context(self.at, mode))
        try:
            await validator.async_validate_usage({"non_repudiation"})  # type: ignore[no-untyped-call]
        except RevokedError:
            return REVOKED
        except (ExpiredError, NotYetValidError):
            return NOT_IN_DATES
        except (InsufficientRevinfoError, PathBuildingError, PathValidationError, ValidationError):
            return UNKNOWN
        return None


async def judged(validate: Callable[[str], Awaitable[S]]) -> tuple[S, str | None]:
    """Validate with the mode given, strictly then without revocation; give pyHanko's status, and why there is no trust."""
    strict: Any = await validate("hard-fail")
    if strict.trusted:
        return strict, None
    loose: Any = await validate("soft-fail")
    return loose, UNCHECKED if loose.trusted else _WHY.get(loose.trust_problem_indic, UNKNOWN)


def is_qualified(certificate: x509.Certificate) -> bool:
    """Say whether a certificate states that it is qualified."""
    for extension in certificate["tbs_certificate"]["extensions"] or ():
        if extension["extn_id"].dotted == _STATEMENTS:
            return core.ObjectIdentifier(_QUALIFIED).dump() in bytes(extension["extn_value"].contents)
    return False
