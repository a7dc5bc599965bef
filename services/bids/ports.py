"""What the service needs of the outside, beyond the runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

__all__ = ["TrustedRoots"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TrustedRoots:
    """What time stamps and signatures must rest on (`HALLES_TRUST_DIR`)."""

    certificates: tuple[x509.Certificate, ...]
    folder: Path | None = None
    """Where the operator keeps revocation lists beside the roots: `*.crl`, DER or PEM, refreshed by him."""

    def revocation_lists(self) -> tuple[bytes, ...]:
        """Give the revocation lists at hand (DER), read anew each time; one that cannot be read is told in the log and left out."""
        files = [] if self.folder is None else sorted(self.folder.glob("*.crl"))
        return tuple(found for each in files if (found := _revocation_list(each)) is not None)


def _revocation_list(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
        read = x509.load_pem_x509_crl if data.startswith(b"-----BEGIN") else x509.load_der_x509_crl
        return read(data).public_bytes(Encoding.DER)
    except (OSError, ValueError) as error:
        _log.warning("revocation_list_unreadable", file=path.name, reason=type(error).__name__)
        return None
