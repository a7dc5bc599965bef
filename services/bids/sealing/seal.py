"""Sealing envelopes, on the bidder's own machine: the platform receives the result only."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, Literal
from uuid import UUID

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, shamir, stream
from services.bids.sealing.keys import check_key_set
from services.bids.sealing.manifest import (
    Envelope,
    EnvelopeKind,
    Manifest,
    ManifestFile,
    ManifestSegment,
    SealedFile,
    SealedSegment,
)
from services.bids.sealing.names import MANIFEST_FILE, EnvelopeName, SegmentName, to_text

__all__ = [
    "Content", "Entropy", "PlainFile", "Sealed", "SealedBid", "SealingPlan", "seal", "seal_bid", "seal_files", "seal_manifest",
]  # fmt: skip

Entropy = Callable[[int], bytes]
"""Gives n random bytes: `os.urandom`, or for the test vectors a fixed sequence."""
_READ = 1 << 20


@dataclass(frozen=True)
class PlainFile:
    """A file to seal."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Sealed:
    """A sealed envelope: its paper, and what to upload (file n is `ciphertexts[n - first_file]`)."""

    envelope: Envelope
    ciphertexts: tuple[bytes, ...]


@dataclass(frozen=True)
class Content:
    """What goes into one envelope, in clear."""

    kind: EnvelopeKind
    lots: tuple[str, ...]
    files: tuple[PlainFile, ...]


@dataclass(frozen=True)
class SealedBid:
    """A sealed bid: the papers to deposit, and what to upload (file n of the bid is `ciphertexts[n - 1]`)."""

    envelopes: tuple[Envelope, ...]
    ciphertexts: tuple[bytes, ...]


@dataclass(frozen=True)
class SealingPlan:
    """What to seal to whom. `segment_size` cuts files into segments of so many bytes (None: one segment a file)."""

    name: EnvelopeName
    keys: OpeningKeySet
    kind: EnvelopeKind
    lots: tuple[str, ...]
    first_file: int = 1
    """The number of its first file: files are numbered through the bid, one envelope after the other."""
    entropy: Entropy = os.urandom
    segment_size: int | None = None


def seal_bid(
    consultation: UUID, bid: UUID, keys: OpeningKeySet, contents: Sequence[Content], *, entropy: Entropy = os.urandom
) -> SealedBid:
    """Seal all envelopes of a bid, held in memory, one segment a file. Raises EnvelopeError."""
    envelopes: list[Envelope] = []
    ciphertexts: list[bytes] = []
    for number, each in enumerate(contents, 1):
        name = EnvelopeName(consultation, bid, number, keys.fingerprint)
        plan = SealingPlan(name, keys, each.kind, each.lots, len(ciphertexts) + 1, entropy)
        sealed = seal(plan, each.files)
        envelopes.append(sealed.envelope)
        ciphertexts += sealed.ciphertexts
    return SealedBid(tuple(envelopes), tuple(ciphertexts))


def seal(plan: SealingPlan, files: Sequence[PlainFile]) -> Sealed:
    """Seal files held in memory. Raises EnvelopeError when the key set cannot work."""
    sinks = [BytesIO() for _ in files]
    sources = [(each.name, each.media_type, BytesIO(each.content)) for each in files]
    envelope = seal_files(plan, sources, sinks)
    return Sealed(envelope, tuple(sink.getvalue() for sink in sinks))


def seal_files(plan: SealingPlan, sources: Sequence[tuple[str, str, BinaryIO]], sinks: Sequence[BinaryIO]) -> Envelope:
    """Seal (name, media type, readable) sources into sinks, in constant memory; give the envelope."""
    check_key_set(plan.keys)
    papers: list[ManifestFile] = []
    sealed: list[SealedFile] = []
    for number, ((name, media_type, source), sink) in enumerate(zip(sources, sinks, strict=True), plan.first_file):
        work = _FileWork(plan, number, source, sink)
        sealed.append(work.run())
        papers.append(work.paper(name, media_type, sealed[-1]))
    return seal_manifest(plan, tuple(sealed), tuple(papers))


def seal_manifest(
    plan: SealingPlan,
    files: tuple[SealedFile, ...],
    papers: tuple[ManifestFile, ...],
    *,
    sealed_by: Literal["bidder", "platform"] = "bidder",
) -> Envelope:
    """Seal the manifest of files that are sealed already; give the envelope."""
    manifest = Manifest(kind=plan.kind, lots=plan.lots, files=papers)
    ciphertext = BytesIO()
    whole = replace(plan, segment_size=None)
    paper = _FileWork(whole, MANIFEST_FILE, BytesIO(manifest.to_bytes()), ciphertext).run()
    return Envelope(
        consultation=plan.name.consultation,
        bid=plan.name.bid,
        number=plan.name.number,
        kind=plan.kind,
        lots=plan.lots,
        sealed_by=sealed_by,
        fingerprint=plan.keys.fingerprint,
        threshold=plan.keys.threshold,
        files=files,
        manifest=paper,
        manifest_ciphertext=to_text(ciphertext.getvalue()),
    )


class _FileWork:
    """Seals one file, segment after segment."""

    def __init__(self, plan: SealingPlan, number: int, source: BinaryIO, sink: BinaryIO) -> None:
        self.plain_hash = sha256()
        self.plain_size = 0
        self._plan = plan
        self._number = number
        self._source = source
        self._sink = sink
        self._cipher_hash = sha256()

    def run(self) -> SealedFile:
        segments: list[SealedSegment] = []
        ended = False
        while not ended:
            segment, ended = self._segment(len(segments) + 1)
            segments.append(segment)
        return SealedFile(
            number=self._number,
            size=sum(each.size for each in segments),
            sha256=self._cipher_hash.hexdigest(),
            segments=tuple(segments),
        )

    def paper(self, name: str, media_type: str, sealed: SealedFile) -> ManifestFile:
        """Give what the sealed manifest says of this file."""
        return ManifestFile(
            number=self._number,
            name=name,
            media_type=media_type,
            size=self.plain_size,
            sha256=self.plain_hash.hexdigest(),
            segments=tuple(ManifestSegment.of(each) for each in sealed.segments),
        )

    def _segment(self, number: int) -> tuple[SealedSegment, bool]:
        name = self._plan.name.segment(self._number, number)
        secret = self._plan.entropy(shamir.SECRET_SIZE)
        size, digest, ended = self._seal(secret, name)
        dealt = dealing.deal(secret, name, self._plan.keys)
        segment = SealedSegment(
            part=self._number,
            number=number,
            size=size,
            sha256=digest,
            key_commitment=dealt.key_commitment,
            shares=dealt.shares,
        )
        return segment, ended

    def _seal(self, secret: bytes, name: SegmentName) -> tuple[int, str, bool]:
        sealer = stream.Sealer(dealing.chunk_key(secret, name), name.context("chunk"))
        limit = self._plan.segment_size
        digest, size, taken, ended = sha256(), 0, 0, False
        while not ended and (limit is None or taken < limit):
            data = self._source.read(_READ if limit is None else min(_READ, limit - taken))
            taken, ended = taken + len(data), not data
            self._note(data)
            size += self._write(sealer.update(data), digest.update)
        size += self._write(sealer.finish(), digest.update)
        return size, digest.hexdigest(), ended

    def _note(self, data: bytes) -> None:
        self.plain_hash.update(data)
        self.plain_size += len(data)

    def _write(self, data: bytes, note: Callable[[bytes], None]) -> int:
        self._sink.write(data)
        self._cipher_hash.update(data)
        note(data)
        return len(data)
