"""Attempts and incidents, as the facts tell them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.bids.evidence.facts import FactKind
from services.bids.evidence.proof import FactPaper

__all__ = ["Attempt", "Incident", "attempts_of", "incidents_of"]

Outcome = Literal["complete", "interrupted", "removed", "running"]
_ENDS: dict[FactKind, Outcome] = {
    FactKind.UPLOAD_COMPLETED: "complete",
    FactKind.UPLOAD_INTERRUPTED: "interrupted",
    FactKind.CHECKSUM_REFUSED: "interrupted",
    FactKind.UPLOAD_REMOVED: "removed",
    FactKind.UPLOAD_CREATED: "running",
    FactKind.UPLOAD_STARTED: "running",
    FactKind.UPLOAD_RESUMED: "running",
    FactKind.UPLOAD_PAUSED: "running",
}
_FAILURES = frozenset({FactKind.UPLOAD_INTERRUPTED, FactKind.CHECKSUM_REFUSED})


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Failure(_Paper):
    """An error of an upload, of either side."""

    at: AwareDatetime
    reason: str


class Attempt(_Paper):
    """One upload of a file: its first byte, each resume, each error, its last byte."""

    bid: UUID
    upload: str
    file: int | None
    announced_at: AwareDatetime
    first_byte_at: AwareDatetime | None
    resumed_at: tuple[AwareDatetime, ...]
    errors: tuple[Failure, ...]
    last_byte_at: AwareDatetime | None
    outcome: Outcome

    @classmethod
    def of(cls, facts: Sequence[FactPaper]) -> Self:
        """Give the attempt that facts of one upload tell, in their order."""
        first, last = facts[0], facts[-1]
        return cls.model_validate(
            {
                "bid": first.bid,
                "upload": first.content["upload"],
                "file": first.content.get("file"),
                "announced_at": first.at,
                "first_byte_at": next(iter(_hours(facts, FactKind.UPLOAD_STARTED)), None),
                "resumed_at": _hours(facts, FactKind.UPLOAD_RESUMED),
                "errors": [Failure(at=each.at, reason=_reason(each)) for each in facts if each.kind in _FAILURES],
                "last_byte_at": next(iter(_hours(facts, FactKind.UPLOAD_COMPLETED)), None),
                "outcome": _ENDS[last.kind],
            }
        )


class Incident(_Paper):
    """An incident that the operator declared."""

    id: UUID
    declared_at: AwareDatetime
    begins: AwareDatetime
    ends: AwareDatetime | None
    what: str


def attempts_of(facts: Sequence[FactPaper]) -> tuple[Attempt, ...]:
    """Give the attempts that facts tell, in the order of their announcement."""
    by_upload: dict[str, list[FactPaper]] = {}
    for each in sorted(facts, key=lambda fact: fact.at):
        if each.kind in _ENDS and each.bid is not None and "upload" in each.content:
            by_upload.setdefault(str(each.content["upload"]), []).append(each)
    return tuple(Attempt.of(each) for each in by_upload.values())


def incidents_of(facts: Sequence[FactPaper]) -> tuple[Incident, ...]:
    """Give the incidents declared, in order, each once: the platform's facts tell them, and those of consultations near."""
    declared = {each.content.get("incident", str(each.id)): each for each in facts if each.kind is FactKind.INCIDENT}
    return tuple(
        Incident.model_validate(
            {
                "id": name,
                "declared_at": each.at,
                "begins": each.content["begins"],
                "ends": each.content["ends"],
                "what": each.content["what"],
            }
        )
        for name, each in sorted(declared.items(), key=lambda item: item[1].at)
    )


def _hours(facts: Sequence[FactPaper], kind: FactKind) -> list[datetime]:
    return [each.at for each in facts if each.kind is kind]


def _reason(fact: FactPaper) -> str:
    return str(fact.content.get("reason", fact.kind.value))
