"""Notices at their channels, in PostgreSQL: functions over a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.publication import RejectionReason
from services.notices.domain.publication import Publication, PublicationState, kind_of

__all__ = [
    "OpenPublications",
    "add_publication",
    "due_notices",
    "get_publication",
    "open_publications",
    "publications",
    "save_publication",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class OpenPublications:
    """Notices that a channel is yet to take or to answer."""

    channel: str
    state: PublicationState
    publications: int
    oldest: datetime

    @property
    def kind(self) -> str:
        """The kind of the channel."""
        return kind_of(self.channel)


async def add_publication(conn: asyncpg.Connection, publication: Publication) -> None:
    """Write a planned publication."""
    await conn.execute(
        _SQL["publication_add"],
        publication.publication_id,
        publication.notice_id,
        publication.channel,
        publication.attempt,
        publication.envelope,
        publication.planned_at,
        publication.state,
        publication.version,
    )


async def save_publication(conn: asyncpg.Connection, publication: Publication) -> None:
    """Write a publication back; its notice is locked."""
    await conn.execute(
        _SQL["publication_save"],
        publication.publication_id,
        publication.state,
        publication.version,
        publication.held_until,
        publication.queued_at,
        publication.sent_at,
        publication.received_at,
        publication.accepted_at,
        publication.closed_at,
        publication.receipt,
        publication.number,
        publication.published_on,
        publication.link,
        [reason.model_dump() for reason in publication.reasons],
        publication.asked,
    )


async def publications(conn: asyncpg.Connection, notice_id: UUID) -> list[Publication]:
    """Give the publications of a notice, oldest first."""
    return [_publication(row) for row in await conn.fetch(_SQL["publications"], notice_id)]


async def get_publication(conn: asyncpg.Connection, publication_id: UUID) -> Publication | None:
    """Give a publication."""
    row = await conn.fetchrow(_SQL["publication_get"], publication_id)
    return None if row is None else _publication(row)


async def due_notices(conn: asyncpg.Connection, at: datetime, limit: int) -> list[UUID]:
    """Give the notices that time alone lets go."""
    return [row["notice_id"] for row in await conn.fetch(_SQL["notices_due"], at, limit)]


async def open_publications(conn: asyncpg.Connection) -> list[OpenPublications]:
    """Give what is in the hands of jobs and channels, by channel and state."""
    rows = await conn.fetch(_SQL["publications_open"])
    return [OpenPublications(**{**dict(row), "state": PublicationState(row["state"])}) for row in rows]


def _publication(row: asyncpg.Record) -> Publication:
    values = dict(row)
    reasons = tuple(RejectionReason.model_validate(each) for each in values["reasons"])
    return Publication(**{**values, "state": PublicationState(values["state"]), "reasons": reasons})
