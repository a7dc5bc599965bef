"""From the aggregates to the messages of the service."""

from __future__ import annotations

from datetime import datetime

from libs.common.messages.notices import NoticePublishedV1, ProcedureClosedV1
from services.notices.content import public_notice
from services.notices.domain.notice import Notice
from services.notices.domain.procedure import Procedure

__all__ = ["closed", "published"]


def published(notice: Notice) -> NoticePublishedV1:
    """Tell that a notice became public."""
    if notice.published_at is None:
        raise ValueError("a draft is not told of")
    return NoticePublishedV1(
        aggregate_id=notice.notice_id,
        aggregate_version=notice.version,
        organisation=notice.organisation,
        buyer=notice.organisation,
        procedure=notice.procedure_id,
        occurred_at=notice.published_at,
        notice=public_notice(
            notice.notice_id,
            notice.version,
            notice.content,
            published_at=notice.published_at,
            documents=notice.documents,
        ),
    )


def closed(procedure: Procedure, at: datetime) -> ProcedureClosedV1:
    """Tell that the deadline of a procedure passed."""
    if procedure.notice_id is None or procedure.deadline is None:
        raise ValueError("a procedure without deadline does not close")
    return ProcedureClosedV1(
        aggregate_id=procedure.procedure_id,
        aggregate_version=procedure.version,
        organisation=procedure.organisation,
        buyer=procedure.organisation,
        procedure=procedure.procedure_id,
        occurred_at=at,
        notice_id=procedure.notice_id,
        deadline=procedure.deadline,
    )
