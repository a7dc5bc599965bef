"""Procedures and their timeline, as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from services.notices.domain.lots import FAILED, LotState, ProcedureLot
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.store.procedures import NoticeLine
from services.notices.store.timeline import TimelineRow
from services.notices.views.base import View

__all__ = ["ProcedureLotView", "ProcedureNotice", "ProcedureView", "TimelineView"]


class ProcedureNotice(View):
    """A notice of a procedure."""

    notice_id: UUID
    kind: str
    state: str
    title: str
    published_at: datetime | None


class ProcedureLotView(View):
    """A lot, as far as its procedure has come with it."""

    lot_id: str
    state: LotState
    deadline: datetime | None
    reason: str | None = Field(description="why no contract follows, non-award-justification (BT-144)")
    explanation: str | None

    @classmethod
    def of(cls, lot: ProcedureLot, *, own: bool) -> Self:
        """Show a lot: to its buyer as it is, to others as far as it is public."""
        state = lot.state if own else lot.public_state
        why = own or state in FAILED
        return cls(
            lot_id=lot.lot_id,
            state=state,
            deadline=lot.deadline,
            reason=lot.reason if why else None,
            explanation=lot.explanation if why else None,
        )


class ProcedureView(View):
    """A procedure and its notices."""

    procedure_id: UUID
    state: ProcedureState
    version: int | None = Field(description="null where it would tell what is not public yet")
    title: str
    buyer: str
    formal: bool
    deadline: datetime | None
    closed_at: datetime | None
    suspended_at: datetime | None
    text_id: UUID | None = Field(description="the notice whose text holds, corrections included")
    lots: list[ProcedureLotView]
    notices: list[ProcedureNotice] = Field(description="the first hundred, oldest first; all are listed apart")

    @classmethod
    def of(cls, procedure: Procedure, notices: Sequence[NoticeLine], *, own: bool) -> Self:
        """Show a procedure. A lot's result is told to its buyer alone until an award notice says it (R2181-1, L2132-1)."""
        return cls(
            procedure_id=procedure.procedure_id,
            state=procedure.state if own else procedure.public_state,
            version=procedure.version if own else None,
            title=procedure.title,
            buyer=procedure.organisation,
            formal=procedure.formal,
            deadline=procedure.deadline,
            closed_at=procedure.closed_at,
            suspended_at=procedure.suspended_at,
            text_id=procedure.text_id,
            lots=[ProcedureLotView.of(lot, own=own) for lot in procedure.lots],
            notices=[ProcedureNotice.model_validate(each, from_attributes=True) for each in notices],
        )


class TimelineView(View):
    """Something that happened in a procedure."""

    event_id: UUID
    type: str
    occurred_at: datetime
    service: str
    audience: str
    summary: str
    summary_en: str
    reference: UUID

    @classmethod
    def of(cls, row: TimelineRow) -> Self:
        """Show an entry."""
        return cls(
            event_id=row.event_id,
            type=row.type,
            occurred_at=row.occurred_at,
            service=row.type.split(".", 1)[0],
            audience=row.audience,
            summary=row.summary,
            summary_en=row.summary_en,
            reference=row.reference,
        )
