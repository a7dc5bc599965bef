"""A small service with every shape of route, to test the layer that all services share."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, field_validator

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import NotFound, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes, chunks, send_document
from libs.common.messages.alerts import AlertSentV1
from libs.common.messages.base import AmountText, DocumentReference
from libs.common.runtime import Runtime
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.uow import Uow

routes = Routes("sample")


class Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Input):
    label: Annotated[str, Field(min_length=1, max_length=20)]
    value: Annotated[Decimal, Field(gt=0, max_digits=10, decimal_places=2)]


class NewNote(Input):
    title: Annotated[str, Field(min_length=1, max_length=100)]
    on: date | None = None
    lines: tuple[Line, ...] = ()

    @field_validator("title")
    @classmethod
    def _not_shouted(cls, title: str) -> str:
        if title.isupper():
            raise ValueError("N'écrivez pas tout en capitales.", "Do not write all in capitals.")
        return title


class NoteView(BaseModel):
    note_id: UUID
    title: str
    version: int
    created_at: datetime
    total: AmountText = Decimal("0.00")


class Search(Input):
    q: str = ""
    words: tuple[str, ...] = ()
    limit: Annotated[int, Field(ge=1, le=100)] = 2
    cursor: str | None = None


def _view(row: dict[str, object]) -> NoteView:
    return NoteView.model_validate({name: row[name] for name in ("note_id", "title", "version", "created_at")})


@routes.post("/v1/notes", status=201, tag="notes", location="/v1/notes/{note_id}")
async def create_note(uow: Uow, actor: Actor, body: NewNote) -> NoteView:
    """Write a note."""
    actor.require(OrganisationKind.BUYER)
    note_id = uuid4()
    await uow.conn.execute(
        "INSERT INTO note VALUES ($1, $2, $3, 1, $4)", note_id, actor.organisation, body.title, uow.now()
    )
    if body.title == "attends":
        await asyncio.sleep(0.5)
    uow.emit(
        AlertSentV1(
            aggregate_id=note_id, aggregate_version=1, organisation=actor.organisation, occurred_at=uow.now(),
            mail_id=note_id, kind="note",
        )
    )  # fmt: skip
    uow.audit("note_created", str(note_id))
    total = sum((line.value for line in body.lines), Decimal("0.00"))
    return NoteView(note_id=note_id, title=body.title, version=1, created_at=uow.now(), total=total)


@routes.get("/v1/notes", tag="notes")
async def list_notes(runtime: Runtime, query: Search) -> Page[NoteView]:
    """List notes, oldest first."""
    after = Cursor.decode(runtime, query.cursor) if query.cursor else {"id": str(UUID(int=0))}
    async with runtime.read() as conn:
        rows = await conn.fetch(
            "SELECT * FROM note WHERE note_id > $1 AND title LIKE $3 ORDER BY note_id LIMIT $2",
            UUID(after["id"]), query.limit + 1, f"%{query.q}%",
        )  # fmt: skip
    items = [_view(dict(row)) for row in rows[: query.limit]]
    more = Cursor.encode(runtime, {"id": items[-1].note_id}) if len(rows) > query.limit else None
    return Page(items=items, next=more)


@routes.get("/v1/notes/{note_id}", errors=[NotFound], tag="notes")
async def read_note(runtime: Runtime, note_id: UUID, actor: Actor | None) -> NoteView:
    """Read a note."""
    async with runtime.read() as conn:
        row = await conn.fetchrow("SELECT * FROM note WHERE note_id = $1", note_id)
    if row is None or (actor is None and row["title"] == "secret"):
        raise NotFound("Cette note n'existe pas.", "There is no such note.")
    return _view(dict(row))


@routes.patch("/v1/notes/{note_id}", errors=[NotFound, StaleVersion], tag="notes")
async def change_note(uow: Uow, actor: Actor, note_id: UUID, if_match: IfMatch, body: NewNote) -> NoteView:
    """Change a note."""
    row = await uow.conn.fetchrow("SELECT * FROM note WHERE note_id = $1 FOR UPDATE", note_id)
    if row is None:
        raise NotFound("Cette note n'existe pas.", "There is no such note.")
    actor.require_organisation(row["organisation"])
    if row["version"] != if_match:
        raise StaleVersion("Relisez la note.", "Read the note again.")
    row = await uow.conn.fetchrow(
        "UPDATE note SET title = $2, version = version + 1 WHERE note_id = $1 RETURNING *", note_id, body.title
    )
    return _view(dict(row))


@routes.delete("/v1/notes/{note_id}", tag="notes")
async def delete_note(uow: Uow, actor: Actor, note_id: UUID) -> None:
    """Remove a note."""
    await uow.conn.execute("DELETE FROM note WHERE note_id = $1 AND organisation = $2", note_id, actor.organisation)


@routes.post("/v1/checks", accepts=["application/xml", "text/xml"], limit=1000, tag="files")
async def check(uow: Uow, body: bytes) -> dict[str, int]:
    """Count the bytes of an XML document."""
    return {"size": len(body), "at": uow.now().year}


@routes.put("/v1/files/{name}", status=201, accepts=["*/*"], tag="files")
async def put_file(runtime: Runtime, request: web.Request, name: str) -> DocumentReference:
    """Keep a file."""
    key = f"sample/{uuid4()}"
    return await runtime.storage.put(
        key, chunks(request, 3_000_000), media_type=request.content_type, name=name, limit=3_000_000
    )


@routes.get("/v1/files/{key}/{size}/{sha256}/{name}", produces=["application/octet-stream"], tag="files")
async def get_file(
    runtime: Runtime, request: web.Request, key: str, size: int, sha256: str, name: str
) -> web.StreamResponse:
    """Give a file."""
    reference = DocumentReference(
        key=f"sample/{key}", name=name, media_type="application/pdf", size=size, sha256=sha256
    )
    return await send_document(request, runtime, reference)


@routes.post("/v1/failures", tag="failures")
async def fail(uow: Uow) -> None:
    """Fail with a secret in the message."""
    await uow.conn.execute("INSERT INTO note VALUES (gen_random_uuid(), 'SIRET:1', 'failed', 1, now())")
    raise RuntimeError("secret-in-the-message")


@routes.get("/v1/lines", produces=["application/x-ndjson"], tag="files")
async def lines(request: web.Request) -> web.StreamResponse:
    """Stream lines."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(3):
        await response.write(b"{}\n")
    await response.write_eof()
    return response


@routes.get("/v1/broken-stream", tag="failures")
async def broken_stream(request: web.Request) -> web.StreamResponse:
    """Fail when half is sent."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half")
    raise RuntimeError("secret-in-the-message")


@routes.get("/v1/slow", tag="failures")
async def slow() -> dict[str, str]:
    """Take too long."""
    await asyncio.sleep(60)
    return {}


SERVICE = Service(
    name="sample",
    settings=Settings,
    migrations=Path(__file__).with_name("sample_migrations"),
    routes=routes,
    consumers=Consumers("sample"),
)
