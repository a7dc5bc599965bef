"""The test vectors of docs/sealing.md: fixed officers, fixed randomness. `python -m tests.unit.bids.sealing_vectors`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from libs.common.messages.notices import OpeningKeySet
from services.bids import sealing
from services.bids.sealing import Content, Envelope, OfficerKey, PlainFile, dealing
from services.bids.sealing.sharing import sharing
from tests.unit.bids.sealing_people import BID, CONSULTATION, fixed_entropy, key_set, officers, sealed_bid

__all__ = ["VECTORS", "vectors"]

VECTORS = Path(__file__).with_name("sealing_vectors.json")
_LOTS = ("LOT-0001", "LOT-0002")
_CASES: Sequence[tuple[int, int, int, list[bytes], int | None]] = [
    (1, 1, 0, [b""], None),
    (2, 3, 0, [b"offre", b"prix : 245 000,00"], None),
    (3, 5, 0, [bytes(range(256)) * 300], 65_536),
    (2, 2, 1, ["mémoire technique".encode()], None),
    (1, 1, 2, [b"offre du village"], None),
]
"""Threshold, officers, recovery officers, contents, size of a segment."""


def vectors() -> dict[str, Any]:
    """Make the vectors."""
    cases = [_envelope_case(*each) for each in _CASES]
    return {"scheme": "halles-seal-2", "cases": [*cases, _bid_case()]}


def _envelope_case(
    threshold: int, count: int, recovery: int, contents: list[bytes], segment_size: int | None
) -> dict[str, Any]:
    """Give one offer, cut or not into segments."""
    people = officers(count, recovery)
    keys = key_set(threshold, people)
    sealed = sealed_bid(keys, contents, segment_size=segment_size)
    return {
        **_people(people, keys),
        "segment_size": segment_size,
        "plaintexts": [_bytes(each) for each in contents],
        **_sealed((sealed.envelope,), sealed.ciphertexts, people, keys),
    }


def _bid_case() -> dict[str, Any]:
    """Give a bid of an application for both lots and an offer for each."""
    people = officers(3)
    keys = key_set(2, people)
    texts = [b"DUME", b"offre du lot 1", b"offre du lot 2"]
    files = [(PlainFile(f"fichier-{n}.txt", "text/plain", each),) for n, each in enumerate(texts, 1)]
    contents = [
        Content("application", _LOTS, files[0]),
        *(Content("offer", (lot,), files[n]) for n, lot in enumerate(_LOTS, 1)),
    ]
    sealed = sealing.seal_bid(CONSULTATION, BID, keys, contents, entropy=fixed_entropy(f"bid {BID}"))
    return {
        **_people(people, keys),
        "segment_size": None,
        "plaintexts": [_bytes(each) for each in texts],
        **_sealed(sealed.envelopes, sealed.ciphertexts, people, keys),
    }  # fmt: skip


def _people(people: list[OfficerKey], keys: OpeningKeySet) -> dict[str, Any]:
    shared = sharing(keys)
    return {
        "seeds": {each.officer: each.seed.hex() for each in people},
        "opening": keys.model_dump(mode="json"),
        "points_needed": shared.needed,
        "points": {officer: list(points) for officer, points in shared.points.items()},
        "entropy": f"SHA-256 of the text 'bid {BID} N', N = 0, 1, 2...",
    }


def _sealed(
    envelopes: Sequence[Envelope], ciphertexts: Sequence[bytes], people: list[OfficerKey], keys: OpeningKeySet
) -> dict[str, Any]:
    return {
        "envelopes": [each.model_dump(mode="json") for each in envelopes],
        "envelope_sha256": [each.sha256 for each in envelopes],
        "ciphertexts": [_bytes(each) for each in ciphertexts],
        "first_segment": _derived(envelopes[0], people, keys),
    }


def _derived(envelope: Envelope, people: list[OfficerKey], keys: OpeningKeySet) -> dict[str, Any]:
    """Give what is derived for the first segment of the first file, step by step."""
    segment = envelope.files[0].segments[0]
    name = envelope.name.segment(*segment.place)
    secret = fixed_entropy(f"bid {BID}")(32)
    coefficients = range(1, sharing(keys).needed)
    by_officer = {each.officer: each for each in segment.shares}
    shares = {p.officer: dealing.open_share(by_officer[p.officer].sealed, name, (p.officer, p.private)) for p in people}
    return {
        "secret": secret.hex(),
        "binding_chunks": name.context("chunks").decode(),
        "chunk_key": dealing.chunk_key(secret, name).hex(),
        "chunk_context_sha256": sha256(name.context("chunk")).hexdigest(),
        "coefficients": [dealing._derive(secret, name.context("coefficient", each)).hex() for each in coefficients],
        "ephemeral_seeds": {
            p.officer: dealing._derive(secret, name.context("ephemeral", p.officer)).hex() for p in people
        },
        "shares": {officer: share.hex() for officer, share in shares.items()},
    }


def _bytes(content: bytes) -> str:
    return content.hex() if len(content) < 200 else f"sha256:{sha256(content).hexdigest()}"


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1, sort_keys=True) + "\n")
