"""Officers and sealed bids for the tests of the scheme, reproducible on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.messages.notices import OpeningKeySet
from libs.common.testing.harness import TestClock
from services.bids import sealing
from services.bids.sealing import (
    EnvelopeName,
    OfficerKey,
    OpeningStatement,
    PlainFile,
    Sealed,
    SealingPlan,
    ShareRequest,
)
from services.bids.sealing.opening import RequestedShare

CONSULTATION = UUID("6e1a2b30-0000-4000-8000-000000000001")
BID = UUID("6e1a2b30-0000-4000-8000-0000000000b1")
DEADLINE = datetime(2026, 3, 20, 11, tzinfo=UTC)
AUTHORITY = TestAuthority.create()
ROOTS = (AUTHORITY.root,)


def officers(count: int, recovery: int = 0) -> list[OfficerKey]:
    """Give officers whose keys are always the same."""
    return [
        *(OfficerKey(f"officier-{n}", sha256(f"officer {n}".encode()).digest()) for n in range(1, count + 1)),
        *(OfficerKey(f"secours-{n}", sha256(f"recovery {n}".encode()).digest(), True) for n in range(1, recovery + 1)),
    ]


def key_set(threshold: int, people: list[OfficerKey]) -> OpeningKeySet:
    return sealing.key_set(threshold, [each.public for each in people])


def fixed_entropy(seed: str) -> Callable[[int], bytes]:
    """Give the same bytes at each run: SHA-256 of the seed and a counter."""
    counter = iter(range(1_000_000))
    return lambda size: sha256(f"{seed} {next(counter)}".encode()).digest()[:size]


def sealed_bid(
    keys: OpeningKeySet, contents: list[bytes], *, bid: UUID = BID, segment_size: int | None = None
) -> Sealed:
    files = [PlainFile(f"offre-{n}.txt", "text/plain", each) for n, each in enumerate(contents, 1)]
    name = EnvelopeName(CONSULTATION, bid, 1, keys.fingerprint)
    plan = SealingPlan(name, keys, "offer", ("LOT-0001",), 1, fixed_entropy(f"bid {bid}"), segment_size)
    return sealing.seal(plan, files)


async def share_request(
    sealed: Sealed, keys: OpeningKeySet, officer: str, *, stamped: datetime = datetime(2026, 3, 20, 12, tzinfo=UTC)
) -> ShareRequest:
    """Give what the platform would ask of an officer."""
    envelope = sealed.envelope
    statement = OpeningStatement(
        opening=UUID(int=7), consultation=envelope.consultation, stage="offers", lots=envelope.lots, deadline=DEADLINE,
        fingerprint=keys.fingerprint, envelopes=(f"{envelope.bid} {envelope.number} {envelope.sha256}",), nonce="0" * 64,
    )  # fmt: skip
    token = await LocalTimestampAuthority(AUTHORITY.tsa, TestClock(stamped)).stamp(statement.digest)
    shares = tuple(
        RequestedShare(
            bid=envelope.bid,
            envelope=envelope.number,
            part=segment.part,
            segment=segment.number,
            sealed=share.sealed,
            commitment=share.commitment,
        )
        for segment in envelope.segments
        for share in segment.shares
        if share.officer == officer
    )
    return ShareRequest(officer=officer, statement=statement, token=sealing.to_text(token), shares=shares)
