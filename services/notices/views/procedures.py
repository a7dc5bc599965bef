"""Procedures and their timeline, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from libs.common.actor import Actor
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.store.procedures import NoticeLine
from services.notices.store.timeline import TimelineRow
from services.notices.views.base import View

__all__ = ["ProcedureNotice", "ProcedureView", "TimelineView"]


class ProcedureNotice(View):
    """A notice of a procedure."""

    notice_id: UUID
    kind: str
    state: str
    title: str
    published_at: datetime | None


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
    lots: list[str]
    notices: list[ProcedureNotice]

    @classmethod
    def of(cls, procedure: Procedure, notices: list[NoticeLine], actor: Actor | None) -> Self:
        """Show a procedure. That it is awarded is told to its buyer alone until the award is public (R2181-1, L2132-1)."""
        own = actor is not None and actor.organisation == procedure.organisation
        public = procedure.state is not ProcedureState.AWARDED or any(each.kind == "award" for each in notices)
        return cls(
            procedure_id=procedure.procedure_id,
            state=procedure.state if own or public else ProcedureState.CLOSED,
            version=procedure.version if own else None,
            title=procedure.title,
            buyer=procedure.organisation,
            formal=procedure.formal,
            deadline=procedure.deadline,
            closed_at=procedure.closed_at,
            lots=list(procedure.lots),
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
