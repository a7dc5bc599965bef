"""What the HTTP interface takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.common.messages.base import DocumentReference
from services.legality import store
from services.legality.domain import Act, Exemption, Happening, State
from services.legality.returns import Received

__all__ = [
    "ActQuery",
    "ActView",
    "AuthorityInput",
    "AuthorityView",
    "ExemptionQuery",
    "ExemptionView",
    "ReturnView",
]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AuthorityInput(_Input):
    """How the State knows your organisation."""

    department: Annotated[str, StringConstraints(pattern=r"^[09][0-9][AB0-9]$")] = Field(
        description="3 characters: 021, 02A, 971"
    )
    arrondissement: Annotated[str, StringConstraints(pattern=r"^[0-9]$")]
    nature: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] = Field(
        description="31 commune, 44 communauté de communes, 46 communauté d'agglomération, 21 département, 11 région..."
    )
    email: (
        Annotated[
            str,
            StringConstraints(
                max_length=200,
                pattern=r"^[_a-zA-Z0-9\-]+(\.[_a-zA-Z0-9\-]+)*@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*\.[a-zA-Z]{2,6}$",
            ),
        ]
        | None
    ) = Field(default=None, description="where the State answers by mail; the operator's address by default")


class AuthorityView(_View):
    """How the State knows an organisation."""

    organisation: str
    version: int
    department: str
    arrondissement: str
    nature: str
    email: str | None
    updated_at: datetime


class ActQuery(_Input):
    """Which acts."""

    state: State | None = None
    subject: UUID | None = Field(default=None, description="the contract")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class ExemptionQuery(_Input):
    """Which exemptions."""

    subject: UUID | None = Field(default=None, description="the contract")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class DocumentView(_View):
    """A document."""

    name: str
    size: int
    media_type: str
    sha256: str

    @classmethod
    def of(cls, document: DocumentReference) -> Self:
        """Show a document."""
        return cls.model_validate(document)


class PieceView(_View):
    """A document of an act."""

    kind: str = Field(description="type of piece: 11_AE acte d'engagement...")
    name: str
    sha256: str


class HappeningView(_View):
    """One line of the history."""

    at: datetime
    event: str
    detail: str | None


class MessageView(_View):
    """A message of the State."""

    return_id: UUID
    act_id: UUID | None
    file: str
    element: str
    code: str | None
    outcome: str
    content: dict[str, Any]


class ActView(_View):
    """An act under transmission."""

    act_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    state: State
    version: int
    siren: str
    number: str
    nature: str = Field(description="4-CC: contrats, conventions et avenants")
    matter: str = Field(description="1.1: marchés publics")
    object: str
    decision_date: date
    signed_at: datetime
    transmit_before: datetime = Field(description="15 days after the signature (L2131-13 CGCT)")
    grounds: str = Field(description="why the transmission is due, in French")
    pieces: list[PieceView]
    envelope: str | None
    archive: DocumentView | None
    act_identifier: str | None = Field(description="IDActe")
    validated_with: str | None
    transmitted_at: datetime | None
    received_on: date | None = Field(description="day of reception by the State, by its acknowledgement")
    acknowledged_at: datetime | None
    problem: str | None = Field(description="why it is blocked or rejected")
    created_at: datetime
    history: list[HappeningView] | None = None
    returns: list[MessageView] | None = None

    @classmethod
    def of(
        cls, act: Act, history: Sequence[Happening] | None = None, returns: Sequence[store.StateMessage] | None = None
    ) -> Self:
        """Show an act."""
        same = (
            "act_id", "organisation", "procedure", "subject_id", "state", "version", "siren", "number", "object",
            "signed_at", "transmit_before", "grounds", "envelope", "act_identifier", "validated_with",
            "transmitted_at", "received_on", "acknowledged_at", "created_at",
        )  # fmt: skip
        return cls(
            **{name: getattr(act, name) for name in same},
            nature="4-CC",
            problem=act.reason,
            matter=".".join(str(level) for level in act.matters),
            decision_date=act.decided_on,
            pieces=[
                PieceView(kind=item.kind, name=item.document.name, sha256=item.document.sha256) for item in act.pieces
            ],
            archive=DocumentView.of(act.archive) if act.archive else None,
            history=None if history is None else [HappeningView.model_validate(item) for item in history],
            returns=None if returns is None else [MessageView.model_validate(item) for item in returns],
        )


class ExemptionView(_View):
    """A contract that the law does not ask to transmit."""

    exemption_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    reason: str
    decided_at: datetime

    @classmethod
    def of(cls, exemption: Exemption) -> Self:
        """Show an exemption."""
        return cls.model_validate(exemption)


class ReturnView(_View):
    """A return and what was made of it."""

    return_id: UUID
    repeated: bool = Field(description="the same content came before: nothing changed")
    messages: list[MessageView]

    @classmethod
    def of(cls, received: Received) -> Self:
        """Show a return."""
        return cls(
            return_id=received.return_id,
            repeated=received.repeated,
            messages=[MessageView.model_validate(item) for item in received.messages],
        )
