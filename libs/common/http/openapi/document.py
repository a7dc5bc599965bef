"""The OpenAPI document of one service."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from pydantic import TypeAdapter

from libs.common.http.openapi.operations import Operation, described, operation
from libs.common.http.openapi.refusals import PROBLEM, Refusals
from libs.common.http.openapi.schemas import Mode, Schemas
from libs.common.http.routes import Route
from libs.common.service import Service

__all__ = ["document", "render"]

VERSION = "3.1.1"

_ABOUT = """\
Problèmes selon la RFC 9457, en français et en anglais ; paramètres inconnus refusés ; montants en texte décimal ;
instants selon la RFC 3339 ; listes paginées par curseur (`Link: rel="next"`) ; modifications avec `If-Match`.

Problems follow RFC 9457, in French and English; unknown parameters are refused; amounts are decimal strings; times follow
RFC 3339; lists are paged by cursor (`Link: rel="next"`); changes ask for `If-Match`.
"""


def render(service: Service) -> str:
    """Give the document as the text that is committed under `docs/openapi/`."""
    return json.dumps(document(service), ensure_ascii=False, indent=1) + "\n"


def document(service: Service) -> dict[str, Any]:
    """Give the document of a service: all its routes, those that every service has included."""
    from libs.common.http.application import all_routes  # noqa: PLC0415  # the application serves this document

    operations = [described(service.name, route) for route in all_routes(service)]
    schemas, refusals = Schemas(_wanted(operations)), Refusals()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for one in operations:
        paths[one.path][one.route.method.lower()] = operation(one, schemas, refusals)
    schemas.forget(one.key("query") for one in operations if one.plan.query is not None)
    return {
        "openapi": VERSION,
        "info": {"title": f"Halles: {service.name}", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in sorted({_tag(service, one.route) for one in operations})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components | {"Problem": PROBLEM},
            "responses": dict(sorted(refusals.components.items())),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Jeton OIDC (RFC 9068) ; claims `sub`, `name`, `orgs: [{scheme, id, kind}]`.",
                }
            },
        },
    }


def _tag(service: Service, route: Route) -> str:
    return route.tag or service.name


def _wanted(operations: list[Operation]) -> list[tuple[str, Mode, TypeAdapter[Any]]]:
    """Give all that needs a schema."""
    wanted: list[tuple[str, Mode, TypeAdapter[Any]]] = []
    for one in operations:
        wanted += [(one.key(name), "validation", adapter) for name, adapter in one.plan.path.items()]
        if one.plan.query is not None:
            wanted.append((one.key("query"), "validation", TypeAdapter(one.plan.query.model)))
        if one.plan.body is not None:
            wanted.append((one.key("body"), "validation", one.plan.body))
        if one.answers_json:
            wanted.append((one.key("answer"), "serialization", TypeAdapter(one.answer)))
    return wanted
