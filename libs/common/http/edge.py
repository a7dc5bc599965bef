"""The edge of every application: each request is traced and counted, each failure becomes a problem, nothing leaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from aiohttp import web

from libs.common import telemetry
from libs.common.errors import HallesError, InvalidInput, Unavailable
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
    "Vary": "Accept, Authorization, Halles-Organisation, Origin",
}
"""On every answer; a page of ours may set its own Content-Security-Policy."""

_AGAIN = Unavailable("Réessayez dans un instant.", "Try again in a moment.")
_TOO_SLOW = Unavailable(
    "La réponse a trop tardé : rien n'a été changé.", "The answer took too long: nothing was changed."
)
_FAILED = InternalError(
    "Une erreur est survenue chez nous ; l'identifiant « instance » aidera à la retrouver.",
    "Something failed on our side; the `instance` identifier will help to find it.",
)
_TOO_FAR = InvalidInput(
    "Un nombre ou une date dépasse ce qui peut être conservé : corrigez-le.",
    "A number or a date is beyond what can be kept: correct it.",
)
_DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # class 55: a lock that was not given in time, an object in use
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
_UNKEEPABLE = (asyncpg.InterfaceError, asyncpg.DataError)
"""What asyncpg and PostgreSQL say of a number or a date beyond what they hold."""
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
    except ConnectionResetError as error:
        if request.transport is None or request.transport.is_closing():
            raise  # the caller left
        answer = problem(_explain(request, error))
    except Exception as error:  # noqa: BLE001  # the loop of HTTP: nothing of ours may reach the caller
        answer = problem(_explain(request, error))
    return _instead(request, answer)


def _explain(request: web.Request, error: Exception) -> HallesError:
    """Give what a caller may know of a failure of ours; the log has the rest."""
    if isinstance(error, _DATABASE_AWAY) and not isinstance(error, ValueError):  # asyncpg's own for a bad argument
        _log.warning("database_unavailable", route=_template(request), error=type(error).__name__)
        return _AGAIN
    if isinstance(error, _UNKEEPABLE) and isinstance(error, ValueError | asyncpg.DataError):
        _log.warning("value_not_kept", route=_template(request), exc_info=error)
        return _TOO_FAR
    if isinstance(error, TimeoutError):
        _log.warning("request_too_slow", route=_template(request))
        return _TOO_SLOW
    _log.error("request_failed", route=_template(request), error=type(error).__name__, exc_info=error)
    return _FAILED


def _instead(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Give the problem, unless an answer has begun: then cut the connection, so that nobody takes it for whole."""
    if request.writer.output_size > 0 and request.transport is not None:
        request.transport.close()
        raise ConnectionResetError("the answer had begun")
    if request.can_read_body:
        answer.force_close()  # what is left of the body is not read
    return answer


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Set the security headers just before an answer leaves; an answer to HEAD has no body, whatever its handler writes."""
    if request.method == "HEAD":
        request.writer.length = 0
    for name, value in SECURITY_HEADERS.items():
        if name not in response.headers:
            response.headers[name] = value
    response.headers["Server"] = "Halles"
