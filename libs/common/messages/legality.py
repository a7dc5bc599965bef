"""Events of the legality service."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.messages.base import Audience, Event

__all__ = ["ActAcknowledgedV1", "ActExemptedV1", "ActRejectedV1", "ActTransmittedV1"]


class ActTransmittedV1(Event):
    """An act left for the State's legality control."""

    type: ClassVar[str] = "legality.act.transmitted.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    act_id: UUID
    subject_id: UUID
    number: str
    envelope: str
    transmitted_at: AwareDatetime


class ActAcknowledgedV1(Event):
    """The State acknowledged the reception of an act (ARActe)."""

    type: ClassVar[str] = "legality.act.acknowledged.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    act_id: UUID
    subject_id: UUID
    act_identifier: str
    received_at: AwareDatetime


class ActRejectedV1(Event):
    """The State answered with an anomaly (AnomalieActe or AnomalieEnveloppe)."""

    type: ClassVar[str] = "legality.act.rejected.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    act_id: UUID
    subject_id: UUID
    nature: str
    detail: str


class ActExemptedV1(Event):
    """The law asks no transmission of this act; the reason is kept."""

    type: ClassVar[str] = "legality.act.exempted.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    subject_id: UUID
    reason: str
