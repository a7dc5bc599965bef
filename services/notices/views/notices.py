"""Notices and their versions, as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from libs.common.messages.base import Money
from libs.common.messages.notices import (
    Buyer,
    Change,
    ContractKind,
    DesignContest,
    Lot,
    LotResult,
    Modification,
    Nature,
    NoticeKind,
    OpeningKeySet,
    Place,
    Technique,
)
from services.notices import drafting, modifications, rules
from services.notices.content import Contact, Justification, NoticeContent, ReviewBody
from services.notices.disclosure import term_of
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.withheld import Withheld
from services.notices.views.base import View
from services.notices.views.documents import DocumentLine

__all__ = ["NoticeView", "RequirementView", "WarningView", "WithheldView"]


class StepView(View):
    """One step of the computation of a date."""

    day: date
    text: str
    text_en: str


class RequirementView(View):
    """Something the law asks, and why."""

    code: str
    text: str
    text_en: str
    source: str
    met: bool | None = Field(default=None, description="null when the platform cannot tell")
    at: datetime | None = Field(default=None, description="the instant it leads to")
    steps: list[StepView] = Field(default=[], description="how that instant was found")


class WarningView(View):
    """A remark on an imported notice."""

    term: str
    message: str
    message_en: str = ""


class WithheldView(View):
    """A value that a notice keeps from the public until a day; its buyer's people read it."""

    code: str = Field(description="non-publication-identifier, BT-195")
    term: str | None = Field(
        description="the business term withheld: BT-720; null for a code that eForms does not know"
    )
    lots: list[str] = Field(description="of the value; empty: of the whole notice")
    until: datetime | None = Field(description="when it becomes public (BT-198); null where the notice gives no day")
    reason: str | None = Field(description="non-publication-justification, BT-197")
    explanation: str | None = Field(description="BT-196")

    @classmethod
    def of(cls, withheld: Withheld) -> Self:
        """Show what is withheld."""
        said = {name: getattr(withheld, name) for name in ("code", "until", "reason", "explanation")}
        return cls(term=term_of(withheld.code), lots=list(withheld.lots), **said)


class NoticeView(View):
    """A notice."""

    notice_id: UUID
    procedure_id: UUID
    state: NoticeState
    version: int
    kind: NoticeKind
    subtype: str
    language: str
    title: str
    description: str
    internal_reference: str | None
    buyer: Buyer
    contact: Contact | None
    review: ReviewBody | None
    notice_type: str | None
    procedure_type: str
    accelerated: bool
    justification: Justification | None
    features: str | None
    contract_kind: ContractKind
    techniques: list[Technique]
    contest: DesignContest | None
    framework_notice: str | None
    formal: bool
    nature: Nature
    cpv: list[str]
    places: list[Place]
    departments: list[str]
    value: Money | None
    deadline: datetime | None
    lots: list[Lot]
    documents: list[DocumentLine]
    documents_url: str | None
    electronic: bool
    opening: OpeningKeySet | None
    results: list[LotResult]
    changes: str | None
    change: Change | None
    modification: Modification | None
    planned_on: datetime | None
    previous: list[str]
    requirements: list[RequirementView]
    warnings: list[WarningView]
    withheld: list[WithheldView]
    sent_at: datetime | None = Field(description="to its channels: minimum periods run from there")
    published_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, notice: Notice, now: datetime) -> Self:
        """Show a notice; the law's requirements are those of its sending, or of now for a draft."""
        content = notice.content
        on = content.legal_day(notice.dispatched_on or now)
        said = {name: getattr(content, name) for name in NoticeContent.model_fields if name in cls.model_fields}
        asked = (*rules.requirements(drafting.situation(content, on)), *modifications.requirements(content, on))
        return cls(
            notice_id=notice.notice_id,
            procedure_id=notice.procedure_id,
            state=notice.state,
            version=notice.version,
            documents=[DocumentLine.of(document) for document in notice.documents],
            requirements=[RequirementView.model_validate(each, from_attributes=True) for each in asked],
            warnings=_warnings(notice),
            withheld=[WithheldView.of(each) for each in notice.withheld],
            sent_at=notice.sent_at,
            published_at=notice.published_at,
            created_at=notice.created_at,
            **said,
        )


def _warnings(notice: Notice) -> list[WarningView]:
    """Show the remarks of the import to the buyer of a draft; the public reads the notice alone."""
    if notice.is_public:
        return []
    return [WarningView(term=each.where, message=each.message, message_en=each.message_en) for each in notice.warnings]
