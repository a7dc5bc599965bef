"""The two papers of a sealed bid.

The *envelope* is what the platform sees: ciphertext lengths and hashes in order, for each segment the sealed shares
and the commitments to its key and to each share. Its hash stands in the receipt. The *sealed manifest* travels inside
it, encrypted as file 0: names, lengths and hashes of the plaintext, and the key commitments once more, so that only
the bidder could have put these files together.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import stream
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.names import MANIFEST_FILE, SCHEME, BidName, canonical, from_text

__all__ = [
    "Envelope",
    "Hex",
    "Manifest",
    "ManifestFile",
    "SealedFile",
    "SealedSegment",
    "SealedShare",
    "ShareText",
    "Text",
]

MAX_FILES, MAX_SEGMENTS, MAX_MANIFEST = 200, 10_000, 1_000_000
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=MAX_MANIFEST)]
ShareText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=200)]


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SealedShare(_Paper):
    """The share of one officer."""

    officer: str = Field(min_length=1, max_length=80)
    sealed: ShareText = Field(description="HPKE, base64url: encapsulated key and ciphertext, 80 bytes")
    commitment: Hex


class SealedSegment(_Paper):
    """One segment: its ciphertext, the commitment to its key, its shares in the order of the officers."""

    number: int = Field(ge=1, le=MAX_SEGMENTS)
    size: int = Field(ge=stream.TAG_SIZE, description="bytes of ciphertext")
    sha256: Hex = Field(description="of the ciphertext")
    key_commitment: Hex
    shares: tuple[SealedShare, ...] = Field(min_length=1, max_length=255)


class SealedFile(_Paper):
    """One file: its segments in order."""

    number: int = Field(ge=MANIFEST_FILE, le=MAX_FILES)
    size: int = Field(ge=stream.TAG_SIZE, description="bytes of ciphertext, all segments together")
    sha256: Hex = Field(description="of the ciphertext, all segments together")
    segments: tuple[SealedSegment, ...] = Field(min_length=1, max_length=MAX_SEGMENTS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if [each.number for each in self.segments] != list(range(1, len(self.segments) + 1)):
            raise ValueError("the segments must be numbered 1, 2, 3...")
        if sum(each.size for each in self.segments) != self.size:
            raise ValueError("the size of the file is not the sum of its segments")
        return self


class Envelope(_Paper):
    """The public paper of a sealed bid."""

    scheme: Literal["halles-seal-1"] = SCHEME
    consultation: UUID
    bid: UUID
    fingerprint: Hex = Field(description="of the key set it is sealed to")
    threshold: int = Field(ge=1, le=255)
    files: tuple[SealedFile, ...] = Field(min_length=1, max_length=MAX_FILES)
    manifest: SealedFile = Field(description="the sealed manifest, file 0, one segment")
    manifest_ciphertext: Text = Field(description="base64url")

    @property
    def name(self) -> BidName:
        """What its segments are bound to."""
        return BidName(self.consultation, self.bid, self.fingerprint)

    @property
    def all_files(self) -> tuple[SealedFile, ...]:
        """The sealed manifest and the files."""
        return (self.manifest, *self.files)

    def to_bytes(self) -> bytes:
        """Give its one JSON text (RFC 8785): what the receipt's hash is of."""
        return canonical(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        """The hash of its one JSON text."""
        return sha256(self.to_bytes()).hexdigest()

    def check(self, keys: OpeningKeySet) -> None:
        """Check that it is whole and sealed to this key set. Raises EnvelopeError that says what is wrong."""
        if (self.fingerprint, self.threshold) != (keys.fingerprint, keys.threshold):
            raise EnvelopeError("sealed to another key set than that of the consultation")
        if [each.number for each in self.files] != list(range(1, len(self.files) + 1)):
            raise EnvelopeError("the files must be numbered 1, 2, 3...")
        officers = [each.officer for each in keys.officers]
        segments = [segment for file in self.all_files for segment in file.segments]
        if any([share.officer for share in each.shares] != officers for each in segments):
            raise EnvelopeError("each segment must have one share for each officer, in their order")
        self._check_manifest()

    def _check_manifest(self) -> None:
        content = from_text(self.manifest_ciphertext)
        digest = sha256(content).hexdigest()
        file = self.manifest
        alone = file.number == MANIFEST_FILE and len(file.segments) == 1
        if not alone or len(content) != file.size or {file.sha256, file.segments[0].sha256} != {digest}:
            raise EnvelopeError("the sealed manifest is not the one that the envelope names")


class ManifestFile(_Paper):
    """What the sealed manifest says of a file."""

    number: int
    name: str
    media_type: str
    size: int = Field(description="bytes of plaintext")
    sha256: Hex = Field(description="of the plaintext")
    key_commitments: tuple[Hex, ...] = Field(description="of its segments, in order")


class Manifest(_Paper):
    """The sealed paper: what only the bidder, then the opening, know."""

    scheme: Literal["halles-seal-1"] = SCHEME
    lots: tuple[str, ...]
    files: tuple[ManifestFile, ...]

    def to_bytes(self) -> bytes:
        """Give its one JSON text (RFC 8785)."""
        return canonical(self.model_dump(mode="json"))

    def check(self, envelope: Envelope) -> None:
        """Check that the envelope holds exactly these files. Raises EnvelopeError."""
        told = [(each.number, each.key_commitments) for each in self.files]
        held = [(each.number, tuple(s.key_commitment for s in each.segments)) for each in envelope.files]
        if told != held:
            raise EnvelopeError("the files are not those of the sealed manifest")
