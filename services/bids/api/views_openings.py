"""What callers of openings send and receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.messages.base import Sha256
from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing.opening import OpenedShare, Stage
from services.bids.store.openings import Opening, Presence, Progress

__all__ = ["OpeningInput", "OpeningPapers", "OpeningView", "SharesInput"]

Short = Annotated[str, Field(min_length=1, max_length=200)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class OpeningInput(_Input):
    """What to open; what is not said is chosen: the next stage, all lots, the oldest key set in question."""

    stage: Stage | None = None
    lots: list[Short] | None = Field(default=None, min_length=1, max_length=1000)
    key_version: int | None = Field(default=None, ge=1)


class SharesInput(_Input):
    """An officer's opened shares: the file that the `open-shares` tool writes."""

    officer: Short
    shares: list[OpenedShare] = Field(max_length=100_000)
    opening: UUID | None = None
    deputy: Short | None = Field(default=None, description="who presents himself in the officer's place")


class OfficerView(_View):
    """An officer of an opening."""

    officer: str
    recovery: bool
    presented_at: datetime | None
    deputy: str | None = Field(description="who presented himself in the officer's place")


class ProgressView(_View):
    """How far the worker is, once the opening of the envelopes was asked for."""

    envelopes: int
    done: int


@dataclass(frozen=True)
class OpeningPapers:
    """What belongs to an opening."""

    keys: OpeningKeySet
    presences: list[Presence]
    progress: Progress
    copies_offered: int
    """Backup copies that the law lets open now."""


class OpeningView(_View):
    """An opening: of one stage, for some lots, of what is sealed to one key set."""

    opening_id: UUID
    procedure: UUID
    stage: str
    lots: list[str]
    state: str = Field(description="started, replaced, opening (the worker is at it) or completed")
    threshold: int
    key_fingerprint: Sha256
    officers: list[OfficerView]
    deadline: datetime
    stamped_at: datetime
    started_at: datetime
    progress: ProgressView
    completed_at: datetime | None
    report: dict[str, Any] | None
    report_sha256: str | None
    copies_offered: int = Field(
        description="backup copies that may be opened now, and are not: see /consultations/{procedure}/copies"
    )
    version: int

    @classmethod
    def of(cls, opening: Opening, papers: OpeningPapers) -> Self:
        """Present an opening."""
        came = {each.officer: each for each in papers.presences}
        officers = [
            OfficerView(
                officer=each.officer,
                recovery=each.recovery,
                presented_at=came[each.officer].presented_at if each.officer in came else None,
                deputy=came[each.officer].deputy if each.officer in came else None,
            )
            for each in papers.keys.officers
        ]
        return cls(
            opening_id=opening.id, procedure=opening.procedure, stage=opening.stage,
            lots=list(opening.statement.lots), state=opening.state, threshold=papers.keys.threshold,
            key_fingerprint=opening.key_fingerprint, officers=officers, deadline=opening.statement.deadline,
            stamped_at=opening.stamped_at, started_at=opening.started_at,
            progress=ProgressView(envelopes=papers.progress.envelopes, done=papers.progress.done),
            completed_at=opening.completed_at, report=opening.report, report_sha256=opening.report_sha256,
            copies_offered=papers.copies_offered, version=opening.version,
        )  # fmt: skip
