"""The edge of every application: each request is traced and counted, each failure becomes a problem, nothing leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from aiohttp import web

from libs.common import telemetry
from libs.common.errors import HallesError, Unavailable
from libs.common.http.problems import InternalError, from_http, problem

__all__ = ["SECURITY_HEADERS", "edge", "harden"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Vary": "Authorization, Halles-Organisation, Origin",
}
"""On every answer; a page of ours may set its own Content-Security-Policy."""

_DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    ConnectionRefusedError,
)
_log = structlog.get_logger(__name__)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every request: the outermost of all middlewares."""
    with telemetry.server_request(request.method, _template(request), request.headers) as account:
        response = await _guarded(request, handler)
        account.status = response.status
        return response


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HallesError as error:
        answer: web.StreamResponse = problem(error)
    except web.HTTPException as error:
        answer = from_http(error)
    except (ConnectionResetError, asyncio.CancelledError):
        raise  # the caller left
    except _DATABASE_AWAY as error:
        _log.warning("database_unavailable", route=_template(request), error=type(error).__name__)
        answer = problem(Unavailable("Réessayez dans un instant.", "Try again in a moment."))
    except Exception as error:  # noqa: BLE001  # the loop of HTTP: nothing of ours may reach the caller
        _log.error("request_failed", route=_template(request), error=type(error).__name__, exc_info=error)
        answer = problem(InternalError(_SORRY, _SORRY_EN))
    return _instead(request, answer)


_SORRY = "Une erreur est survenue chez nous ; l'identifiant « instance » aidera à la retrouver."
_SORRY_EN = "Something failed on our side; the `instance` identifier will help to find it."


def _instead(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Give the problem, unless an answer has begun: then cut the connection, so that nobody takes it for whole."""
    if request.writer.output_size > 0 and request.transport is not None:
        request.transport.close()
        raise ConnectionResetError("the answer had begun")
    if request.can_read_body:
        answer.force_close()  # what is left of the body is not read
    return answer


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Set the security headers just before an answer leaves."""
    for name, value in SECURITY_HEADERS.items():
        if name not in response.headers:
            response.headers[name] = value
    response.headers["Server"] = "Halles"
