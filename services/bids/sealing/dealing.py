"""Dealing the key of a segment to the officers, and judging a dealing.

One fresh secret of 32 bytes a segment; everything else is derived from it with HKDF-SHA256: the key of the chunks,
the commitment to the key, the coefficients of the polynomial, the ephemeral keys of the sealed shares. So whoever has
k good shares recovers the secret, deals again, and sees whether the bidder dealt as prescribed, to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.common.messages.notices import OpeningKey, OpeningKeySet
from services.bids.sealing import hpke, shamir
from services.bids.sealing.errors import BadlySealedError, ShareError, TooFewSharesError
from services.bids.sealing.manifest import SealedSegment, SealedShare
from services.bids.sealing.names import SegmentName, from_text, to_text
from services.bids.sealing.sharing import sharing

__all__ = ["Dealing", "check_share", "chunk_key", "deal", "open_share", "recover"]


@dataclass(frozen=True, slots=True)
class Dealing:
    """A commitment to a segment's key, and its sealed shares in the order of the officers."""

    key_commitment: str
    shares: tuple[SealedShare, ...]


def chunk_key(secret: bytes, name: SegmentName) -> bytes:
    """Give the AES-256-GCM key of a segment's chunks."""
    return _derive(secret, name.context("chunks"))


def deal(secret: bytes, name: SegmentName, keys: OpeningKeySet) -> Dealing:
    """Split a segment's secret among the officers and seal each share to its officer. Raises EnvelopeError."""
    shared = sharing(keys)
    coefficients = [_derive(secret, name.context("coefficient", power)) for power in range(1, shared.needed)]
    points = shamir.split(secret, coefficients, shared.total)
    sealed = tuple(_seal_share(secret, name, key, points[_span(shared.points[key.officer])]) for key in keys.officers)
    return Dealing(_derive(secret, name.context("commitment")).hex(), sealed)


def _span(points: tuple[int, ...]) -> slice:
    """Give where an officer's points, which follow each other, stand in the list of all."""
    return slice(points[0] - 1, points[-1])


def _seal_share(secret: bytes, name: SegmentName, key: OpeningKey, points: Sequence[bytes]) -> SealedShare:
    share = b"".join(points)
    sealed = hpke.seal(
        share,
        from_text(key.public_key),
        info=name.context("share", key.officer),
        seed=_derive(secret, name.context("ephemeral", key.officer)),
    )
    return SealedShare(
        officer=key.officer, sealed=to_text(sealed), commitment=_share_commitment(share, name, key.officer)
    )


def open_share(sealed: str, name: SegmentName, key: tuple[str, X25519PrivateKey]) -> bytes:
    """Open an officer's own share; `key` is (officer, private key). Raises HpkeError."""
    officer, private = key
    return hpke.open_sealed(from_text(sealed), private, info=name.context("share", officer))


def check_share(share: bytes, name: SegmentName, sealed: SealedShare) -> None:
    """Check that a share is the one its dealer committed to. Raises ShareError naming the officer."""
    if _share_commitment(share, name, sealed.officer) != sealed.commitment:
        raise ShareError(sealed.officer, "the share is not the one that was dealt")


def recover(shares: Mapping[str, bytes], name: SegmentName, segment: SealedSegment, keys: OpeningKeySet) -> bytes:
    """Give the secret of a segment from the officers' shares.

    Raises ShareError (a forged share), TooFewSharesError, or BadlySealedError: the shares that match their commitments
    do not lie on one polynomial, do not give the committed key, or the dealing is not the prescribed one.
    """
    by_officer = {each.officer: each for each in segment.shares}
    for officer, share in shares.items():
        if officer not in by_officer:
            raise ShareError(officer, "not an officer of this consultation")
        check_share(share, name, by_officer[officer])
    proof = {each: to_text(share) for each, share in sorted(shares.items())}
    secret = _interpolate(shares, keys, proof)
    _check_dealing(deal(secret, name, keys), segment, proof)
    return secret


def _interpolate(shares: Mapping[str, bytes], keys: OpeningKeySet, proof: Mapping[str, str]) -> bytes:
    shared = sharing(keys)
    points: dict[int, bytes] = {}
    holder: dict[int, str] = {}
    for officer, share in shares.items():
        places = shared.points[officer]
        if len(share) != shamir.SECRET_SIZE * len(places):
            raise BadlySealedError("a share was dealt that has another size", {"shares": proof, "off": officer})
        for rank, place in enumerate(places):
            points[place] = share[shamir.SECRET_SIZE * rank : shamir.SECRET_SIZE * (rank + 1)]
            holder[place] = officer
    if len(points) < shared.needed:
        raise TooFewSharesError(len(points), shared.needed)
    for place, point in points.items():
        if shamir.evaluate(points, shared.needed, at=place) != point:
            proved = {"shares": proof, "off": holder[place]}
            raise BadlySealedError("the shares do not lie on one polynomial", proved)
    return shamir.combine(points, shared.needed)


def _check_dealing(expected: Dealing, segment: SealedSegment, proof: Mapping[str, str]) -> None:
    if expected.key_commitment != segment.key_commitment:
        raise BadlySealedError("the shares do not give the key that the bidder committed to", {"shares": proof})
    wrong = [ours.officer for ours, theirs in zip(expected.shares, segment.shares, strict=True) if ours != theirs]
    if wrong:
        raise BadlySealedError("shares were dealt that do not open this key", {"shares": proof, "officers": wrong})


def _derive(secret: bytes, context: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, context).derive(secret)


def _share_commitment(share: bytes, name: SegmentName, officer: str) -> str:
    return sha256(name.context("share-commitment", officer, to_text(share))).hexdigest()
