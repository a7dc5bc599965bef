"""The verdict on an eForms notice, as the API and the offline tool show it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.problems import Problem
from services.notices.views.base import View

__all__ = ["BuyerLine", "CheckView", "ProblemView"]


class ProblemView(View):
    """A problem or a warning of a notice."""

    term: str = Field(description="business term: BT-21, OPT-300...")
    path: str
    message: str
    message_en: str = ""

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Show a problem."""
        return cls(term=problem.term, path=problem.path, message=problem.message, message_en=problem.message_en)


class BuyerLine(View):
    """A buyer of a checked notice."""

    organisation: str
    name: str


class CheckView(View):
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
