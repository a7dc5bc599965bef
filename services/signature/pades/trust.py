"""The roots that signatures and time stamps may rest on, read from a folder of PEM or DER files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import pem, x509

__all__ = ["Trust", "load_certificates"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Trusted roots. None of them: every chain is unknown, hence at best INDETERMINATE."""

    roots: tuple[x509.Certificate, ...] = ()

    @property
    def anchors(self) -> list[x509.Certificate]:
        """The roots that are authorities: a signer's own certificate vouches for nobody (EN 319 102-1, 5.2.6)."""
        return [root for root in self.roots if root.ca]

    @classmethod
    def from_folder(cls, folder: Path | None) -> Trust:
        """Read every `.pem`, `.crt`, `.cer` and `.der` file of the folder. Raises ValueError naming a broken one."""
        if folder is None or not folder.is_dir():
            return cls()
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".pem", ".crt", ".cer", ".der"})
        roots: dict[bytes, x509.Certificate] = {}
        for path in files:
            for certificate in _read(path):
                roots[certificate.sha256] = certificate
        return cls(tuple(roots.values()))


def load_certificates(data: bytes) -> Sequence[x509.Certificate]:
    """Read one DER or any number of PEM certificates; other PEM blocks are skipped. Raises ValueError."""
    if not pem.detect(data):
        return [_checked(data)]
    blocks = pem.unarmor(data, multiple=True)
    return [_checked(der) for kind, _, der in blocks if kind == "CERTIFICATE"]


def _checked(der: bytes) -> x509.Certificate:
    certificate = x509.Certificate.load(der, strict=True)
    certificate.native  # noqa: B018  # asn1crypto is lazy: this reads the whole certificate now
    return certificate


def _read(path: Path) -> Sequence[x509.Certificate]:
    try:
        return load_certificates(path.read_bytes())
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a certificate: {error}") from error
