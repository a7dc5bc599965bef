"""What a search asks."""

from __future__ import annotations

from pydantic import Field

from libs.common.messages.base import OrganisationId
from libs.common.messages.notices import (
    NoticeKind,
)
from services.notices.inputs.fields import (
    CpvBranch,
    Department,
    FromDay,
    PageQuery,
    ProcedureOrType,
    ToDay,
)

__all__ = ["NoticeQuery"]


class NoticeQuery(PageQuery):
    """A search of published notices; all criteria must hold, several values of one are alternatives."""

    q: str | None = Field(
        default=None, max_length=500, description='words, "phrases", -unwanted; accents do not matter'
    )
    cpv: list[CpvBranch] = Field(default=[], max_length=50, description="code, or its first digits: the whole branch")
    department: list[Department] = Field(default=[], max_length=110, description="of performance, else the buyer's")
    deadline_after: FromDay | None = Field(default=None, description="time with offset, or a day")
    deadline_before: ToDay | None = Field(default=None, description="time with offset, or a day")
    kind: list[NoticeKind] = Field(default=[], max_length=4)
    buyer: OrganisationId | None = None
    procedure: ProcedureOrType | None = Field(
        default=None, description="identifier of a procedure, or its type: open, adapted, restricted..."
    )
