"""What a handler asks for, read once from its annotations: where each parameter comes from, what it answers."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from aiohttp import web
from pydantic import AfterValidator, BaseModel, TypeAdapter

from libs.common.actor import Actor, Person
from libs.common.http.conditional import IfMatchMarker
from libs.common.http.routes import Handler, Route
from libs.common.runtime import Runtime
from libs.common.uow import Uow

__all__ = ["Need", "Plan", "PlanError", "QueryModel", "plan"]

Need = Literal["no", "optional", "required"]
_PATH_NAME = re.compile(r"\{(\w+)\}")
_SEQUENCES = (list, tuple, set, frozenset)


class PlanError(TypeError):
    """A handler asks for something the layer cannot give."""


@dataclass(frozen=True, slots=True)
class QueryModel:
    """The query parameters of an operation."""

    model: type[BaseModel]
    names: Mapping[str, bool]
    """Every name accepted, and whether it may be repeated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the parameters of a handler come from."""

    runtime: str | None
    uow: str | None
    request: str | None
    actor: str | None
    actor_need: Need
    """Whether a token is needed; also where a `person` is."""
    person: str | None
    if_match: str | None
    if_match_need: Need
    path: Mapping[str, TypeAdapter[Any]]
    query: QueryModel | None
    body: TypeAdapter[Any] | None
    raw_body: bool
    answer: Any


@cache
def plan(route: Route) -> Plan:
    """Read a handler's annotations, once a process. Raises PlanError when a parameter comes from nowhere."""
    hints = _hints(route.handler)
    answer = hints.pop("return", Any)
    missing = [name for name in inspect.signature(route.handler).parameters if name not in hints]
    if missing:
        raise PlanError(f"{route.handler.__qualname__}: no annotation for {', '.join(missing)}")
    in_path = _PATH_NAME.findall(route.path)
    found: dict[str, Any] = {
        "runtime": None, "uow": None, "request": None, "actor": None, "actor_need": "no", "person": None,
        "if_match": None, "if_match_need": "no", "query": None, "body": None, "raw_body": False, "answer": answer,
    }  # fmt: skip
    path: dict[str, TypeAdapter[Any]] = {}
    for name, hint in hints.items():
        if name in in_path:
            checked: Any = Annotated[hint, AfterValidator(_segment)]
            path[name] = TypeAdapter(checked)
        else:
            found |= _source(route, name, hint)
    if set(path) != set(in_path):
        raise PlanError(f"{route.handler.__qualname__}: {route.path} names what the handler does not take")
    if found["person"] is not None and found["uow"] is not None:  # who acts for nobody has no journal entry
        raise PlanError(f"{route.handler.__qualname__}: a Person opens their own transaction, for whom they act")
    return Plan(path=path, **found)


def _hints(handler: Handler) -> dict[str, Any]:
    return typing.get_type_hints(handler, include_extras=True)


def _source(route: Route, name: str, hint: Any) -> dict[str, Any]:  # noqa: ANN401  # an annotation
    kind, need = _without_none(hint)
    for field, wanted in (("runtime", Runtime), ("uow", Uow), ("request", web.Request)):
        if kind is wanted:
            return {field: name}
    if kind is Actor:
        return {"actor": name, "actor_need": need}
    if kind is Person:
        return {"person": name, "actor_need": "required"}
    if get_origin(kind) is Annotated and any(isinstance(mark, IfMatchMarker) for mark in get_args(kind)):
        return {"if_match": name, "if_match_need": need}
    if name == "query" and inspect.isclass(kind) and issubclass(kind, BaseModel):
        return {"query": QueryModel(kind, _query_names(kind))}
    if name == "body":
        return {"raw_body": True} if kind is bytes else {"body": TypeAdapter(hint)}
    raise PlanError(f"{route.handler.__qualname__}: where does {name!r} come from?")


def _without_none(hint: Any) -> tuple[Any, Need]:  # noqa: ANN401  # an annotation
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        rest = [part for part in get_args(hint) if part is not NoneType]
        return (rest[0] if len(rest) == 1 else hint), "optional"
    return hint, "required"


def _query_names(model: type[BaseModel]) -> dict[str, bool]:
    return {field.alias or name: _is_sequence(field.annotation) for name, field in model.model_fields.items()}


def _is_sequence(hint: Any) -> bool:  # noqa: ANN401  # an annotation
    kind, _ = _without_none(hint)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return (get_origin(kind) or kind) in _SEQUENCES


def _segment(value: object) -> object:
    """Let no text of a path be a path itself, nor hide anything."""
    if isinstance(value, str) and (
        value in ("", ".", "..")
        or len(value) > 300
        or re.search(r"[/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", value)
    ):
        raise ValueError(
            "Ce nom contient des caractères non permis dans une adresse.",
            "This name has characters that are not allowed in an address.",
        )
    return value
