"""Templates in PostgreSQL: functions over a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.content import NoticeContent

__all__ = ["Template", "add_template", "get_template", "remove_template", "templates"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Template:
    """A notice kept by an organisation to begin others from."""

    template_id: UUID
    organisation: str
    name: str
    content: NoticeContent
    created_at: datetime


async def add_template(conn: asyncpg.Connection, template: Template) -> bool:
    """Write a new template; False when the organisation has one of that name."""
    found = await conn.fetchval(
        _SQL["template_add"],
        template.template_id,
        template.organisation,
        template.name,
        template.content.model_dump(mode="json"),
        template.created_at,
    )
    return found is not None


async def get_template(conn: asyncpg.Connection, template_id: UUID, organisation: str) -> Template | None:
    """Give a template of an organisation."""
    row = await conn.fetchrow(_SQL["template_get"], template_id, organisation)
    return None if row is None else _template(row)


async def remove_template(conn: asyncpg.Connection, template_id: UUID, organisation: str) -> bool:
    """Remove a template of an organisation; False when there is none."""
    return await conn.fetchval(_SQL["template_remove"], template_id, organisation) is not None


async def templates(conn: asyncpg.Connection, organisation: str, after: str | None, limit: int) -> list[Template]:
    """Give the templates of an organisation, by name."""
    return [_template(row) for row in await conn.fetch(_SQL["templates"], organisation, after, limit)]


def _template(row: asyncpg.Record) -> Template:
    return Template(**{**dict(row), "content": NoticeContent.model_validate(row["content"])})
