"""Templates, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from libs.common.messages.notices import Nature, NoticeKind
from services.notices.store.templates import Template
from services.notices.views.base import View

__all__ = ["TemplateView"]


class TemplateView(View):
    """A template of the organisation."""

    template_id: UUID
    name: str
    title: str
    kind: NoticeKind
    nature: Nature
    procedure_type: str
    cpv: list[str]
    lots: int
    created_at: datetime

    @classmethod
    def of(cls, template: Template) -> Self:
        """Show a template."""
        content = template.content
        return cls(
            template_id=template.template_id,
            name=template.name,
            title=content.title,
            kind=content.kind,
            nature=content.nature,
            procedure_type=content.procedure_type,
            cpv=content.cpv,
            lots=len(content.lots),
            created_at=template.created_at,
        )
