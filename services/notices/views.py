"""What the API of the notices service shows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.notices import Buyer, Lot, LotResult, Nature, NoticeKind, OpeningKeySet, Place
from services.notices import drafting, rules
from services.notices.content import NoticeContent
from services.notices.domain import Notice, NoticeState, Procedure, ProcedureState
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.problems import Problem
from services.notices.store import NoticeLine, StoredDocument, TimelineRow, VersionRow

__all__ = ["CheckView", "DocumentView", "NoticeView", "ProcedureView", "RulesView", "TimelineView", "VersionView"]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProblemView(_View):
    """A problem or a warning of a notice."""

    term: str = Field(description="business term: BT-21, OPT-300...")
    path: str
    message: str
    message_en: str = ""

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Show a problem."""
        return cls(term=problem.term, path=problem.path, message=problem.message, message_en=problem.message_en)


class BuyerLine(_View):
    """A buyer of a checked notice."""

    organisation: str
    name: str


class CheckView(_View):
    """The verdict on an eForms notice; what could be read is told of rejected ones too."""

    status: Literal["accepted", "rejected"]
    notice_type: str | None = None
    subtype: str | None = None
    procedure_type: str | None = None
    title: str | None = None
    buyers: list[BuyerLine] = []
    cpv: list[str] = []
    lots: int = 0
    deadline: datetime | None = None
    notice_id: UUID | None = None
    procedure_id: UUID | None = None
    problems: list[ProblemView] = []
    warnings: list[ProblemView] = []

    @classmethod
    def of(cls, checked: CheckedNotice) -> Self:
        """Show a verdict."""
        read: dict[str, Any] = {}
        if (notice := checked.notice) is not None:
            codes = dict.fromkeys((*notice.cpv, *(code for lot in notice.lots for code in lot.cpv)))
            read = {
                "notice_type": notice.notice_type,
                "subtype": notice.subtype,
                "procedure_type": notice.procedure_type,
                "title": notice.title,
                "buyers": [BuyerLine(organisation=each.organisation, name=each.name) for each in notice.buyers],
                "cpv": list(codes),
                "lots": 0 if notice.parts else len(notice.lots),
                "deadline": notice.deadline,
                "notice_id": notice.notice_id,
                "procedure_id": notice.procedure_id,
            }
        return cls(
            status="accepted" if checked.accepted else "rejected",
            problems=[ProblemView.of(problem) for problem in checked.problems],
            warnings=[ProblemView.of(problem) for problem in checked.warnings],
            **read,
        )


class DocumentView(_View):
    """A tender document."""

    name: str
    size: int = Field(description="bytes")
    media_type: str
    sha256: str
    version: int
    stored_at: datetime | None = None

    @classmethod
    def of(cls, document: StoredDocument) -> Self:
        """Show a document."""
        reference = document.reference
        return cls(
            name=reference.name,
            size=reference.size,
            media_type=reference.media_type,
            sha256=reference.sha256,
            version=document.version,
            stored_at=reference.stored_at,
        )


class DocumentLine(_View):
    """A tender document, as its notice lists it."""

    name: str
    size: int
    media_type: str
    sha256: str

    @classmethod
    def of(cls, reference: DocumentReference) -> Self:
        """Show a document."""
        return cls(name=reference.name, size=reference.size, media_type=reference.media_type, sha256=reference.sha256)


class RequirementView(_View):
    """Something the law asks, and why."""

    code: str
    text: str
    text_en: str
    source: str
    met: bool | None = Field(default=None, description="null when the platform cannot tell")


class WarningView(_View):
    """A remark on an imported notice."""

    term: str
    message: str
    message_en: str = ""


class NoticeView(_View):
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
    procedure_type: str
    accelerated: bool
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
    requirements: list[RequirementView]
    warnings: list[WarningView]
    published_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, notice: Notice, now: datetime) -> Self:
        """Show a notice; the law's requirements are those of its publication, or of now for a draft."""
        content = notice.content
        on = (notice.published_at or now).date()
        said = {name: getattr(content, name) for name in NoticeContent.model_fields if name in cls.model_fields}
        asked = rules.requirements(drafting.situation(content, on))
        return cls(
            notice_id=notice.notice_id,
            procedure_id=notice.procedure_id,
            state=notice.state,
            version=notice.version,
            documents=[DocumentLine.of(document) for document in notice.documents],
            requirements=[RequirementView.model_validate(each, from_attributes=True) for each in asked],
            warnings=_warnings(notice),
            published_at=notice.published_at,
            created_at=notice.created_at,
            **said,
        )


def _warnings(notice: Notice) -> list[WarningView]:
    """Show the remarks of the import to the buyer of a draft; the public reads the notice alone."""
    if notice.state is NoticeState.PUBLISHED:
        return []
    return [WarningView(term=each.where, message=each.message, message_en=each.message_en) for each in notice.warnings]


class VersionView(_View):
    """A state that a notice went through."""

    number: int
    state: str
    recorded_at: datetime
    title: str
    deadline: datetime | None
    changed: list[str] = Field(description="what differs from the version before")

    @classmethod
    def of(cls, row: VersionRow, before: VersionRow | None) -> Self:
        """Show a version against the one before."""
        return cls(
            number=row.version,
            state=row.state,
            recorded_at=row.recorded_at,
            title=row.content.title,
            deadline=row.content.deadline,
            changed=_differences(row, before) if before else [],
        )


def _differences(row: VersionRow, before: VersionRow) -> list[str]:
    names = [name for name in NoticeContent.model_fields if getattr(row.content, name) != getattr(before.content, name)]
    return [*(["state"] if row.state != before.state else []), *names]


class ProcedureNotice(_View):
    """A notice of a procedure."""

    notice_id: UUID
    kind: str
    state: str
    title: str
    published_at: datetime | None


class ProcedureView(_View):
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


class TimelineView(_View):
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


class RuleView(_View):
    """A threshold that holds on the day asked."""

    code: str
    label: str
    label_en: str
    amount: str = Field(description="euros excluding tax")
    currency: Literal["EUR"] = "EUR"
    buyers: list[str]
    natures: list[str]
    first_day: date
    last_day: date | None
    source: str


class RulesView(_View):
    """The thresholds of a day."""

    on: date
    rules: list[RuleView]

    @classmethod
    def of(cls, on: date) -> Self:
        """Show the rules of a day."""
        return cls(on=on, rules=[_rule(rule) for rule in rules.rules_on(on)])


def _rule(rule: rules.Rule) -> RuleView:
    return RuleView(
        code=rule.code,
        label=rule.label,
        label_en=rule.label_en,
        amount=f"{rule.amount:.2f}",
        buyers=sorted(rule.buyers),
        natures=sorted(rule.natures),
        first_day=rule.first,
        last_day=rule.last,
        source=rule.source,
    )
