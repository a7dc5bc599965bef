"""The terms of an imported notice, as the API shows them."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from services.notices.eforms.terms import Term
from services.notices.views.base import View

__all__ = ["TermView"]


class TermView(View):
    """One value of a notice."""

    term: str | None = Field(description="business term: BT-21, OPT-300...; null for what eForms does not know")
    field: str | None = Field(description="field of the eForms SDK: BT-21-Lot; null where it has none")
    label: str | None = Field(description="in French")
    path: str = Field(description="where the value stands in the source")
    value: str
    language: str | None = Field(description="as the notice says it: FRA")
    currency: str | None
    unit: str | None
    attributes: dict[str, str] = Field(description="what else the notice says of the value: listName, schemeName...")

    @classmethod
    def of(cls, term: Term) -> Self:
        """Show a term."""
        return cls.model_validate(term, from_attributes=True)
