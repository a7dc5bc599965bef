"""What the other services are told of an act."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.messages.legality import ActAcknowledgedV1, ActExemptedV1, ActRejectedV1, ActTransmittedV1
from services.legality.domain import Act, Exemption

__all__ = ["LEGAL_TIME", "acknowledged", "exempted", "rejected", "transmitted"]

LEGAL_TIME = ZoneInfo("Europe/Paris")


def _common(act: Act, at: datetime, version: int | None = None) -> dict[str, Any]:
    return {
        "aggregate_id": act.act_id,
        "aggregate_version": version or act.version,
        "organisation": act.organisation,
        "procedure": act.procedure,
        "occurred_at": at,
        "act_id": act.act_id,
        "subject_id": act.subject_id,
    }


def transmitted(act: Act) -> ActTransmittedV1:
    """The archive left."""
    at = act.transmitted_at or act.news[-1].at
    return ActTransmittedV1(**_common(act, at), number=act.number, envelope=act.envelope or "", transmitted_at=at)


def acknowledged(act: Act) -> ActAcknowledgedV1:
    """The State acknowledged the reception. It gives a day: its first instant, legal time, is told."""
    at = act.acknowledged_at or act.news[-1].at
    day = act.received_on or at.astimezone(LEGAL_TIME).date()
    received = datetime.combine(day, time(), LEGAL_TIME).astimezone(UTC)
    return ActAcknowledgedV1(**_common(act, at), act_identifier=act.act_identifier or "", received_at=received)


def rejected(act: Act, nature: str, detail: str) -> ActRejectedV1:
    """The State answered with an anomaly."""
    return ActRejectedV1(**_common(act, act.news[-1].at), nature=nature, detail=detail)


def exempted(exemption: Exemption) -> ActExemptedV1:
    """The law asks no transmission."""
    return ActExemptedV1(
        aggregate_id=exemption.exemption_id,
        aggregate_version=1,
        organisation=exemption.organisation,
        procedure=exemption.procedure,
        occurred_at=exemption.decided_at,
        subject_id=exemption.subject_id,
        reason=exemption.reason,
    )
