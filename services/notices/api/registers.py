"""The register of downloads: written by those who take documents under their name, read by the buyer alone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, NotFound
from libs.common.http import Cursor, Page, Routes, attachment
from libs.common.mail.words import page as mail_page
from libs.common.runtime import Runtime
from libs.common.spreadsheets import MARK, csv_lines
from libs.common.uow import Uow
from services.notices.inputs.documents import NewRegistration
from services.notices.inputs.fields import PageQuery
from services.notices.service import registers as service
from services.notices.service.procedures import readable_procedure
from services.notices.store import registers as store
from services.notices.store.registers import Download, Key, Person
from services.notices.views.documents import DownloadView, RegistrationView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
_AT_ONCE = 500
_PARIS = ZoneInfo("Europe/Paris")
_HEADER = (
    "date et heure",
    "document",
    "version",
    "organisation",
    "entreprise",
    "nom",
    "courriel",
    "à prévenir",
    "sha256",
)


@ROUTES.post("/v1/procedures/{procedure_id}/registrations", status=201, errors=[NotFound], tag="documents")
async def register(uow: Uow, actor: Actor | None, procedure_id: UUID, body: NewRegistration) -> RegistrationView:
    """Say who takes the documents of a procedure, and whether they want to be told of changes and answers by mail.

    Nobody has to. With a token, the person of the organisation is registered once, and what is said last counts.
    """
    runtime = uow.runtime
    await readable_procedure(runtime, procedure_id, actor)
    person = Person(body.company, body.name, body.email, consent=body.consent)
    registrant = await service.register(uow, procedure_id, person, actor)
    key = service.download_key(runtime, registrant)
    address = f"{runtime.settings.public_url}/notices/v1/procedures/{procedure_id}/documents.zip?key={key}"
    return RegistrationView(key=key, archive_url=address, told=registrant.consent)


@ROUTES.get("/v1/procedures/{procedure_id}/downloads", errors=[NotFound, Forbidden], tag="documents")
async def list_downloads(runtime: Runtime, actor: Actor, procedure_id: UUID, query: PageQuery) -> Page[DownloadView]:
    """Read the register of downloads of a procedure of the caller's organisation, newest first."""
    before = _place(runtime, query.cursor)
    async with runtime.read() as conn:
        await service.require_own(conn, procedure_id, actor, runtime.clock.now())
        found = await store.downloads(conn, procedure_id, before, query.limit + 1)
    shown, more = found[: query.limit], len(found) > query.limit
    following = Cursor.encode(runtime, {"at": shown[-1].at, "download": shown[-1].download_id}) if more else None
    return Page(items=[DownloadView.of(each) for each in shown], next=following)


def _place(runtime: Runtime, cursor: str | None) -> Key:
    if cursor is None:
        return store.LAST
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["at"]), UUID(position["download"])


@ROUTES.get(
    "/v1/procedures/{procedure_id}/downloads.csv", errors=[NotFound, Forbidden], tag="documents", produces=["text/csv"]
)
async def get_register_csv(
    runtime: Runtime, request: web.Request, actor: Actor, procedure_id: UUID
) -> web.StreamResponse:
    """Download the register of downloads as CSV (semicolons, UTF-8 with mark, as spreadsheets read it in France)."""
    async with runtime.read() as conn:
        await service.require_own(conn, procedure_id, actor, runtime.clock.now())
    name = attachment(f"registre-retraits-{procedure_id}.csv")
    response = web.StreamResponse(headers={"Content-Disposition": name, "Cache-Control": "no-store"})
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(request)
    await response.write((MARK + csv_lines([_HEADER])).encode())
    before: Key | None = store.LAST
    while before is not None and request.method != "HEAD":
        async with runtime.read() as conn:
            found = await store.downloads(conn, procedure_id, before, _AT_ONCE)
        await response.write(csv_lines(_row(each) for each in found).encode())
        before = (found[-1].at, found[-1].download_id) if len(found) == _AT_ONCE else None
    await response.write_eof()
    return response


def _row(line: Download) -> list[str]:
    return [
        line.at.astimezone(_PARIS).isoformat(timespec="seconds"),
        line.document or "(tous les documents)",
        str(line.version),
        line.organisation or "",
        line.company,
        line.name,
        line.email or "",
        "oui" if line.consent else "non",
        line.sha256,
    ]


@ROUTES.get("/v1/consent/{token}", errors=[NotFound], tag="documents", produces=["text/html"])
async def confirm_withdrawal(runtime: Runtime, token: str) -> web.StreamResponse:
    """Show the page that asks to confirm; reading it changes nothing, whatever opens the links of mails."""
    service.read_consent(runtime, token)
    return _html(done=False)


@ROUTES.post(
    "/v1/consent/{token}", errors=[NotFound], tag="documents", accepts=["*/*"], produces=["text/html"], limit=4_096
)
async def withdraw_consent(uow: Uow, token: str, body: bytes) -> web.StreamResponse:  # RFC 8058 has a body
    """Be told nothing more of a procedure, in one click (RFC 8058): the signed link is enough. Repeating it changes nothing."""
    await service.withdraw(uow, token)
    return _html(done=True)


def _html(*, done: bool) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    }
    text = mail_page("services.notices.mails", "withdrawal", done=done)
    return web.Response(text=text, content_type="text/html", headers=headers)
