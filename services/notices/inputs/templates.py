"""What a notice is begun from."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.common.actor import Actor
from libs.common.messages.notices import Buyer
from services.notices import drafting
from services.notices.inputs.fields import Input, Title
from services.notices.inputs.notices import NewBuyer

__all__ = ["NewDraft", "NewTemplate", "named_buyer"]

Named = Annotated[
    NewBuyer | None,
    Field(description="your organisation, where the notice is another buyer's and nothing names yours yet"),
]


class NewDraft(Input):
    """A notice to be begun from a past one, or from a template."""

    notice_id: UUID | None = Field(default=None, description="a notice of your organisation, or anybody's public one")
    template_id: UUID | None = None
    title: Title | None = Field(default=None, description="that of the notice or template when absent")
    buyer: Named = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.notice_id is None) == (self.template_id is None):
            raise ValueError(
                "Dites de quoi partir : un avis (notice_id) ou un modèle (template_id), l'un des deux.",
                "Say what to begin from: a notice (notice_id) or a template (template_id), one of the two.",
            )
        return self


class NewTemplate(Input):
    """A template, made from a notice."""

    name: str = Field(min_length=1, max_length=200)
    notice_id: UUID = Field(description="a notice of your organisation, or anybody's public one")
    buyer: Named = None


def named_buyer(buyer: NewBuyer | None, actor: Actor) -> Buyer | None:
    """Give the caller's organisation under the name given, if one was."""
    if buyer is None:
        return None
    department = drafting.department_of(buyer.postal_code, None, "FRA")
    return Buyer(organisation=actor.organisation, department=department, **buyer.model_dump())
