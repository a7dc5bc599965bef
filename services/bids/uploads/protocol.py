"""The headers of tus 1.0.0, read and written. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from services.bids.domain.bids import file_name_problem
from services.bids.uploads.errors import WrongHeader, WrongTusVersion

__all__ = ["ALGORITHMS", "EXTENSIONS", "MEDIA_TYPE", "VERSION", "Asked", "Checksum", "checksum", "creation", "expires",
           "offset", "require_version"]  # fmt: skip

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination,concatenation"
ALGORITHMS = ("sha1", "sha256", "sha512")
MEDIA_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"\d{1,19}")
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,100}")
_UPLOAD = re.compile(r"(?:/[a-z0-9/-]*)?/v1/uploads/([0-9a-f-]{36})")
_MOST_METADATA, _MOST_PARTS = 4096, 100
_NAMES = frozenset({"filename", "name"})

Kind = Literal["whole", "partial", "final"]


@dataclass(frozen=True)
class Asked:
    """What a creation asks for."""

    kind: Kind
    length: int
    """Bytes to come; of a final upload: 0, its parts tell it."""
    metadata: str = ""
    concat: str | None = None
    parts: tuple[UUID, ...] = ()


@dataclass
class Checksum:
    """What a request says of its bytes. Neither stored nor logged: it may tell a plaintext that can be guessed."""

    algorithm: str
    expected: bytes = field(repr=False)

    def __post_init__(self) -> None:
        self._digest = hashlib.new(self.algorithm)  # of what crosses the network: sha1 is tus's, not a signature

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(data)

    @property
    def matches(self) -> bool:
        """Whether the bytes taken are those told."""
        return self._digest.digest() == self.expected


def require_version(headers: Mapping[str, str]) -> None:
    """Refuse what is not tus 1.0.0. Raises WrongTusVersion."""
    if headers.get("Tus-Resumable") != VERSION:
        raise WrongTusVersion(
            f"Ajoutez l'en-tête « Tus-Resumable: {VERSION} ».", f"Add the header `Tus-Resumable: {VERSION}`."
        )


def creation(headers: Mapping[str, str]) -> Asked:
    """Read what a creation asks for. Raises WrongHeader."""
    if "Upload-Defer-Length" in headers:
        raise _wrong("Upload-Defer-Length", "la taille est annoncée dès le départ", "the length is told at once")
    metadata = _metadata(headers.get("Upload-Metadata", ""))
    concat = headers.get("Upload-Concat")
    if concat is not None and concat.startswith("final;"):
        if "Upload-Length" in headers:
            raise _wrong("Upload-Length", "les parties la donnent", "the parts tell it")
        return Asked("final", 0, metadata, concat, _parts(concat.removeprefix("final;")))
    if concat not in (None, "partial"):
        raise _wrong("Upload-Concat", "« partial » ou « final;/adresse /adresse »", "`partial` or `final;/url /url`")
    return Asked("partial" if concat else "whole", _number(headers, "Upload-Length"), metadata, concat)


def offset(headers: Mapping[str, str]) -> int:
    """Read the offset of a request. Raises WrongHeader."""
    return _number(headers, "Upload-Offset")


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Read what a request says of its bytes. Raises WrongHeader."""
    told = headers.get("Upload-Checksum")
    if told is None:
        return None
    algorithm, _, text = told.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise _wrong("Upload-Checksum", f"algorithmes : {known}", f"algorithms: {known}")
    expected = _base64(text.strip(), "Upload-Checksum")
    if len(expected) != hashlib.new(algorithm).digest_size:
        raise _wrong("Upload-Checksum", "longueur inattendue", "unexpected length")
    return Checksum(algorithm, expected)


def expires(at: datetime) -> str:
    """Write Upload-Expires (RFC 9110, 5.6.7)."""
    return format_datetime(at, usegmt=True)


def _number(headers: Mapping[str, str], name: str) -> int:
    told = headers.get(name, "")
    if not _NUMBER.fullmatch(told):
        raise _wrong(name, "un nombre entier d'octets est attendu", "a whole number of bytes is expected")
    return int(told)


def _metadata(text: str) -> str:
    """Check Upload-Metadata: comma-separated pairs of a key and base64. File names may hold no path."""
    if len(text) > _MOST_METADATA:
        raise _wrong("Upload-Metadata", f"au plus {_MOST_METADATA} caractères", f"at most {_MOST_METADATA} characters")
    keys = set()
    for pair in filter(None, text.split(",")):
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in keys:
            raise _wrong("Upload-Metadata", "clé incorrecte ou répétée", "a wrong or repeated key")
        keys.add(key)
        content = _base64(value.strip(), "Upload-Metadata")
        if key.lower() in _NAMES:
            _check_name(content)
    return text


def _check_name(content: bytes) -> None:
    try:
        problem = file_name_problem(content.decode())
    except UnicodeDecodeError:
        problem = "un nom de fichier est en UTF-8"
    if problem is not None:
        raise _wrong("Upload-Metadata", problem, "this file name is not accepted")


def _parts(text: str) -> tuple[UUID, ...]:
    found = tuple(_part(each) for each in text.split())
    if not found or len(found) > _MOST_PARTS or len(set(found)) != len(found):
        raise _wrong("Upload-Concat", f"1 à {_MOST_PARTS} parties distinctes", f"1 to {_MOST_PARTS} distinct parts")
    return found


def _part(address: str) -> UUID:
    match = _UPLOAD.fullmatch(urlsplit(address).path)
    try:
        return UUID(match[1] if match else "")
    except ValueError:
        raise _wrong("Upload-Concat", "adresse d'une partie incorrecte", "the address of a part is wrong") from None


def _base64(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(name, "base64 attendu (RFC 4648, 4)", "base64 is expected (RFC 4648, 4)") from None


def _wrong(name: str, french: str, english: str) -> WrongHeader:
    return WrongHeader(f"En-tête {name} : {french}.", f"Header {name}: {english}.")
