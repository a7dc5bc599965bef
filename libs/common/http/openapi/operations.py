"""One operation of the OpenAPI document."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from aiohttp import web
from pydantic import BaseModel

from libs.common.auth import ORGANISATION_HEADER
from libs.common.http.openapi.refusals import Refusals, refusals_of
from libs.common.http.openapi.schemas import Schemas
from libs.common.http.pagination import Page
from libs.common.http.plan import Plan, plan
from libs.common.http.routes import Route

__all__ = ["Operation", "described", "operation"]

_TEXT = {"type": "string"}
_FOR_WHOM = (
    "for which organisation, when the token names several: `SIRET:...`, or `SIRET:...;kind=company` "
    "where it names that one with several kinds"
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A route with all that its handler's annotations say."""

    service: str
    route: Route
    plan: Plan
    answer: Any
    """The type of the JSON answer; None when there is none."""

    @property
    def path(self) -> str:
        """Where it is, below the gateway."""
        return f"/{self.service}{self.route.path}"

    @property
    def answers_json(self) -> bool:
        """Whether it may answer JSON."""
        return self.answer is not None

    def key(self, part: str) -> str:
        """Give the key of the schema of one of its parts."""
        return f"{self.route.method} {self.route.path} {part}"


def described(service: str, route: Route) -> Operation:
    """Read a route."""
    asked = plan(route)
    return Operation(service, route, asked, _json_part(asked.answer))


def _json_part(hint: Any) -> Any:  # noqa: ANN401  # an annotation
    """Give what of an answer's annotation is JSON."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    rest = [part for part in parts if not _is_no_json(part)]
    if not rest:
        return None
    return Union[tuple(rest)]  # noqa: UP007  # made at run time


def _is_no_json(part: object) -> bool:
    return part is NoneType or (inspect.isclass(part) and issubclass(part, web.StreamResponse))


def operation(one: Operation, schemas: Schemas, refusals: Refusals) -> dict[str, Any]:
    """Give an operation as OpenAPI says it."""
    summary, _, description = inspect.cleandoc(one.route.handler.__doc__ or one.route.handler.__name__).partition("\n")
    content: dict[str, Any] = {
        "operationId": _identity(one.route),
        "summary": summary,
        "description": description.strip(),
        "tags": [one.route.tag or one.service],
        "parameters": [*_path(one, schemas), *_query(one, schemas), *_headers(one)],
        "requestBody": _body(one, schemas),
        "responses": _answers(one, schemas) | refusals.references(refusals_of(one.route, one.plan)),
        "security": _security(one.plan),
    }
    return {name: value for name, value in content.items() if value or name == "security"}


def _identity(route: Route) -> str:
    """Give the operation's name: its handler's, or one made of its path for handlers that have none of their own."""
    name = route.handler.__name__
    if not name.startswith("_"):
        return name
    words = re.findall(r"[a-z]+", route.path.partition("/v1/")[2])
    return "_".join([route.method.lower(), *words])


def _path(one: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.of(one.key(name), "validation")}
        for name in one.plan.path
    ]


def _query(one: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    if one.plan.query is None:
        return []
    found = []
    for name, required, schema in schemas.fields(one.key("query"), one.plan.query.model):
        parameter = {"name": name, "in": "query", "required": required, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        found.append(parameter)
    return found


def _headers(one: Operation) -> list[dict[str, Any]]:
    asked, method = one.plan, one.route.method
    found = []
    if asked.actor is not None:
        found.append(_header(ORGANISATION_HEADER, _FOR_WHOM))
    if asked.if_match is not None:
        needed = asked.if_match_need == "required"
        found.append(_header("If-Match", "the ETag of the version that is changed", required=needed))
    if method == "POST" and asked.uow is not None and asked.request is None:
        found.append(_header("Idempotency-Key", "the same key again: done once, answered with the same bytes"))
    if method == "GET" and one.answers_json:
        found.append(_header("If-None-Match", "the ETag the caller has: 304 when nothing changed"))
    if "text/event-stream" in one.route.produces:
        found.append(_header("Last-Event-ID", "of a stream: the last `id` received; it goes before `after`"))
    return found


def _header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": _TEXT, "description": description}


def _body(one: Operation, schemas: Schemas) -> dict[str, Any] | None:
    if one.plan.body is not None:
        schema = schemas.of(one.key("body"), "validation")
        media = one.route.accepts or ("application/json",)
        return {"required": True, "content": {name: {"schema": schema} for name in media}}
    if one.route.method == "GET" or not (one.plan.raw_body or one.route.accepts):
        return None
    return {"required": True, "content": {name: _binary(name) for name in one.route.accepts or ("*/*",)}}


def _binary(media: str) -> dict[str, Any]:
    """Say what a content is, where its media type does not say it all."""
    if media.endswith("json"):
        return {"schema": {}}
    return {} if "*" in media else {"schema": {"type": "string", "contentMediaType": media}}


def _answers(one: Operation, schemas: Schemas) -> dict[str, Any]:
    content = {name: _binary(name) for name in one.route.produces}
    if one.answers_json:
        content["application/json"] = {"schema": schemas.of(one.key("answer"), "serialization")}
    if not content and one.plan.answer is NoneType:
        return {"204": {"description": "Done"}}
    answer: dict[str, Any] = {"description": "Success", "content": content, "headers": _answer_headers(one)}
    found = {str(one.route.status): {name: value for name, value in answer.items() if value}}
    if one.route.method == "GET" and one.answers_json:
        found["304"] = {"description": "The caller has it already"}
    return found


def _answer_headers(one: Operation) -> dict[str, Any]:
    kind = one.answer if inspect.isclass(one.answer) and issubclass(one.answer, BaseModel) else None
    applies = {
        "ETag": ("version of what is answered, for `If-Match`", one.answers_json and _is_tagged(one, kind)),
        "Link": ('`rel="next"`: the next page', kind is not None and issubclass(kind, Page)),
        "Location": ("where it is", one.route.location is not None),
    }
    return {name: {"description": told, "schema": _TEXT} for name, (told, wanted) in applies.items() if wanted}


def _is_tagged(one: Operation, kind: type[BaseModel] | None) -> bool:
    return one.route.method == "GET" or (kind is not None and "version" in kind.model_fields)


def _security(asked: Plan) -> list[dict[str, list[str]]]:
    if asked.actor_need == "no":
        return []
    return [{"bearer": []}] if asked.actor_need == "required" else [{}, {"bearer": []}]
