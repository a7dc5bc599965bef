"""A test certification authority for local running and tests: signers and a time stamp authority. Trusted by nobody else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["IssuedKey", "PrivateKey", "TestAuthority", "write_seal"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Algorithm = Literal["ec", "rsa"]

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(2060, 1, 1, tzinfo=UTC)
"""Wide on purpose: the sandbox clock may be years ahead."""
ORGANISATION = "Halles, autorité de test"
PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A private key with its certificate and the certificates above it, root last."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate_pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(PEM).decode()

    @property
    def chain_pem(self) -> list[str]:
        """The certificates above it, PEM, root last."""
        return [certificate.public_bytes(PEM).decode() for certificate in self.chain]


@dataclass(frozen=True, slots=True)
class TestAuthority:
    """A root, an authority under it that issues to signers, and the key of the test time stamp authority."""

    __test__ = False  # pytest: not a test class

    root_key: IssuedKey
    issuing: IssuedKey
    tsa: IssuedKey

    @classmethod
    def create(cls) -> TestAuthority:
        """Make a new authority, in memory."""
        root = _make_root()
        issuing = _issue(root, _name("Halles AC de test, signataires"), _authority_extensions(path_length=0))
        tsa = _issue(root, _name("Halles horodatage de test"), _timestamp_extensions())
        return cls(root, issuing, tsa)

    @classmethod
    def load_or_create(cls, folder: Path) -> TestAuthority:
        """Give the authority kept in this folder, made at the first call; the keys are readable by their owner only."""
        if not folder.is_dir():
            _write_once(cls.create(), folder)
        root = _load(folder, "root", ())
        return cls(root, _load(folder, "issuing", (root.certificate,)), _load(folder, "tsa", (root.certificate,)))

    @property
    def root(self) -> x509.Certificate:
        """The certificate to trust."""
        return self.root_key.certificate

    @property
    def root_pem(self) -> str:
        """The certificate to trust, PEM."""
        return self.root_key.certificate_pem

    def issue(self, common_name: str, organisation: str, *, algorithm: Algorithm = "ec") -> IssuedKey:
        """Give a new signer's key (P-256, or RSA 2048) whose certificate allows signature and non-repudiation."""
        return _issue(self.issuing, _name(common_name, organisation), _signer_extensions(), algorithm)


def _name(common_name: str, organisation: str = ORGANISATION) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),  # RFC 5280, ub-organization-name
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _new_key(algorithm: Algorithm) -> PrivateKey:
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


Extensions = Iterable[tuple[x509.ExtensionType, bool]]


def _key_usage(*, sign: bool = False, commit: bool = False, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=commit,
        key_cert_sign=authority,
        crl_sign=authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_extensions(*, path_length: int) -> Extensions:
    yield x509.BasicConstraints(ca=True, path_length=path_length), True
    yield _key_usage(authority=True), True


def _signer_extensions() -> Extensions:
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield _key_usage(sign=True, commit=True), True


def _timestamp_extensions() -> Extensions:
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield _key_usage(sign=True, commit=True), True
    # RFC 3161, 2.3: critical, and the only purpose
    yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, extensions: Extensions) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _make_root() -> IssuedKey:
    key = _new_key("ec")
    name = _name("Halles racine de test")
    certificate = _builder(name, name, key, _authority_extensions(path_length=1)).sign(key, hashes.SHA256())
    return IssuedKey(key, certificate, ())


def _issue(issuer: IssuedKey, subject: x509.Name, extensions: Extensions, algorithm: Algorithm = "ec") -> IssuedKey:
    key = _new_key(algorithm)
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, issuer.certificate.subject, key, extensions)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    return IssuedKey(key, certificate, (issuer.certificate, *issuer.chain))


def write_seal(authority: TestAuthority, path: Path) -> None:
    """Write the platform's test seal once: its private key, its certificate and those above it, for its owner only."""
    if path.exists():
        return
    issued = authority.issue("Halles, cachet de test", ORGANISATION)
    pem = issued.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    draft = Path(tempfile.mkdtemp(prefix="seal-", dir=path.parent)) / path.name
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem + issued.certificate_pem.encode() + "".join(issued.chain_pem).encode())
    draft.replace(path)
    draft.parent.rmdir()


def _write_once(authority: TestAuthority, folder: Path) -> None:
    """Write all files or none: of two processes that begin together, the first one's authority is kept by both."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    for name, issued in (("root", authority.root_key), ("issuing", authority.issuing), ("tsa", authority.tsa)):
        _write(draft, name, issued)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not folder.is_dir():
            raise


def _write(folder: Path, name: str, issued: IssuedKey) -> None:
    pem = issued.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(folder / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    (folder / f"{name}.pem").write_text(issued.certificate_pem)


def _load(folder: Path, name: str, chain: tuple[x509.Certificate, ...]) -> IssuedKey:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"{folder / name}.key is neither an EC nor an RSA key")
    return IssuedKey(key, x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()), chain)
