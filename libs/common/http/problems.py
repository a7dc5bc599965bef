"""Problems (RFC 9457): what callers get when something is refused or fails; French first, never a detail of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pydantic_core
from aiohttp import web
from opentelemetry import trace

from libs.common.errors import HallesError, NotFound, TooManyRequests, Unavailable

__all__ = [
    "InternalError",
    "MethodNotAllowed",
    "RateLimited",
    "RequestTimeout",
    "from_http",
    "problem",
    "problem_body",
]

MEDIA_TYPE = "application/problem+json"
_NO_TRACE = "0" * 32


class MethodNotAllowed(HallesError):  # noqa: N818  # the names are those of HTTP
    """The address exists, not with that method."""

    status, slug = 405, "method-not-allowed"
    title, title_en = "Méthode non permise ici", "Method not allowed here"


class RequestTimeout(HallesError):  # noqa: N818
    """The body came too slowly."""

    status, slug = 408, "request-timeout"
    title, title_en = "Envoi trop lent", "Body too slow"


class InternalError(HallesError):
    """Our fault; the log knows more under the same `instance`."""

    status, slug = 500, "internal-error"
    title, title_en = "Erreur interne", "Internal error"


class RateLimited(TooManyRequests):
    """The caller's rate limit is reached."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Trop de requêtes : réessayez dans {seconds} s.", f"Too many requests: try again in {seconds} s."
        )
        self.seconds = seconds


def problem(error: HallesError, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Give the answer that tells an error."""
    body = pydantic_core.to_json(problem_body(error))
    answer = web.Response(body=body, status=error.status, content_type=MEDIA_TYPE, headers=headers)
    answer.headers["Cache-Control"] = "no-store"
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="halles"'
    if isinstance(error, RateLimited):
        answer.headers["Retry-After"] = str(error.seconds)
    elif isinstance(error, Unavailable):
        answer.headers["Retry-After"] = "2"
    return answer


def problem_body(error: HallesError) -> dict[str, Any]:
    """Give the members of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:halles:problem:{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail or error.title,
        "title_en": error.title_en,
        "detail_en": error.detail_en or error.title_en,
        "instance": _instance(),
        **error.members,
    }
    if error.errors:
        body["errors"] = [
            {"where": fault.where, "message": fault.message, "message_en": fault.message_en or fault.message}
            for fault in error.errors
        ]
    return body


def from_http(error: web.HTTPException) -> web.StreamResponse:
    """Give the problem of an error that aiohttp itself raised; redirections pass as they are."""
    if error.status < 400:
        return web.Response(status=error.status, headers={"Location": error.headers.get("Location", "/")})
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        refusal = MethodNotAllowed(f"Méthodes permises : {allowed}.", f"Allowed methods: {allowed}.")
        return problem(refusal, headers={"Allow": allowed})
    if error.status == 404:
        return problem(NotFound("Rien à cette adresse.", "Nothing at this address."))
    return problem(_other(error.status, error.reason))


def _other(status: int, reason: str) -> HallesError:
    class Other(HallesError):  # noqa: N818
        pass

    Other.status, Other.slug = status, f"http-{status}"
    Other.title = Other.title_en = reason
    return Other()


def _instance() -> str:
    """Give what ties this answer to our logs: the trace."""
    identity = format(trace.get_current_span().get_span_context().trace_id, "032x")
    return f"urn:halles:trace:{uuid4().hex if identity == _NO_TRACE else identity}"
