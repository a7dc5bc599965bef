"""The file of one's own company: filled once, refreshed, exported, erased."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, InvalidInput, NotFound, Unavailable
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.companies import service, store
from services.bids.companies.documents import service as documents
from services.bids.companies.file import CompanyData, CompanyFile, Origin
from services.bids.companies.provider import NoProvider, UnknownCompany

__all__ = ["routes"]

routes = Routes("bids")


class CompanyView(BaseModel):
    """A version of the file: what is used, who said each part and when, and both sources as they were given."""

    model_config = ConfigDict(frozen=True)

    company: str
    version: int
    saved_at: datetime
    used: CompanyData
    origins: dict[str, list[Origin]] = Field(description="of each part in use: who said it, and when")
    declared: CompanyData
    provided: CompanyData | None

    @classmethod
    def of(cls, file: CompanyFile) -> Self:
        """Present a version."""
        return cls(
            company=file.company, version=file.version, saved_at=file.saved_at, used=file.effective,
            origins=dict(file.origins), declared=file.declared, provided=file.provided,
        )  # fmt: skip


class CompanyQuery(BaseModel):
    """A page of versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str | None = None
    limit: int = Field(default=20, ge=1, le=100)


@routes.put("/v1/company", errors=[Forbidden, InvalidInput], tag="company")
async def declare_company(uow: Uow, actor: Actor, body: CompanyData) -> CompanyView:
    """Say what one's own company is; a new version, in which official data stay as they are."""
    return CompanyView.of(await service.declare(uow, actor, body))


@routes.post(
    "/v1/company/refresh", errors=[Forbidden, InvalidInput, UnknownCompany, NoProvider, Unavailable], tag="company"
)
async def refresh_company(runtime: Runtime, actor: Actor) -> CompanyView:
    """Have the file of one's own company filled from official data, by its SIRET alone."""
    return CompanyView.of(await service.refresh(runtime, actor))


@routes.get("/v1/company", errors=[Forbidden, NotFound], tag="company")
async def get_company(runtime: Runtime, actor: Actor) -> CompanyView:
    """Read the file of one's own company."""
    async with runtime.read() as conn:
        return CompanyView.of(await service.own(conn, actor))


@routes.get("/v1/company/versions", errors=[Forbidden], tag="company")
async def list_company_versions(runtime: Runtime, actor: Actor, query: CompanyQuery) -> Page[CompanyView]:
    """List all that is kept of one's own company, newest first: what is exported on request (GDPR, articles 15 and 20)."""
    actor.require(OrganisationKind.COMPANY)
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before_version"])
    async with runtime.read() as conn:
        found = await store.versions(conn, actor.organisation, before, query.limit + 1)
    items = [CompanyView.of(each) for each in found[: query.limit]]
    more = len(found) > query.limit
    following = Cursor.encode(runtime, {"before_version": items[-1].version}) if more else None
    return Page(items=items, next=following)


@routes.delete("/v1/company", status=204, errors=[Forbidden], tag="company")
async def erase_company(uow: Uow, actor: Actor) -> None:
    """Erase the file of one's own company, every version, its documents too (GDPR, article 17); bids are kept as the law says."""
    await service.erase(uow, actor)
    await documents.erase(uow, actor)
