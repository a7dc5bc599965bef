"""The archive over HTTP: public files for anybody, internal ones for operators."""

from __future__ import annotations

from datetime import datetime

import asyncpg
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus import cursor
from libs.common.bus.archive.files import GZIP, QUERIES, Audience
from libs.common.errors import NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.http.documents import send_document
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime

__all__ = ["ArchiveQuery", "ArchivedFile", "routes"]


class ArchiveQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str | None = Field(
        default=None, max_length=200, description="a cursor of the feed: only the files that hold what follows it"
    )
    limit: int = Field(default=100, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=400)


class ArchivedFile(BaseModel):
    """A file of events: JSON Lines, gzip; never changed."""

    model_config = ConfigDict(frozen=True)

    name: str
    address: str
    events: int
    from_time: datetime = Field(description="when its first event was put in the log; its day, where it holds none")
    to_time: datetime
    size: int = Field(description="bytes, compressed")
    sha256: str
    next: str = Field(description="go on from here in the feed (`after`), once this file and those before it are read")


def routes(service: str) -> Routes:
    """Give the routes of a service's archive."""
    found = Routes(service)
    found.get("/v1/events/archive", tag="events", cache=60)(_public_files)
    found.get("/v1/events/archive/{file}", tag="events", errors=[NotFound], produces=[GZIP])(_public_file)
    found.get("/v1/operations/archive", tag="operations")(_internal_files)
    found.get("/v1/operations/archive/{file}", tag="operations", errors=[NotFound], produces=[GZIP])(_internal_file)
    return found


async def _public_files(runtime: Runtime, query: ArchiveQuery) -> Page[ArchivedFile]:
    """List the files of public events that left the feed, oldest first."""
    return await _files(runtime, "public", query)


async def _public_file(runtime: Runtime, request: web.Request, file: str) -> web.StreamResponse:
    """Download a file of public events; whole or by ranges."""
    return await send_document(request, runtime, await _file(runtime, "public", file), public=True)


async def _internal_files(runtime: Runtime, actor: Actor, query: ArchiveQuery) -> Page[ArchivedFile]:
    """List the files of all events, hidden ones included, for operators."""
    actor.require(OrganisationKind.OPERATOR)
    return await _files(runtime, "internal", query)


async def _internal_file(runtime: Runtime, actor: Actor, request: web.Request, file: str) -> web.StreamResponse:
    """Download a file of all events, for operators."""
    actor.require(OrganisationKind.OPERATOR)
    return await send_document(request, runtime, await _file(runtime, "internal", file))


async def _files(runtime: Runtime, audience: Audience, query: ArchiveQuery) -> Page[ArchivedFile]:
    listed = int(Cursor.decode(runtime, query.cursor)[f"archive_{audience}"]) if query.cursor else 0
    place = cursor.decode(runtime, query.after)[0] if query.after else 0
    async with runtime.read() as conn:
        rows = await conn.fetch(QUERIES["files"], audience, listed, query.limit + 1, place)
    shown, more = rows[: query.limit], len(rows) > query.limit
    following = Cursor.encode(runtime, {f"archive_{audience}": shown[-1]["first"]}) if more else None
    return Page(items=[_view(runtime, audience, row) for row in shown], next=following)


def _view(runtime: Runtime, audience: Audience, row: asyncpg.Record) -> ArchivedFile:
    below = "v1/events/archive" if audience == "public" else "v1/operations/archive"
    return ArchivedFile(
        name=row["name"],
        address=f"{runtime.settings.public_url}/{runtime.service.name}/{below}/{row['name']}",
        events=row["events"],
        from_time=row["from_time"],
        to_time=row["to_time"],
        size=row["size"],
        sha256=row["sha256"],
        next=cursor.encode(runtime, (row["last"], row["last"])),
    )


async def _file(runtime: Runtime, audience: Audience, name: str) -> DocumentReference:
    async with runtime.read() as conn:
        row = await conn.fetchrow(QUERIES["file"], audience, name)
    if row is None:
        raise NotFound("Ce fichier n'est pas dans l'archive.", "This file is not in the archive.")
    return DocumentReference(
        key=row["storage_key"], name=row["name"], media_type=GZIP, size=row["size"], sha256=row["sha256"]
    )
