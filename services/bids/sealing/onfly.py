"""Sealing by the platform, on the fly: one segment, in a process of its own that ends with the segment.

The process makes the secret, deals it, reads plaintext (from the client's connection where it can), writes ciphertext to
a descriptor, and tells the paper of the segment on another. The secret, the key and the shares are nowhere else, and go with the process: its memory
is locked where the system allows it, never dumped, and wiped by the kernel before it is given to anybody else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from typing import Any

import pydantic_core
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, hardening, shamir
from services.bids.sealing.manifest import ManifestFile, SealedFile
from services.bids.sealing.names import SegmentName
from services.bids.sealing.onfly_sources import Source
from services.bids.sealing.seal import SealingPlan, seal_manifest
from services.bids.sealing.stream import CHUNK_SIZE, TAG_SIZE

__all__ = ["ManifestOrder", "Order", "run", "run_manifest", "seal_segment"]

_BATCH = 16  # chunks sealed before they are written: 1 MiB
_SEALED = CHUNK_SIZE + TAG_SIZE


@dataclass(frozen=True)
class Order:
    """What to seal: which segment, to whom."""

    name: SegmentName
    keys: OpeningKeySet


@dataclass(frozen=True)
class ManifestOrder:
    """What an envelope holds, sealed already: its manifest is sealed last."""

    plan: SealingPlan
    files: tuple[SealedFile, ...]
    papers: tuple[ManifestFile, ...]


def run(order: Order, source: Source, sink: Connection, result: Connection) -> None:
    """Be the process of one segment: tell its paper as JSON, or `{"error": ...}` with the errno of the sink."""
    hardening.harden()
    hardening.lock_memory()
    try:
        paper: Mapping[str, Any] = seal_segment(order, source, sink.fileno())
    except OSError as error:
        paper = {"error": error.errno}
    with suppress(BrokenPipeError):  # whoever asked is gone
        result.send_bytes(pydantic_core.to_json(paper))
    sys.stdout.flush()
    os._exit(0)


def run_manifest(order: ManifestOrder, result: Connection) -> None:
    """Be the process of one sealed manifest: tell the envelope as JSON."""
    hardening.harden()
    hardening.lock_memory()
    envelope = seal_manifest(order.plan, order.files, order.papers, sealed_by="platform")
    with suppress(BrokenPipeError):
        result.send_bytes(envelope.model_dump_json().encode())
    sys.stdout.flush()
    os._exit(0)


def seal_segment(order: Order, source: Source, sink: int) -> Mapping[str, Any]:
    """Seal what comes from `source` into `sink`.

    Gives size (of ciphertext), plain, matches, sha256, key_commitment, shares. Raises OSError when the sink takes no more.
    """
    secret = os.urandom(shamir.SECRET_SIZE)
    dealt = dealing.deal(secret, order.name, order.keys)
    work = _Work(AESGCM(dealing.chunk_key(secret, order.name)), order.name.context("chunk"), sink)
    del secret
    plain = work.run(source)
    shares = [each.model_dump(mode="json") for each in dealt.shares]
    return {"plain": plain, "matches": source.matches(), "size": work.size, "sha256": work.digest.hexdigest(),
            "key_commitment": dealt.key_commitment, "shares": shares}  # fmt: skip


class _Work:
    """The chunks of docs/sealing.md, section 3.6, sealed into buffers that are used again.

    While one batch is hashed and written by a thread of its own, the next one is read and sealed.
    """

    def __init__(self, cipher: AESGCM, context: bytes, sink: int) -> None:
        self.digest = sha256()
        self.size = 0
        self._cipher = cipher
        self._context = sha256(context).digest()
        self._sink = sink
        self._index = 0
        self._plain = memoryview(bytearray(_BATCH * CHUNK_SIZE))
        self._sealed = [memoryview(bytearray(_BATCH * _SEALED)) for _ in range(2)]

    def run(self, source: Source) -> int:
        """Seal until the source ends; give the bytes read."""
        total, final = 0, False
        with ThreadPoolExecutor(1) as writer:
            writing: Future[None] | None = None
            while not final:
                filled = self._fill(source)
                total, final = total + filled, filled < len(self._plain)
                ready = self._seal(filled, final=final)
                if writing is not None:
                    writing.result()
                writing = writer.submit(self._write, ready)
            if writing is not None:
                writing.result()
        self._plain[:] = bytes(len(self._plain))
        return total

    def _fill(self, source: Source) -> int:
        filled = 0
        while filled < len(self._plain) and (got := source.read_into(self._plain[filled:])):
            filled += got
        return filled

    def _seal(self, filled: int, *, final: bool) -> memoryview:
        """Seal what is there: whole chunks, and at the end a last one that is shorter, maybe empty."""
        self._sealed.reverse()
        place = 0
        for start in range(0, filled - filled % CHUNK_SIZE, CHUNK_SIZE):
            place += self._chunk(start, start + CHUNK_SIZE, place, final=False)
        if final:
            place += self._chunk(filled - filled % CHUNK_SIZE, filled, place, final=True)
        return self._sealed[0][:place]

    def _write(self, ready: memoryview) -> None:
        self.digest.update(ready)
        self.size += len(ready)
        while ready:
            ready = ready[os.write(self._sink, ready) :]

    def _chunk(self, start: int, end: int, place: int, *, final: bool) -> int:
        nonce = self._index.to_bytes(12, "big")
        told = self._context + self._index.to_bytes(8, "big") + bytes([final])
        self._index += 1
        size = end - start + TAG_SIZE
        self._cipher.encrypt_into(nonce, self._plain[start:end], told, self._sealed[0][place : place + size])
        return size
