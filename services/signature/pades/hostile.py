"""What the PDF, CMS and X.509 readers raise on hostile files: all of it becomes a verdict, none of it a crash."""

from __future__ import annotations

import struct
import zlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError

__all__ = ["HOSTILE"]

HOSTILE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # RecursionError and NotImplementedError among them
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    InvalidSignature,
    UnsupportedAlgorithm,
    PdfError,
    SigningError,
    PathBuildingError,
    PathValidationError,
    ValidationError,
)
"""Measured on the signed samples and on fuzzed copies of them: readers written for good files raise anything."""
