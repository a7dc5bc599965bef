"""The documents of the file of one's own company."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, IllegalTransition, InvalidInput, TooLarge
from libs.common.files.incoming import DangerousDocument
from libs.common.http import Cursor, Page, Routes, chunks, send_document
from libs.common.messages.base import Sha256
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.applications.said import Kind
from services.bids.companies.documents import service, store
from services.bids.companies.documents.errors import SealedElsewhere, TooManyDocuments, UnknownDocument, WrongSize
from services.bids.errors import UnknownBid

__all__ = ["routes"]

routes = Routes("bids")
_ATTACHING = [Forbidden, InvalidInput, TooManyDocuments, DangerousDocument, TooLarge]


class CompanyDocumentView(BaseModel):
    """A version of a document."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    document_id: UUID
    version: int
    kind: str
    label: str
    valid_until: date | None
    name: str
    media_type: str = Field(description="told by its content")
    size: int
    sha256: Sha256
    added_at: datetime


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AttachQuery(_Input):
    """What is said of a document."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind
    label: Annotated[str, Field(max_length=200)] = ""
    valid_until: date | None = Field(default=None, description="its last day")


class CompanyDocumentQuery(_Input):
    """A page of documents."""

    versions: bool = Field(default=False, description="every version, not the last one alone")
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class VersionQuery(_Input):
    """Which version."""

    version: int | None = Field(default=None, ge=1, description="the last one if none is given")


class DocumentCopy(_Input):
    """Which document to copy into a file of a bid."""

    document_id: UUID
    version: int | None = Field(default=None, ge=1, description="the last one if none is given")


@routes.post("/v1/company/documents", status=201, errors=_ATTACHING, tag="company", accepts=["*/*"],
             limit=service.LARGEST)  # fmt: skip
async def attach_company_document(
    runtime: Runtime, actor: Actor, query: AttachQuery, request: web.Request
) -> CompanyDocumentView:
    """Attach a document to the file of one's own company: the body is its content."""
    new = service.NewDocument(**dict(query))
    made = await service.attach(runtime, actor, new, chunks(request, service.LARGEST))
    return CompanyDocumentView.model_validate(made)


@routes.post("/v1/company/documents/{document_id}/versions", status=201, errors=[*_ATTACHING, UnknownDocument],
             tag="company", accepts=["*/*"], limit=service.LARGEST)  # fmt: skip
async def add_company_document_version(
    runtime: Runtime, actor: Actor, document_id: UUID, query: AttachQuery, request: web.Request
) -> CompanyDocumentView:
    """Add a version of a document, a renewed certificate for instance; the former ones stay."""
    new = service.NewDocument(**dict(query))
    made = await service.attach(runtime, actor, new, chunks(request, service.LARGEST), document_id)
    return CompanyDocumentView.model_validate(made)


@routes.get("/v1/company/documents", errors=[Forbidden], tag="company")
async def list_company_documents(
    runtime: Runtime, actor: Actor, query: CompanyDocumentQuery
) -> Page[CompanyDocumentView]:
    """List the documents of one's own company; those that expired too."""
    actor.require(OrganisationKind.COMPANY)
    after = None
    if query.cursor is not None:
        position = Cursor.decode(runtime, query.cursor)
        after = UUID(position["document"]), int(position["version"])
    async with runtime.read() as conn:
        found = await store.documents(conn, actor.organisation, after, query.limit + 1, versions=query.versions)
    shown = [CompanyDocumentView.model_validate(each) for each in found[: query.limit]]
    if len(found) <= query.limit:
        return Page(items=shown)
    last = {"document": shown[-1].document_id, "version": shown[-1].version}
    return Page(items=shown, next=Cursor.encode(runtime, last))


@routes.get("/v1/company/documents/{document_id}", errors=[Forbidden, UnknownDocument], tag="company",
            produces=["application/octet-stream"])  # fmt: skip
async def get_company_document(
    runtime: Runtime, actor: Actor, document_id: UUID, query: VersionQuery, request: web.Request
) -> web.StreamResponse:
    """Load a document of one's own company, to seal it in a bid with one's own tool for instance."""
    async with runtime.read() as conn:
        found = await service.own(conn, actor, document_id, query.version)
    return await send_document(request, runtime, found.reference, replaceable=True)


@routes.delete("/v1/company/documents/{document_id}", status=204, errors=[Forbidden, UnknownDocument], tag="company")
async def erase_company_document(uow: Uow, actor: Actor, document_id: UUID) -> None:
    """Erase a document with all its versions; sealed copies in bids stay as the law says."""
    await service.erase(uow, actor, document_id)


@routes.post("/v1/bids/{bid_id}/files/{number}/copy", status=201, tag="applications",
             errors=[Forbidden, UnknownBid, UnknownDocument, SealedElsewhere, WrongSize, IllegalTransition])  # fmt: skip
async def copy_company_document(
    runtime: Runtime, actor: Actor, bid_id: UUID, number: int, body: DocumentCopy
) -> CompanyDocumentView:
    """Copy a document of the company's file into a bid that the platform seals: sealed as it passes, its kind and expiry said."""
    found = await service.copy(runtime, actor, (bid_id, number), (body.document_id, body.version))
    return CompanyDocumentView.model_validate(found)
