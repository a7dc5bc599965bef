"""tus 1.0.0 over HTTP: an upload of a file is created, received from an offset on, asked after, ended, joined."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, HallesError, IllegalTransition, UnsupportedMedia
from libs.common.http import Routes
from libs.common.http.problems import MethodNotAllowed, problem
from libs.common.runtime import Runtime
from services.bids.errors import UnknownBid
from services.bids.settings import BidsSettings
from services.bids.uploads import protocol, service, transfer
from services.bids.uploads.body import Body, let_go
from services.bids.uploads.errors import (
    ChecksumMismatch,
    FinalUpload,
    NoRoom,
    UnfinishedParts,
    UnknownUpload,
    UploadExpired,
    UploadHeld,
    UploadTooLarge,
    WrongHeader,
    WrongOffset,
    WrongTusVersion,
)  # fmt: skip
from services.bids.uploads.store import Upload

__all__ = ["routes"]

routes = Routes("bids")
_CREATION = "/v1/bids/{bid_id}/files/{number}/uploads"
_UPLOAD = "/v1/uploads/{upload_id}"
_READING = [UnknownUpload, UploadExpired, UploadHeld, WrongTusVersion]
_RECEIVING = [*_READING, WrongHeader, WrongOffset, FinalUpload, IllegalTransition, UploadTooLarge, ChecksumMismatch,
              NoRoom]  # fmt: skip
_OVERRIDE = "X-HTTP-Method-Override"

H = Callable[..., Awaitable[web.StreamResponse]]


def _tus(handler: H) -> H:
    """Speak tus around a handler: its version is asked for, and told on every answer, refusals too."""

    @functools.wraps(handler)
    async def speaking(**given: Any) -> web.StreamResponse:  # noqa: ANN401  # as the handler's own
        request: web.Request = given["request"]
        try:
            protocol.require_version(request.headers)
            response = await handler(**given)
        except HallesError as error:
            response = problem(error)
            if isinstance(error, WrongTusVersion):
                response.headers["Tus-Version"] = protocol.VERSION
            if request.can_read_body:
                response.force_close()  # what is left of the body is not read
        if let_go(request):
            response.force_close()
        response.headers["Tus-Resumable"] = protocol.VERSION
        response.headers["Cache-Control"] = "no-store"
        return response

    return speaking


@routes.options(_CREATION, status=204, tag="uploads")
async def upload_abilities(runtime: Runtime, bid_id: UUID, number: int) -> web.Response:
    """Tell what of tus is spoken here: version, extensions, largest upload, checksum algorithms."""
    del bid_id, number
    return _abilities(runtime, "OPTIONS, POST")


@routes.options(_UPLOAD, status=204, tag="uploads")
async def upload_methods(runtime: Runtime, upload_id: UUID) -> web.Response:
    """Tell what of tus is spoken here."""
    del upload_id
    return _abilities(runtime, "DELETE, HEAD, OPTIONS, PATCH, POST")


@routes.post(
    _CREATION,
    status=201,
    errors=[UnknownBid, Forbidden, UnfinishedParts, *_RECEIVING],
    tag="uploads",
    accepts=["*/*"],
)
@_tus
async def create_upload(
    runtime: Runtime, actor: Actor, bid_id: UUID, number: int, request: web.Request
) -> web.StreamResponse:
    """Announce an upload of a file (tus creation, with its first bytes when the body has some), or join its parts."""
    asked = protocol.creation(request.headers)
    body = Body(request)
    upload = await service.create(runtime, actor, (bid_id, number), asked)
    headers = {"Location": _address(runtime, request, upload)}
    if asked.kind != "final" and (request.can_read_body or upload.length == 0):
        if request.can_read_body:
            _check_media(request)
        upload = await transfer.receive(runtime, actor, (upload.id, 0), body)
        headers["Upload-Offset"] = str(upload.received)
    return web.Response(status=201, headers=headers | _expires(upload))


@routes.head(_UPLOAD, errors=_READING, tag="uploads")
@_tus
async def get_upload_offset(
    runtime: Runtime, actor: Actor, upload_id: UUID, request: web.Request
) -> web.StreamResponse:
    """Tell how much of an upload is durable. Whoever still receives it keeps what it has and stops."""
    del request
    return _progress(await service.progress(runtime, actor, upload_id))


@routes.patch(_UPLOAD, status=204, errors=_RECEIVING, tag="uploads", accepts=[protocol.MEDIA_TYPE])
@_tus
async def upload_bytes(runtime: Runtime, actor: Actor, upload_id: UUID, request: web.Request) -> web.StreamResponse:
    """Send bytes of an upload, from the offset it is at."""
    return await _receive(runtime, actor, upload_id, request)


@routes.delete(_UPLOAD, status=204, errors=[*_READING, IllegalTransition], tag="uploads")
@_tus
async def terminate_upload(runtime: Runtime, actor: Actor, upload_id: UUID, request: web.Request) -> web.StreamResponse:
    """End an upload; what came of it is removed."""
    del request
    await service.terminate(runtime, actor, upload_id)
    return web.Response(status=204)


@routes.post(_UPLOAD, status=204, errors=_RECEIVING, tag="uploads", accepts=["*/*"])
@_tus
async def upload_otherwise(runtime: Runtime, actor: Actor, upload_id: UUID, request: web.Request) -> web.StreamResponse:
    """Do what X-HTTP-Method-Override says (PATCH, DELETE, HEAD): for networks that let only GET and POST pass."""
    method = request.headers.get(_OVERRIDE, "").upper()
    if method == "PATCH":
        _check_media(request)
        return await _receive(runtime, actor, upload_id, request)
    if method == "DELETE":
        await service.terminate(runtime, actor, upload_id)
        return web.Response(status=204)
    if method == "HEAD":
        return _progress(await service.progress(runtime, actor, upload_id))
    raise MethodNotAllowed(
        f"Envoyez les octets avec PATCH, ou avec POST et « {_OVERRIDE}: PATCH ».",
        f"Send the bytes with PATCH, or with POST and `{_OVERRIDE}: PATCH`.",
    )


async def _receive(runtime: Runtime, actor: Actor, upload_id: UUID, request: web.Request) -> web.StreamResponse:
    offset = protocol.offset(request.headers)
    upload = await transfer.receive(runtime, actor, (upload_id, offset), Body(request))
    return web.Response(status=204, headers={"Upload-Offset": str(upload.received)} | _expires(upload))


def _address(runtime: Runtime, request: web.Request, upload: Upload) -> str:
    """Give an absolute address, which some clients do not make of a path; https where a proxy in front speaks it."""
    scheme = urlsplit(runtime.settings.public_url).scheme
    return f"{scheme}://{request.host}/bids/v1/uploads/{upload.id}"


def _check_media(request: web.Request) -> None:
    if request.content_type != protocol.MEDIA_TYPE:
        wanted = protocol.MEDIA_TYPE
        raise UnsupportedMedia(f"Types acceptés (Content-Type) : {wanted}.", f"Accepted Content-Type: {wanted}.")


def _progress(upload: Upload) -> web.Response:
    headers = {"Upload-Offset": str(upload.received), "Upload-Length": str(upload.length)}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat is not None:
        headers["Upload-Concat"] = upload.concat
    return web.Response(status=200, headers=headers | _expires(upload))


def _expires(upload: Upload) -> dict[str, str]:
    return {} if upload.completed_at is not None else {"Upload-Expires": protocol.expires(upload.expires_at)}


def _abilities(runtime: Runtime, allow: str) -> web.Response:
    headers = {
        "Allow": allow,
        "Tus-Resumable": protocol.VERSION,
        "Tus-Version": protocol.VERSION,
        "Tus-Extension": protocol.EXTENSIONS,
        "Tus-Max-Size": str(runtime.port(BidsSettings).max_bid_bytes),
        "Tus-Checksum-Algorithm": ",".join(protocol.ALGORITHMS),
    }
    return web.Response(status=204, headers=headers)
