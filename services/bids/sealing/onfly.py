"""Sealing by the platform, on the fly: one segment, in a process of its own that ends with the segment.

The process makes the secret, deals it, reads plaintext (from the client's connection where it can), writes ciphertext to
a descriptor, and tells the paper of the segment on another. The secret, the key and the shares are nowhere else, and go with the process: its memory
is locked where the system allows it, never dumped, and wiped by the kernel before it is given to anybody else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pydantic_core
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, hardening, shamir
from services.bids.sealing.manifest import ManifestFile, SealedFile
from services.bids.sealing.names import SegmentName
from services.bids.sealing.onfly_sources import Source
from services.bids.sealing.onfly_work import Work
from services.bids.sealing.seal import SealingPlan, seal_manifest

__all__ = ["ManifestOrder", "Order", "run", "run_manifest", "seal_segment"]


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
    work = Work(AESGCM(dealing.chunk_key(secret, order.name)), order.name.context("chunk"), sink)
    del secret
    plain = work.run(source)
    shares = [each.model_dump(mode="json") for each in dealt.shares]
    return {"plain": plain, "matches": source.matches(), "size": work.size, "sha256": work.digest.hexdigest(),
            "key_commitment": dealt.key_commitment, "shares": shares}  # fmt: skip
