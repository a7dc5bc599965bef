"""The evidence report of a bid or a consultation: what happened, drawn from proved facts alone, so verifiable offline.

`attempts`, `incidents` and `interruptions` are computed from `facts`; who verifies computes them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from cryptography import x509
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.timestamp import TimestampError, claimed_time, verify
from services.bids.evidence import merkle
from services.bids.evidence.attempts import Attempt, Incident, attempts_of, incidents_of
from services.bids.evidence.availability import Gap, gaps
from services.bids.evidence.batches import Batch, Recorded
from services.bids.evidence.facts import FactKind
from services.bids.evidence.proof import CLOCK_TOLERANCE, FactPaper, Hash, ProofError, Token
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.names import from_text, to_text

__all__ = ["Concerned", "EvidenceReport", "ProvedFact", "Window", "compose", "verify_report"]


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProvedFact(_Paper):
    """A fact with its way to the head of its batch; none while no batch holds it."""

    fact: FactPaper
    batch: UUID | None = None
    position: int = Field(default=0, ge=0)
    path: tuple[Hash, ...] = Field(default=(), max_length=32)


class ProvedBatch(_Paper):
    """A batch: what is stamped, and the stamp."""

    id: UUID
    previous: Hash
    head: Hash
    token: Token | None = Field(default=None, description="RFC 3161 token over the head, base64url; none while pending")
    stamped_at: AwareDatetime | None = None


class Window(_Paper):
    """The time for which the platform's availability is told."""

    begins: AwareDatetime
    ends: AwareDatetime


class Concerned(_Paper):
    """A bid the report tells of."""

    bid: UUID
    depositor: str
    name: str


class EvidenceReport(_Paper):
    """All that the journal holds of a bid, or of all bids of a consultation. Hours are in the legal time of the buyer's place."""

    kind: Literal["halles-evidence-1"] = "halles-evidence-1"
    made_at: AwareDatetime
    procedure: UUID
    title: str
    buyer: str
    time_zone: str
    deadline: AwareDatetime = Field(description="as it stands when the report is made")
    bids: tuple[Concerned, ...]
    window: Window
    attempts: tuple[Attempt, ...]
    incidents: tuple[Incident, ...]
    interruptions: tuple[Gap, ...] = Field(description="more than two minutes without a heartbeat of the platform")
    facts: tuple[ProvedFact, ...]
    batches: tuple[ProvedBatch, ...]


def compose(head: Mapping[str, Any], found: Sequence[Recorded], batches: Mapping[UUID, Batch]) -> EvidenceReport:
    """Give the report of these facts; `head` holds its first fields, up to the window."""
    facts = tuple(_proved(each, batches) for each in found)
    used = sorted({each.batch for each in facts if each.batch}, key=lambda each: batches[each].number)
    papers = [each.fact for each in facts]
    window = Window.model_validate(head["window"])
    derived = _derived(papers, window)
    return EvidenceReport.model_validate(
        {**head, **derived, "facts": facts, "batches": tuple(_batch(batches[each]) for each in used)}
    )


def verify_report(report: EvidenceReport, roots: Sequence[x509.Certificate] | None) -> dict[str, Any]:
    """Check a report offline; give what was found: counts, and the first and last stamped hour. Raises ProofError."""
    stamped = {each.id: _stamped(each, roots) for each in report.batches}
    batches = {each.id: each for each in report.batches}
    for each in report.facts:
        if each.batch is not None:
            _check_fact(each, batches, stamped)
    derived = _derived([each.fact for each in report.facts], report.window)
    for name, value in derived.items():
        if getattr(report, name) != value:
            raise ProofError(f"{name} are not what the facts say: the report was altered")
    known = [each for each in stamped.values() if each is not None]
    proved = sum(each.batch is not None and stamped[each.batch] is not None for each in report.facts)
    return {
        "facts": len(report.facts),
        "stamped": proved,
        "pending": len(report.facts) - proved,
        "first_stamp": min(known).isoformat() if known else None,
        "last_stamp": max(known).isoformat() if known else None,
    }


def _derived(facts: Sequence[FactPaper], window: Window) -> dict[str, Any]:
    beats = [each.at for each in facts if each.kind is FactKind.HEARTBEAT]
    return {
        "attempts": attempts_of(facts),
        "incidents": incidents_of(facts),
        "interruptions": gaps(beats, window.begins, window.ends),
    }


def _proved(recorded: Recorded, batches: Mapping[UUID, Batch]) -> ProvedFact:
    fact = FactPaper.of(recorded)
    if recorded.batch is None or recorded.position is None:
        return ProvedFact(fact=fact)
    path = merkle.path(batches[recorded.batch].leaves, recorded.position)
    hashes = tuple(each.hex() for each in path)
    return ProvedFact(fact=fact, batch=recorded.batch, position=recorded.position, path=hashes)


def _batch(batch: Batch) -> ProvedBatch:
    return ProvedBatch(
        id=batch.id,
        previous=batch.previous.hex(),
        head=batch.head.hex(),
        token=None if batch.token is None else to_text(batch.token),
        stamped_at=batch.stamped_at,
    )


def _stamped(batch: ProvedBatch, roots: Sequence[x509.Certificate] | None) -> datetime | None:
    if batch.token is None:
        return None
    head = bytes.fromhex(batch.head)
    try:
        token = from_text(batch.token)
        return claimed_time(token, head) if roots is None else verify(token, head, roots)
    except (TimestampError, EnvelopeError) as error:
        raise ProofError(f"the time stamp of batch {batch.id} is not valid: {error}") from error


def _check_fact(told: ProvedFact, batches: Mapping[UUID, ProvedBatch], stamped: Mapping[UUID, datetime | None]) -> None:
    batch = batches.get(told.batch) if told.batch else None
    if batch is None:
        raise ProofError(f"fact {told.fact.id} names a batch that is not in the report")
    try:
        root = merkle.root_of(told.fact.leaf, told.position, [bytes.fromhex(each) for each in told.path])
    except ValueError as error:
        raise ProofError(f"the path of fact {told.fact.id} is not one of it: {error}") from error
    if merkle.head_of(bytes.fromhex(batch.previous), root).hex() != batch.head:
        raise ProofError(f"fact {told.fact.id} or its path was altered: they do not lead to the stamped head")
    at = stamped[batch.id]
    if at is not None and at < told.fact.at - CLOCK_TOLERANCE:
        raise ProofError(f"the time stamp of fact {told.fact.id} is earlier than its hour")
