"""Sealed bids, k of n (scheme halles-seal-2, docs/sealing.md): pure, usable without the platform."""

from services.bids.sealing.errors import (
    BadlySealedError,
    EnvelopeError,
    ProofError,
    SealingError,
    ShareError,
    TamperedError,
    TooFewSharesError,
    TruncatedError,
)
from services.bids.sealing.keys import OfficerKey, check_key_set, generate, key_set
from services.bids.sealing.manifest import Envelope, Manifest
from services.bids.sealing.names import EnvelopeName, SegmentName, from_text, to_text
from services.bids.sealing.opening import OpenedShares, OpeningStatement, ShareRequest, open_shares
from services.bids.sealing.seal import Content, PlainFile, Sealed, SealedBid, SealingPlan, seal, seal_bid, seal_files
from services.bids.sealing.stream import plain_size, sealed_size

__all__ = [
    "BadlySealedError",
    "Content",
    "Envelope",
    "EnvelopeError",
    "EnvelopeName",
    "Manifest",
    "OfficerKey",
    "OpenedShares",
    "OpeningStatement",
    "PlainFile",
    "ProofError",
    "Sealed",
    "SealedBid",
    "SealingError",
    "SealingPlan",
    "SegmentName",
    "ShareError",
    "ShareRequest",
    "TamperedError",
    "TooFewSharesError",
    "TruncatedError",
    "check_key_set",
    "from_text",
    "generate",
    "key_set",
    "open_shares",
    "plain_size",
    "seal",
    "seal_bid",
    "seal_files",
    "sealed_size",
    "to_text",
]
