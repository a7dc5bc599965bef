"""HTTP routes of the signature service."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, IllegalTransition, NotFound, TooLarge
from libs.common.grants import Permission
from libs.common.grants.known import readable, require
from libs.common.http import Cursor, Page, Routes, read_body, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.signature import service, store
from services.signature.errors import CertificateRefused, NotYourTurn, SignatureMismatch, StepNotCurrent
from services.signature.settings import SignatureSettings
from services.signature.verifier import Verifier
from services.signature.views import (
    CircuitInput,
    CircuitView,
    PreparationInput,
    PreparationView,
    RefusalInput,
    RequestQuery,
    RequestView,
    SignatureInput,
    VerificationQuery,
    VerificationView,
)

__all__ = ["routes"]

routes = Routes("signature")
_ACTING = (NotFound, Forbidden, NotYourTurn, StepNotCurrent)


@routes.put("/v1/circuit", tag="circuits", errors=[Forbidden])
async def set_circuit(uow: Uow, actor: Actor, body: CircuitInput) -> CircuitView:
    """Set the signature circuit of your organisation.

    Requests already open keep the circuit they entered.
    """
    return CircuitView.of(await service.set_circuit(uow, actor, body.planned()))


@routes.get("/v1/circuit", tag="circuits", errors=[NotFound, Forbidden])
async def read_circuit(runtime: Runtime, actor: Actor) -> CircuitView:
    """Read the signature circuit of your organisation."""
    async with runtime.read() as conn:
        await require(conn, actor, actor.organisation, None, Permission.READ, runtime.clock.now())
        circuit = await store.circuit(conn, actor.organisation)
    if circuit is None:
        raise NotFound("Votre organisation n'a pas de circuit.", "Your organisation has no circuit.")
    return CircuitView.of(circuit)


@routes.get("/v1/requests", tag="requests", errors=[Forbidden])
async def list_requests(runtime: Runtime, actor: Actor, query: RequestQuery) -> Page[RequestView]:
    """List the signature requests that you may read for your organisation, newest first."""
    now, before = runtime.clock.now(), _position(runtime, query.cursor)
    async with runtime.read() as conn:
        wanted = store.Filter(
            scope=await readable(conn, actor, now),
            state=query.state,
            subject_id=query.subject,
            awaited=await service.awaited(conn, actor, now) if query.awaited else None,
            before=before,
            limit=query.limit + 1,
        )
        found = await store.page(conn, wanted)
    shown = found[: query.limit]
    follows = None
    if len(found) > query.limit:
        last = shown[-1]
        follows = Cursor.encode(runtime, {"at": last.created_at.isoformat(), "id": str(last.request_id)})
    return Page(items=[RequestView.of(item) for item in shown], next=follows)


@routes.get("/v1/requests/{request_id}", tag="requests", errors=[NotFound, Forbidden])
async def read_request(runtime: Runtime, actor: Actor, request_id: UUID) -> RequestView:
    """Read a signature request with its history."""
    async with runtime.read() as conn:
        request = await service.readable_request(conn, actor, request_id, runtime.clock.now())
        history = await store.history(conn, request_id)
    return RequestView.of(request, history)


@routes.get(
    "/v1/requests/{request_id}/document", tag="requests", errors=[NotFound, Forbidden], produces=["application/pdf"]
)
async def read_document(runtime: Runtime, actor: Actor, request: web.Request, request_id: UUID) -> web.StreamResponse:
    """Download the document with the signatures made so far."""
    async with runtime.read() as conn:
        found = await service.readable_request(conn, actor, request_id, runtime.clock.now())
    return await send_document(request, runtime, found.document)


@routes.post("/v1/requests/{request_id}/opening", tag="requests", errors=[NotFound, Forbidden, IllegalTransition])
async def retry(uow: Uow, actor: Actor, request_id: UUID) -> RequestView:
    """Examine a blocked request again."""
    return RequestView.of(await service.retry(uow, actor, request_id))


@routes.post("/v1/requests/{request_id}/steps/{number}/visa", tag="requests", errors=_ACTING)
async def give_visa(uow: Uow, actor: Actor, request_id: UUID, number: int) -> RequestView:
    """Give the visa of the current step."""
    return RequestView.of(await service.give_visa(uow, actor, request_id, number))


@routes.post(
    "/v1/requests/{request_id}/steps/{number}/preparation",
    status=201,
    tag="requests",
    errors=[*_ACTING, CertificateRefused, Conflict],
)
async def prepare(uow: Uow, actor: Actor, request_id: UUID, number: int, body: PreparationInput) -> PreparationView:
    """Prepare the document for your signature and get the bytes to sign.

    Only your own tool has your key. The preparation is bound to you, to this step and to this version of the document;
    the last one counts.
    """
    command = service.PrepareSignature(actor, request_id, number, body.certificate, tuple(body.chain))
    return PreparationView.of(await service.prepare_signature(uow, command))


@routes.post(
    "/v1/requests/{request_id}/steps/{number}/signature",
    status=202,
    tag="requests",
    errors=[*_ACTING, SignatureMismatch, Conflict],
)
async def give_signature(uow: Uow, actor: Actor, request_id: UUID, number: int, body: SignatureInput) -> RequestView:
    """Give the signature value of the bytes prepared for you.

    The time stamp is then asked and the step ends by itself: the request stays `completing` meanwhile.
    """
    return RequestView.of(await service.give_signature(uow, actor, request_id, number, body.signature))


@routes.post("/v1/requests/{request_id}/refusal", tag="requests", errors=_ACTING)
async def refuse(uow: Uow, actor: Actor, request_id: UUID, body: RefusalInput) -> RequestView:
    """Refuse to sign or to give the visa, when it is your turn; the request is closed."""
    return RequestView.of(await service.refuse(uow, actor, request_id, body.reason))


@routes.post(
    "/v1/verifications",
    tag="verifications",
    accepts=["application/pdf", "application/octet-stream"],
    limit=50 * 2**20,
    errors=[TooLarge],
)
async def verify(runtime: Runtime, actor: Actor, request: web.Request, query: VerificationQuery) -> VerificationView:
    """Verify the signatures of a PDF.

    Nothing of the file is kept. Other formats get the indication `REFUSED`: they are not read yet.
    """
    data = await read_body(request, runtime.port(SignatureSettings).signature_max_bytes)
    report = await runtime.port(Verifier).verify_for_caller(data, query.at or runtime.clock.now())
    return VerificationView.model_validate(report)


def _position(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["at"]), UUID(position["id"])
