"""What the HTTP interface takes and gives."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints

from libs.common.messages.base import DocumentReference
from services.signature import pades, store
from services.signature.domain import Action, Happening, PlannedStep, Request, State

__all__ = [
    "CircuitInput",
    "CircuitView",
    "PreparationInput",
    "PreparationView",
    "RefusalInput",
    "RequestQuery",
    "RequestView",
    "SignatureInput",
    "VerificationQuery",
    "VerificationView",
]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Pem = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StepInput(_Input):
    """A step of a circuit."""

    action: Literal["visa", "signature"]
    person: Text = Field(description="the person's token `sub`")
    function: Text = Field(description="Maire, Directrice générale des services...")


class CircuitInput(_Input):
    """The circuit of an organisation, in order."""

    steps: list[StepInput] = Field(min_length=1)

    def planned(self) -> list[PlannedStep]:
        """Give the steps to the domain."""
        return [PlannedStep(Action(step.action), step.person, step.function) for step in self.steps]


class CircuitView(_View):
    """The circuit of an organisation."""

    organisation: str
    version: int
    steps: list[StepInput]
    updated_at: datetime

    @classmethod
    def of(cls, circuit: store.Circuit) -> Self:
        """Show a circuit."""
        steps = [
            StepInput(action=step.action.value, person=step.person, function=step.function) for step in circuit.steps
        ]
        return cls(
            organisation=circuit.organisation, version=circuit.version, steps=steps, updated_at=circuit.updated_at
        )


class RequestQuery(_Input):
    """Which requests."""

    state: State | None = None
    subject: UUID | None = Field(default=None, description="what is signed: a contract")
    awaited: Literal["me"] | None = Field(
        default=None, description="`me`: those whose current step is the caller's, or of whom the caller stands in for"
    )
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class StepView(_View):
    """A step of a request."""

    number: int
    action: Action
    person: str
    function: str
    state: Literal["done", "current", "waiting"]
    done_at: datetime | None
    done_by: str | None = Field(description="who did it: the person, or one who stood in by a recorded delegation")


class HappeningView(_View):
    """One line of the history."""

    at: datetime
    event: str
    step: int | None
    detail: str | None


class DocumentView(_View):
    """The document, as signed so far."""

    name: str
    size: int
    media_type: str
    sha256: str

    @classmethod
    def of(cls, document: DocumentReference) -> Self:
        """Show a document."""
        return cls(name=document.name, size=document.size, media_type=document.media_type, sha256=document.sha256)


class RequestView(_View):
    """A signature request."""

    request_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    title: str
    state: State
    version: int
    reason: str | None = Field(description="why it is blocked or refused")
    document: DocumentView
    steps: list[StepView]
    verification: dict[str, Any] | None = Field(description="the signatures found in the document")
    created_at: datetime
    closed_at: datetime | None
    history: list[HappeningView] | None = None

    @classmethod
    def of(cls, request: Request, history: list[Happening] | None = None) -> Self:
        """Show a request."""
        shown = None if history is None else [_happening(item) for item in history]
        names = ("request_id", "organisation", "procedure", "subject_id", "title", "state", "version", "reason")
        return cls(
            **{name: getattr(request, name) for name in (*names, "verification", "created_at", "closed_at")},
            document=DocumentView.of(request.document),
            steps=_steps(request),
            history=shown,
        )


def _happening(item: Happening) -> HappeningView:
    return HappeningView(at=item.at, event=item.event, step=item.step, detail=item.detail)


def _steps(request: Request) -> list[StepView]:
    current = request.current
    views = []
    for step in request.steps:
        state: Literal["done", "current", "waiting"] = "done" if step.done_at else "waiting"
        if current is not None and step.number == current.number:
            state = "current"
        views.append(
            StepView(
                number=step.number,
                action=step.action,
                person=step.person,
                function=step.function,
                state=state,
                done_at=step.done_at,
                done_by=step.done_by,
            )
        )
    return views


class PreparationInput(_Input):
    """With which certificate the person signs."""

    certificate: Pem = Field(description="PEM")
    chain: list[Pem] = Field(default=[], max_length=10, description="the certificates above it, PEM")


class PreparationView(_View):
    """What to sign."""

    preparation_id: UUID
    to_sign: str = Field(description="the bytes whose signature is wanted, base64: DER of the CMS signed attributes")
    algorithm: Literal["sha256_rsa", "sha256_ecdsa"] = Field(
        description="SHA-256 with RSA PKCS#1 v1.5, or with ECDSA (DER value)"
    )
    document_sha256: str = Field(description="SHA-256 of the signed byte range, which is in `to_sign`")

    @classmethod
    def of(cls, item: store.Preparation) -> Self:
        """Show a preparation."""
        return cls(
            preparation_id=item.preparation_id,
            to_sign=base64.b64encode(item.prepared.attributes).decode(),
            algorithm="sha256_rsa" if item.prepared.algorithm == "sha256_rsa" else "sha256_ecdsa",
            document_sha256=item.prepared.digest.hex(),
        )


class SignatureInput(_Input):
    """The signature value."""

    signature: Base64Bytes = Field(max_length=4096, description="base64")


class RefusalInput(_Input):
    """Why the person refuses."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class VerificationQuery(_Input):
    """How to verify."""

    at: AwareDatetime | None = Field(
        default=None, description="the time of verification where no trusted time stamp proves an earlier one; now"
    )


class SignatureView(_View):
    """One signature or document time stamp."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    field: str
    kind: str
    indication: pades.Indication
    sub_indication: str | None
    signer: str | None
    issuer: str | None
    certificate_sha256: str | None
    signed_at: datetime | None
    timestamped: bool
    level: str
    intact: bool
    trusted: bool
    covers_whole_document: bool
    modifications: pades.Modifications
    evaluated_at: datetime | None
    problems: list[str]


class VerificationView(_View):
    """The verdict on a file (ETSI EN 319 102-1)."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    indication: pades.Indication
    sub_indication: str | None
    signatures: list[SignatureView]
    problems: list[str]
