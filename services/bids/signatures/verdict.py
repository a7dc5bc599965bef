"""What is said of a signature, and which files can hold one."""

from __future__ import annotations

import struct
import zlib
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from lxml.etree import LxmlError
from pydantic import AwareDatetime, BaseModel, ConfigDict
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError
from signxml.exceptions import SignXMLException

__all__ = [
    "HOSTILE",
    "MAX_BYTES",
    "MAX_SIGNATURES",
    "FileSignature",
    "Form",
    "Verdict",
    "form_of",
    "indeterminate",
    "unreadable",
]

Verdict = Literal["valid", "indeterminate", "invalid"]
"""As EN 319 102-1 (5.1.3) tells them apart; valid: all was checked; invalid: the content is not what was signed."""
Form = Literal["PAdES", "CAdES", "XAdES"]
MAX_BYTES: Final = 200 * 2**20
"""Of a file whose signature is verified: it is held in memory, once for the worker and once by who verifies."""
MAX_SIGNATURES: Final = 20
"""Of one file."""
HEAD: Final = 1024
"""Bytes of a file that tell its form."""
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
"""id-signedData (RFC 5652, 5.1), as the first field of a CMS message has it."""
HOSTILE: Final = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError,
    ValueError, struct.error, zlib.error, InvalidSignature, UnsupportedAlgorithm, PdfError, SigningError,
    SignatureValidationError, PathBuildingError, PathValidationError, ValidationError, SignXMLException, LxmlError,
)  # fmt: skip
"""What the readers raise on a file made to mislead them: a verdict, never a crash."""


class FileSignature(BaseModel):
    """One signature of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    form: Form
    file: str | None = None
    """Name of the file that a detached one signs."""
    signer: str | None = None
    issuer: str | None = None
    signed_at: AwareDatetime | None = None
    """The hour of a trusted time stamp, else what the signer's own clock claimed."""
    timestamped: bool = False
    intact: bool = False
    trusted: bool = False
    qualified: bool = False
    """The certificate states that it is qualified; whether its issuer is on a trusted list is not looked up."""
    problems: tuple[str, ...] = ()
    """In French."""


def form_of(head: bytes) -> Form | None:
    """Give the form of signature that a file may hold, by its first bytes (`HEAD`); None: none that is known."""
    if (head[:1] == b"\x30" and _SIGNED_DATA in head[:20]) or head.startswith((b"-----BEGIN PKCS7", b"-----BEGIN CMS")):
        return "CAdES"  # before PDF: it may hold one
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "XAdES"
    return "PAdES" if b"%PDF-" in head else None


def indeterminate(form: Form, problem: str) -> FileSignature:
    """Say that nothing could be established, and why (in French)."""
    return FileSignature(verdict="indeterminate", form=form, problems=(problem,))


def unreadable(form: Form, error: Exception) -> FileSignature:
    """Say that a signature is there and cannot be read."""
    return FileSignature(
        verdict="invalid", form=form, problems=(f"La signature ne peut pas être lue ({type(error).__name__}).",)
    )
