"""What the service needs of the outside, beyond the runtime."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

__all__ = ["TrustedRoots"]


@dataclass(frozen=True)
class TrustedRoots:
    """The roots that time stamps must rest on (`HALLES_TRUST_DIR`)."""

    certificates: tuple[x509.Certificate, ...]
