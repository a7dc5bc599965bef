"""What a verification says: one verdict a file, one a signature, in the words of ETSI EN 319 102-1."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = ["Indication", "Modifications", "SignatureReport", "VerificationReport"]


class Indication(StrEnum):
    """The verdict (EN 319 102-1, 5.1.3), with two of ours: nothing signed, and not examined."""

    TOTAL_PASSED = "TOTAL_PASSED"
    INDETERMINATE = "INDETERMINATE"
    TOTAL_FAILED = "TOTAL_FAILED"
    NO_SIGNATURE = "NO_SIGNATURE"
    REFUSED = "REFUSED"

    @property
    def rank(self) -> int:
        """How bad it is: the verdict of a file is the worst of its signatures."""
        order = (self.TOTAL_PASSED, self.INDETERMINATE, self.NO_SIGNATURE, self.REFUSED, self.TOTAL_FAILED)
        return order.index(self)


class Modifications(StrEnum):
    """What was added to the document after a signature."""

    NONE = "none"
    ARCHIVING = "archiving"
    """Time stamps and validation data only (LTA)."""
    SIGNATURES = "signatures"
    """Further signatures too, and nothing else."""
    UNEXPLAINED = "unexplained"
    """Anything else: never accepted."""

    @property
    def harmless(self) -> bool:
        """True when what was signed is what one sees."""
        return self is not Modifications.UNEXPLAINED


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature, or one document time stamp."""

    field: str
    kind: str = "signature"
    """`signature`, or `timestamp` for a document time stamp."""
    indication: Indication = Indication.TOTAL_FAILED
    sub_indication: str | None = None
    signer: str | None = None
    certificate_sha256: str | None = None
    issuer: str | None = None
    signed_at: datetime | None = None
    """The trusted time stamp's time; without one, what the signer's own clock claimed."""
    timestamped: bool = False
    """A trusted time stamp proves `signed_at`."""
    level: str = "NOT_ETSI"
    """PAdES-B, PAdES-T, PAdES-LT, PAdES-LTA, or NOT_ETSI."""
    intact: bool = False
    """The signed bytes are those of the file, and the signature value is the certificate's."""
    trusted: bool = False
    """The certificate leads to a trusted root and was usable at the time of evaluation."""
    covers_whole_document: bool = False
    modifications: Modifications = Modifications.UNEXPLAINED
    evaluated_at: datetime | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """One file."""

    indication: Indication
    sub_indication: str | None = None
    signatures: tuple[SignatureReport, ...] = field(default=())
    problems: tuple[str, ...] = field(default=())

    @property
    def intact(self) -> bool:
        """True when it is signed, each signature is intact, and nothing but signatures was added after any of them."""
        signed = [item for item in self.signatures if item.kind == "signature"]
        return bool(signed) and all(item.intact and item.modifications.harmless for item in self.signatures)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON members; times are RFC 3339."""
        content = asdict(self)
        for item in content["signatures"]:
            for name in ("signed_at", "evaluated_at"):
                item[name] = item[name].isoformat() if item[name] else None
        return content
