"""The routes of the open data service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from yarl import URL

from libs.common.actor import Actor
from libs.common.errors import Forbidden, InvalidInput, NotFound
from libs.common.grants.known import readable
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.opendata import service, store
from services.opendata.decp.xml import to_bytes
from services.opendata.domain import Essentials, State
from services.opendata.errors import NotPending
from services.opendata.ocds.package import package
from services.opendata.settings import OpendataSettings
from services.opendata.views import (
    BuyerQuery,
    Completion,
    ContractQuery,
    ContractView,
    DecpFile,
    PendingQuery,
    ReleasePackage,
    ReleaseQuery,
    StatusView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("opendata")
_Parts = Callable[[AsyncIterator[dict[str, Any]]], AsyncIterator[bytes]]
_AT_ONCE = 200  # records read from the database at once
_FIRST: store.Key = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


@ROUTES.get("/v1/contracts", errors=[InvalidInput], tag="essential data", cache=60)
async def list_contracts(runtime: Runtime, query: ContractQuery) -> Page[ContractView]:
    """List the contracts whose essential data are public, by date of notification; or those for which none are due, and why."""
    wanted = store.Filter(State(query.state), query.buyer, query.winner, query.procedure)
    async with runtime.read() as conn:
        found = await store.page(conn, wanted, _after(runtime, query.cursor), query.limit + 1)
    items = [_view(runtime, data) for data in found[: query.limit]]
    return Page(items=items, next=_next(runtime, found, query.limit))


@ROUTES.get("/v1/contracts/pending", errors=[Forbidden], tag="essential data")
async def list_pending(runtime: Runtime, actor: Actor, query: PendingQuery) -> Page[StatusView]:
    """List the contracts, of those that you may read, whose data wait for a correction, each fault named; and those not due."""
    async with runtime.read() as conn:
        scope = await readable(conn, actor, runtime.clock.now())
        found = await store.unpublished(conn, scope, _after(runtime, query.cursor), query.limit + 1)
    items = [StatusView.of(data) for data in found[: query.limit]]
    return Page(items=items, next=_next(runtime, found, query.limit))


@ROUTES.post("/v1/contracts/{contract_id}/completion", errors=[Forbidden, NotFound, NotPending], tag="essential data")
async def complete_contract(uow: Uow, actor: Actor, contract_id: UUID, body: Completion) -> StatusView:
    """Correct the items that hold a publication back; published at once when all are right."""
    return StatusView.of(await service.complete(uow, actor, contract_id, body))


@ROUTES.get("/v1/contracts/{uid}", errors=[NotFound], tag="essential data", cache=60)
async def get_contract(runtime: Runtime, uid: str) -> ContractView:
    """Read the public data of one contract, by its national identifier."""
    async with runtime.read() as conn:
        data = await store.by_uid(conn, uid)
    if data is None:
        raise NotFound("Aucun contrat publié sous cet identifiant.", "No published contract with this identifier.")
    return _view(runtime, data)


@ROUTES.get("/v1/decp.json", tag="essential data")
async def decp_json(runtime: Runtime, request: web.Request, query: BuyerQuery) -> DecpFile | web.StreamResponse:
    """Give the official file of essential data (schema 2.0.3), whole or for one buyer."""
    return await _stream(runtime, request, query.buyer, "application/json", _json_parts)


@ROUTES.get("/v1/decp.xml", tag="essential data", produces=["application/xml"])
async def decp_xml(runtime: Runtime, request: web.Request, query: BuyerQuery) -> web.StreamResponse:
    """Give the official file of essential data as XML (XSD 2.0.2), whole or for one buyer."""
    return await _stream(runtime, request, query.buyer, "application/xml", _xml_parts)


@ROUTES.get("/v1/ocds/releases", errors=[InvalidInput, NotFound], tag="ocds")
async def list_releases(runtime: Runtime, query: ReleaseQuery) -> ReleasePackage | web.StreamResponse:
    """Give OCDS releases in order of publication, as a release package; `links.next` leads to the next one.

    The header `Halles-Validated-With` says which schema accepted them.
    """
    after = _position(runtime, query.cursor)
    async with runtime.read() as conn:
        found = await store.releases(conn, after, query.buyer, query.limit + 1)
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"position": shown[-1].position}) if len(found) > query.limit else None
    return _package(runtime, shown, "/v1/ocds/releases", query, following)


@ROUTES.get("/v1/ocds/releases/{ocid}", errors=[NotFound], tag="ocds")
async def get_releases(runtime: Runtime, ocid: str) -> ReleasePackage | web.StreamResponse:
    """Give the releases of one contracting process, as a release package."""
    async with runtime.read() as conn:
        found = await store.releases_of(conn, ocid)
    return _package(runtime, found, f"/v1/ocds/releases/{ocid}")


def _view(runtime: Runtime, data: Essentials) -> ContractView:
    return ContractView.of(data, service.ocid_of(runtime.port(OpendataSettings), data.procedure))


def _after(runtime: Runtime, cursor: str | None) -> store.Key:
    if cursor is None:
        return _FIRST
    position = Cursor.decode(runtime, cursor)
    if not position.keys() >= {"at", "id"}:
        raise _other_list()
    return datetime.fromisoformat(position["at"]), UUID(position["id"])


def _position(runtime: Runtime, cursor: str | None) -> int:
    position = Cursor.decode(runtime, cursor) if cursor else {"position": 0}
    if "position" not in position:
        raise _other_list()
    return int(position["position"])


def _other_list() -> InvalidInput:
    return InvalidInput("Ce curseur est celui d'une autre liste.", "This cursor is that of another list.")


def _next(runtime: Runtime, found: list[Essentials], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1].contract
    at = last.notified_at.isoformat() if last.notified_at else ""
    return Cursor.encode(runtime, {"at": at, "id": str(last.contract_id)})


def _package(
    runtime: Runtime,
    releases: list[store.KeptRelease],
    path: str,
    query: ReleaseQuery | None = None,
    following: str | None = None,
) -> web.Response:
    """Give a release package; an empty one would not be valid OCDS. Raises NotFound."""
    if not releases:
        raise NotFound("Aucune publication OCDS ne correspond.", "No OCDS release matches.")
    settings = runtime.port(OpendataSettings)
    given = query.model_dump(mode="json", exclude_none=True, exclude={"cursor"}) if query else {}
    base = f"{settings.public_url}/opendata{path}"
    uri = str(URL(base).with_query(given)) if given else base
    next_uri = str(URL(base).with_query({**given, "cursor": following})) if following else None
    body = package(
        [release.body for release in releases],
        uri=uri,
        published_at=max(release.date for release in releases),
        publisher=settings.publisher,
        next_uri=next_uri,
    )
    judges = ", ".join(sorted({release.validated_with for release in releases}))
    headers = {"Cache-Control": "public, no-cache", "Halles-Validated-With": judges}
    headers |= {"Link": f'<{next_uri}>; rel="next"'} if next_uri else {}
    return web.json_response(body, headers=headers, dumps=_dumps)


async def _stream(
    runtime: Runtime, request: web.Request, buyer: str | None, media_type: str, parts: _Parts
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": f"{media_type}; charset=utf-8"})
    await response.prepare(request)
    async for part in parts(_records(runtime, buyer)):
        await response.write(part)
    await response.write_eof()
    return response


async def _records(runtime: Runtime, buyer: str | None) -> AsyncIterator[dict[str, Any]]:
    """Give every record, page by page: a slow reader holds no database connection while it reads."""
    after = _FIRST
    while True:
        async with runtime.read() as conn:
            found, after = await store.records(conn, buyer, after, _AT_ONCE)
        for record in found:
            yield record
        if len(found) < _AT_ONCE:
            return


async def _json_parts(records: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    separator = '{"marches": {"marche": [\n'
    async for record in records:
        yield (separator + _dumps(record)).encode()
        separator = ",\n"
    yield b"\n]}}\n" if separator == ",\n" else (separator + "]}}\n").encode()


async def _xml_parts(records: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<marches>\n'
    async for record in records:
        yield to_bytes(record) + b"\n"
    yield b"</marches>\n"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
