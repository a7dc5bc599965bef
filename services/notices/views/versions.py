"""The versions of notices and procedures, with what changed, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from services.notices.content import NoticeContent
from services.notices.differences import Difference, differences
from services.notices.domain.procedure import ProcedureState
from services.notices.store.notices import VersionRow
from services.notices.store.procedures import ProcedureVersion
from services.notices.views.base import View
from services.notices.views.procedures import ProcedureLotView

__all__ = ["DifferenceView", "NoticeTextView", "ProcedureTextView", "ProcedureVersionView", "VersionView"]

_NOT_TEXT = frozenset(
    {
        "kind",
        "subtype",
        "notice_type",
        "change",
        "changes",
        "modification",
        "basis",
        "results",
        "previous",
        "opening",
        "deadline",
        "title",
    }
)
"""What a notice says of itself, and what its procedure says better."""


class DifferenceView(View):
    """Something that changed since the version before."""

    path: str = Field(description="where, lots by their identifier: lots/LOT-0002/deadline")
    before: Any
    after: Any
    text: str = Field(description="in French words")
    text_en: str

    @classmethod
    def of(cls, difference: Difference) -> Self:
        """Show a difference."""
        return cls.model_validate(difference, from_attributes=True)


class VersionView(View):
    """A state that a notice went through."""

    number: int
    state: str
    recorded_at: datetime
    title: str
    deadline: datetime | None
    changed: list[str] = Field(description="the members that differ from the version before")
    differences: list[DifferenceView] = Field(description="what differs from the version before")

    @classmethod
    def all_of(cls, rows: Sequence[VersionRow], former: VersionRow | None) -> list[Self]:
        """Show versions, oldest first, each against the one before: that of the first is `former`, if any."""
        return [cls.of(row, _changed(before, row)) for before, row in pairwise([former, *rows]) if row is not None]

    @classmethod
    def of(cls, row: VersionRow, found: Sequence[Difference]) -> Self:
        """Show a version with what changed."""
        return cls(
            number=row.version,
            state=row.state,
            recorded_at=row.recorded_at,
            title=row.content.title,
            deadline=row.content.deadline,
            changed=list(dict.fromkeys(each.path.partition("/")[0] for each in found)),
            differences=[DifferenceView.of(each) for each in found],
        )


class NoticeTextView(View):
    """A notice as it was in one version."""

    number: int
    state: str
    recorded_at: datetime
    content: NoticeContent

    @classmethod
    def of(cls, row: VersionRow) -> Self:
        """Show the whole text of a version."""
        return cls(number=row.version, state=row.state, recorded_at=row.recorded_at, content=row.content)


class ProcedureVersionView(View):
    """A state that a procedure went through, as its reader could see it."""

    recorded_at: datetime
    state: ProcedureState
    title: str
    deadline: datetime | None
    text_id: UUID | None = Field(description="the notice whose text held")
    differences: list[DifferenceView] = Field(description="what differs from the version before")

    @classmethod
    def all_of(cls, rows: Sequence[ProcedureVersion], *, own: bool, former: ProcedureVersion | None) -> list[Self]:
        """Show versions, oldest first; those that changed nothing a reader may know are left out."""
        shown: list[Self] = []
        before = _procedure_state(former, own=own) if former else None
        for row in rows:
            told = _procedure_state(row, own=own)
            found = differences(before, told) if before is not None else []
            if before is None or found:
                shown.append(cls.of(row, found, own=own))
            before = told
        return shown

    @classmethod
    def of(cls, row: ProcedureVersion, found: Sequence[Difference], *, own: bool) -> Self:
        """Show a version with what changed."""
        return cls(
            recorded_at=row.recorded_at,
            state=row.state if own else row.public_state,
            title=row.title,
            deadline=row.deadline,
            text_id=row.text_id,
            differences=[DifferenceView.of(each) for each in found],
        )


class ProcedureTextView(View):
    """A procedure as it was at an instant: its state, and the whole text that bidders read."""

    recorded_at: datetime = Field(description="since when it was so")
    state: ProcedureState
    title: str
    deadline: datetime | None
    lots: list[ProcedureLotView]
    text_id: UUID | None = Field(description="the notice whose text held")
    text: NoticeContent | None

    @classmethod
    def of(cls, row: ProcedureVersion, *, own: bool) -> Self:
        """Show a procedure as it was."""
        return cls(
            recorded_at=row.recorded_at,
            state=row.state if own else row.public_state,
            title=row.title,
            deadline=row.deadline,
            lots=[ProcedureLotView.of(lot, own=own) for lot in row.lots],
            text_id=row.text_id,
            text=row.content,
        )


def _changed(before: VersionRow | None, row: VersionRow) -> list[Difference]:
    return differences(_notice_state(before), _notice_state(row)) if before else []


def _notice_state(row: VersionRow) -> Mapping[str, Any]:
    return {"state": row.state, **row.content.model_dump(mode="json")}


def _procedure_state(row: ProcedureVersion, *, own: bool) -> Mapping[str, Any]:
    """Give what a reader sees: the text that held, each lot with its state."""
    lots = [ProcedureLotView.of(lot, own=own).model_dump(mode="json") for lot in row.lots]
    text = row.content.model_dump(mode="json", exclude=set(_NOT_TEXT)) if row.content else {}
    said = {lot["lot_id"]: lot for lot in text.get("lots", [])}
    return {
        "state": (row.state if own else row.public_state).value,
        "title": row.title,
        "deadline": row.deadline.isoformat() if row.deadline else None,
        **text,
        "lots": [{**said.get(lot["lot_id"], {}), **lot} for lot in lots],
    }
