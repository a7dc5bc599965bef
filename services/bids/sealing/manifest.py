"""The two papers of an envelope; a bid holds several envelopes.

The public paper, `Envelope`, is what the platform sees: kind, lots, ciphertext lengths and hashes in order, for each
segment the sealed shares and the commitments to its key and to each share. Its hash stands in the receipt. The *sealed
manifest* travels inside it, encrypted as part 0: names, lengths and hashes of the plaintext, and order, lengths and
commitments of all segments once more, so that only the bidder could have put these files together.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import stream
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.names import MANIFEST_FILE, SCHEME, EnvelopeName, canonical, from_text

__all__ = [
    "Envelope",
    "EnvelopeKind",
    "Hex",
    "LotId",
    "Manifest",
    "ManifestFile",
    "ManifestSegment",
    "SealedFile",
    "SealedSegment",
    "SealedShare",
    "ShareText",
    "Text",
]

MAX_FILES, MAX_PARTS, MAX_SEGMENTS, MAX_MANIFEST = 200, 10_000, 10_000, 16_000_000
MAX_NUMBER = 2**31 - 1
EnvelopeKind = Literal["application", "offer"]
LotId = Annotated[str, Field(min_length=1, max_length=200)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=MAX_MANIFEST)]
ShareText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=200)]


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SealedShare(_Paper):
    """The share of one officer."""

    officer: str = Field(min_length=1, max_length=80)
    sealed: ShareText = Field(description="HPKE, base64url: 80 bytes; 112 where an officer holds two points")
    commitment: Hex


class SealedSegment(_Paper):
    """One segment: its ciphertext, the commitment to its key, its shares in the order of the officers."""

    part: int = Field(ge=MANIFEST_FILE, le=MAX_PARTS, description="the upload under which it was sealed: its file's")
    number: int = Field(ge=1, le=MAX_NUMBER, description="under which it was sealed, in its part")
    size: int = Field(ge=stream.TAG_SIZE, description="bytes of ciphertext")
    sha256: Hex = Field(description="of the ciphertext")
    key_commitment: Hex
    shares: tuple[SealedShare, ...] = Field(min_length=1, max_length=255)

    @property
    def place(self) -> tuple[int, int]:
        """What it is bound to within its envelope: part and number."""
        return self.part, self.number


class SealedFile(_Paper):
    """One file: its segments in order.

    When uploads are joined, segments keep the numbers they were sealed under, which then need not follow each other: the
    order is that of this list, and the sealed manifest binds it.
    """

    number: int = Field(ge=MANIFEST_FILE, le=MAX_PARTS, description="in its bid, all envelopes together")
    size: int = Field(ge=stream.TAG_SIZE, description="bytes of ciphertext, all segments together")
    sha256: Hex = Field(description="of the ciphertext, all segments together")
    segments: tuple[SealedSegment, ...] = Field(min_length=1, max_length=MAX_SEGMENTS)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(each.size for each in self.segments) != self.size:
            raise ValueError("the size of the file is not the sum of its segments")
        return self


class Envelope(_Paper):
    """The public paper of an envelope: the unit of sealing, of standing and of opening."""

    scheme: Literal["halles-seal-2"] = SCHEME
    consultation: UUID
    bid: UUID
    number: int = Field(ge=1, le=MAX_FILES, description="in its bid")
    kind: EnvelopeKind
    lots: tuple[LotId, ...] = Field(min_length=1, max_length=200)
    sealed_by: Literal["bidder", "platform"] = "bidder"
    fingerprint: Hex = Field(description="of the key set it is sealed to")
    threshold: int = Field(ge=1, le=255)
    files: tuple[SealedFile, ...] = Field(min_length=1, max_length=MAX_FILES)
    manifest: SealedFile = Field(description="the sealed manifest, file 0, one segment")
    manifest_ciphertext: Text = Field(description="base64url")

    @property
    def name(self) -> EnvelopeName:
        """What its segments are bound to."""
        return EnvelopeName(self.consultation, self.bid, self.number, self.fingerprint)

    @property
    def all_files(self) -> tuple[SealedFile, ...]:
        """The sealed manifest and the files."""
        return (self.manifest, *self.files)

    @property
    def segments(self) -> tuple[SealedSegment, ...]:
        """All its segments, that of the sealed manifest first."""
        return tuple(segment for file in self.all_files for segment in file.segments)

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
        numbers = [each.number for each in self.files]
        if numbers != sorted(set(numbers)) or MANIFEST_FILE in numbers or len(set(self.lots)) != len(self.lots):
            raise EnvelopeError("the files must come in the order of their numbers, each file and each lot once")
        places = [each.place for each in self.segments]
        if len(set(places)) != len(places):
            raise EnvelopeError("a segment comes twice")
        officers = [each.officer for each in keys.officers]
        if any([share.officer for share in each.shares] != officers for each in self.segments):
            raise EnvelopeError("each segment must have one share for each officer, in their order")
        self._check_manifest()

    def _check_manifest(self) -> None:
        content = from_text(self.manifest_ciphertext)
        digest = sha256(content).hexdigest()
        file = self.manifest
        alone = file.number == MANIFEST_FILE and [each.place for each in file.segments] == [(MANIFEST_FILE, 1)]
        if not alone or len(content) != file.size or {file.sha256, file.segments[0].sha256} != {digest}:
            raise EnvelopeError("the sealed manifest is not the one that the envelope names")


class ManifestSegment(_Paper):
    """What the sealed manifest says of a segment."""

    part: int
    number: int
    size: int = Field(description="bytes of ciphertext")
    key_commitment: Hex
    share_commitments: tuple[Hex, ...] = Field(description="in the order of the officers")

    @classmethod
    def of(cls, sealed: SealedSegment) -> Self:
        """Tell a segment."""
        return cls(
            part=sealed.part,
            number=sealed.number,
            size=sealed.size,
            key_commitment=sealed.key_commitment,
            share_commitments=tuple(each.commitment for each in sealed.shares),
        )


class ManifestFile(_Paper):
    """What the sealed manifest says of a file."""

    number: int
    name: str
    media_type: str
    size: int = Field(description="bytes of plaintext")
    sha256: Hex | None = Field(description="of the plaintext; none where the platform sealed it over several requests")
    segments: tuple[ManifestSegment, ...] = Field(description="in order")


class Manifest(_Paper):
    """The sealed paper: what only the bidder, then the opening, know."""

    scheme: Literal["halles-seal-2"] = SCHEME
    kind: EnvelopeKind
    lots: tuple[LotId, ...]
    files: tuple[ManifestFile, ...]

    def to_bytes(self) -> bytes:
        """Give its one JSON text (RFC 8785)."""
        return canonical(self.model_dump(mode="json"))

    def check(self, envelope: Envelope) -> None:
        """Check that the envelope holds exactly these files, in this order, dealt so. Raises EnvelopeError."""
        if (self.kind, self.lots) != (envelope.kind, envelope.lots):
            raise EnvelopeError("kind or lots are not those of the sealed manifest")
        told = [(each.number, each.segments) for each in self.files]
        held = [(each.number, tuple(ManifestSegment.of(s) for s in each.segments)) for each in envelope.files]
        if told != held:
            raise EnvelopeError("the files are not those of the sealed manifest")
