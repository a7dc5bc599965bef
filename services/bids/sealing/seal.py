"""Sealing a bid, on the bidder's own machine: the platform receives the result only."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, shamir, stream
from services.bids.sealing.keys import check_key_set
from services.bids.sealing.manifest import Envelope, Manifest, ManifestFile, SealedFile, SealedSegment
from services.bids.sealing.names import MANIFEST_FILE, BidName, SegmentName, to_text

__all__ = ["Entropy", "PlainFile", "Sealed", "SealingPlan", "seal", "seal_files"]

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
    """A sealed bid: what to upload (file n is `ciphertexts[n - 1]`) and the envelope to deposit."""

    envelope: Envelope
    ciphertexts: tuple[bytes, ...]


@dataclass(frozen=True)
class SealingPlan:
    """What to seal to whom. `segment_size` cuts files into segments of so many bytes (None: one segment a file)."""

    bid: BidName
    keys: OpeningKeySet
    lots: tuple[str, ...]
    entropy: Entropy = os.urandom
    segment_size: int | None = None


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
    for number, ((name, media_type, source), sink) in enumerate(zip(sources, sinks, strict=True), 1):
        work = _FileWork(plan, number, source, sink)
        sealed.append(work.run())
        commitments = tuple(each.key_commitment for each in sealed[-1].segments)
        papers.append(
            ManifestFile(
                number=number,
                name=name,
                media_type=media_type,
                size=work.plain_size,
                sha256=work.plain_hash.hexdigest(),
                key_commitments=commitments,
            )
        )
    manifest = Manifest(lots=plan.lots, files=tuple(papers))
    ciphertext = BytesIO()
    whole = SealingPlan(plan.bid, plan.keys, plan.lots, plan.entropy)
    paper = _FileWork(whole, MANIFEST_FILE, BytesIO(manifest.to_bytes()), ciphertext).run()
    return _envelope(plan, tuple(sealed), paper, ciphertext.getvalue())


def _envelope(plan: SealingPlan, files: tuple[SealedFile, ...], manifest: SealedFile, ciphertext: bytes) -> Envelope:
    return Envelope(
        consultation=plan.bid.consultation,
        bid=plan.bid.bid,
        fingerprint=plan.keys.fingerprint,
        threshold=plan.keys.threshold,
        files=files,
        manifest=manifest,
        manifest_ciphertext=to_text(ciphertext),
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

    def _segment(self, number: int) -> tuple[SealedSegment, bool]:
        name = self._plan.bid.segment(self._number, number)
        secret = self._plan.entropy(shamir.SECRET_SIZE)
        size, digest, ended = self._seal(secret, name)
        dealt = dealing.deal(secret, name, self._plan.keys)
        segment = SealedSegment(
            number=number, size=size, sha256=digest, key_commitment=dealt.key_commitment, shares=dealt.shares
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
