"""Events of the signature service."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.messages.base import Audience, DocumentReference, Event, Message

__all__ = [
    "DocumentSignedV1",
    "SignatureRefusedV1",
    "SignatureRequestBlockedV1",
    "SignatureRequestOpenedV1",
    "SignatureStepCompletedV1",
    "SignatureSummary",
]


class SignatureSummary(Message):
    """One signature found in the document."""

    field: str
    signed_at: AwareDatetime
    timestamped: bool
    level: str


class SignatureRequestOpenedV1(Event):
    """A document entered the buyer's signature circuit: its first step waits."""

    type: ClassVar[str] = "signature.request.opened.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    subject_id: UUID
    steps: int


class SignatureRequestBlockedV1(Event):
    """A document cannot be signed as it is: the reason says what to mend (signature of the winner missing, broken...)."""

    type: ClassVar[str] = "signature.request.blocked.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    subject_id: UUID
    reason: str


class SignatureStepCompletedV1(Event):
    """A step of a signature circuit was done."""

    type: ClassVar[str] = "signature.step.completed.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    subject_id: UUID
    step: int
    action: Literal["visa", "signature"]


class DocumentSignedV1(Event):
    """A document went through its whole circuit; `subject_id` is what it was submitted for (a contract)."""

    type: ClassVar[str] = "signature.document.signed.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    subject_id: UUID
    document: DocumentReference
    signatures: list[SignatureSummary]
    signed_at: AwareDatetime


class SignatureRefusedV1(Event):
    """A person of the circuit refused; the request is closed."""

    type: ClassVar[str] = "signature.request.refused.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    subject_id: UUID
    step: int
    reason: str
