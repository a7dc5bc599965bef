"""The problems an operation may answer, as OpenAPI responses shared by all operations that may give the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from libs.common import errors
from libs.common.errors import HallesError
from libs.common.http.idempotency import InFlight, KeyReused
from libs.common.http.plan import Plan
from libs.common.http.problems import InternalError, RequestTimeout
from libs.common.http.routes import Route

__all__ = ["PROBLEM", "Refusals", "refusals_of"]

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457): French first, with English.",
    "required": ["type", "title", "status", "detail", "title_en", "detail_en", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "stable: programs decide on it"},
        "title": {"type": "string", "description": "French"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "French: what is wrong and how to mend it"},
        "title_en": {"type": "string"},
        "detail_en": {"type": "string"},
        "instance": {"type": "string", "format": "uri", "description": "what to quote to the operator"},
        "errors": {
            "type": "array",
            "description": "every fault of the input",
            "items": {
                "type": "object",
                "required": ["where", "message", "message_en"],
                "properties": {
                    "where": {"type": "string", "examples": ["body/lots/0/value", "query/limit", "header/If-Match"]},
                    "message": {"type": "string", "description": "French"},
                    "message_en": {"type": "string"},
                },
            },
        },
        "archive": {
            "type": "string",
            "format": "uri",
            "description": "where `type` is archived: the list of the files that hold what follows the cursor",
        },
    },
}


def refusals_of(route: Route, asked: Plan) -> list[type[HallesError]]:
    """Give every error an operation may answer: those it declares and those of what it reads."""
    reads = route.method != "GET" and (asked.body is not None or asked.raw_body or asked.request is not None)
    once = route.method == "POST" and asked.uow is not None
    found = dict.fromkeys(route.errors)
    for applies, kinds in (
        (
            True,
            (errors.Unauthenticated, errors.InvalidInput, errors.TooManyRequests, errors.Unavailable, InternalError),
        ),
        (asked.actor is not None, (errors.Forbidden,)),
        (asked.body is not None, (errors.MalformedInput,)),
        (reads, (RequestTimeout, errors.TooLarge, errors.UnsupportedMedia)),
        (asked.if_match is not None, (errors.StaleVersion,)),
        (asked.if_match_need == "required", (errors.VersionRequired,)),
        (once, (InFlight, KeyReused)),
    ):
        if applies:
            found |= dict.fromkeys(kinds)
    return list(found)


class Refusals:
    """The responses of problems, each written once."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def references(self, kinds: Iterable[type[HallesError]]) -> dict[str, Any]:
        """Give the responses of these errors by status."""
        by_status: dict[int, dict[str, type[HallesError]]] = {}
        for kind in kinds:
            by_status.setdefault(kind.status, {})[kind.slug] = kind
        return {str(status): self._reference(found) for status, found in sorted(by_status.items())}

    def _reference(self, kinds: dict[str, type[HallesError]]) -> dict[str, str]:
        name = "-or-".join(sorted(kinds))
        self.components.setdefault(name, _response([kinds[slug] for slug in sorted(kinds)]))
        return {"$ref": f"#/components/responses/{name}"}


def _response(kinds: list[type[HallesError]]) -> dict[str, Any]:
    headers = {
        401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
        429: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
        503: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
    }.get(kinds[0].status)
    response: dict[str, Any] = {
        "description": "; ".join(f"{kind.title} ({kind.title_en})" for kind in kinds),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind.slug: {"summary": kind.title_en, "value": _example(kind)} for kind in kinds},
            }
        },
    }
    return response | ({"headers": headers} if headers else {})


def _example(kind: type[HallesError]) -> dict[str, Any]:
    doc = " ".join((kind.__doc__ or kind.title_en).split())
    return {
        "type": f"urn:halles:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "title_en": kind.title_en,
        "detail_en": doc.partition(". ")[0],
        "instance": "urn:halles:trace:4bf92f3577b34da6a3ce929d0e0e4736",
    }
