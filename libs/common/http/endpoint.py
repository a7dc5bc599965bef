"""One operation, served: read and check everything, call the handler in its transaction, present the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pydantic_core
from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.common.actor import Actor, Person
from libs.common.auth import CompanyUsers, Memberships, NoCompanyUser
from libs.common.errors import FieldError, Forbidden, HallesError, InvalidInput
from libs.common.http import idempotency
from libs.common.http.conditional import etag, is_unchanged, read_if_match
from libs.common.http.documents import read_body
from libs.common.http.faults import MESSAGES, faults, where
from libs.common.http.gate import Gate
from libs.common.http.pagination import Page
from libs.common.http.plan import Plan, QueryModel, plan
from libs.common.http.reading import check_media, read_json, refuse_unreadable
from libs.common.http.routes import Route
from libs.common.runtime import Runtime

__all__ = ["Endpoint", "ReaderOnly", "company_users_of", "memberships_of"]


_NOTHING = 1024  # bytes read of a body where none is expected


_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class ReaderOnly(Forbidden):
    """The caller is a reader of the company: what is done in its name is not for them."""

    slug = "company-role-missing"
    title, title_en = "Rôle manquant dans l'entreprise", "Role missing in the company"

    def __init__(self) -> None:
        super().__init__(
            "Vous êtes lecteur pour cette entreprise : demandez à son administrateur le rôle « déposant » (depositor).",
            "You are a reader of this company: ask its administrator for the role 'depositor'.",
        )
        self.members = {"missing_role": "depositor", "granted_by": "administrator"}


class _Inputs:
    """What a request gives the handler; its faults are gathered, to be told all at once."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.faults: list[FieldError] = []
        self.content = b""

    def refuse(self) -> None:
        """Tell every fault found, if any. Raises InvalidInput."""
        if self.faults:
            raise InvalidInput(
                "La requête contient des données incorrectes : corrigez-les et recommencez.",
                "The request holds invalid data: correct it and try again.",
                errors=self.faults,
            )


class Endpoint:
    """Serves one route for one runtime."""

    def __init__(self, route: Route, runtime: Runtime, gate: Gate) -> None:
        self.route = route
        self.plan: Plan = plan(route)
        self._runtime = runtime
        self._gate = gate
        self._memberships = memberships_of(runtime)
        self._users = company_users_of(runtime)
        self._limit = route.limit or runtime.settings.max_body_bytes

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer a request. Raises HallesError."""
        actor = await self._admit(request)
        if self.plan.request is not None:  # a stream takes the time it takes
            return await self._answer(request, actor)
        async with asyncio.timeout(self._runtime.settings.request_seconds):
            return await self._answer(request, actor)

    async def _admit(self, request: web.Request) -> Actor | Person | None:
        """Give who calls. Raises what the gate raises, and ReaderOnly: one rule for every route, so that none is forgotten."""
        if self.plan.person is not None:
            return await self._gate.identify(request)
        need = self.plan.actor_need
        users = None if need == "no" else self._users
        try:
            actor = await self._gate.admit(
                request, required=need == "required", memberships=self._memberships, users=users
            )
        except NoCompanyUser:
            if need == "required":
                raise
            return None  # what everybody may read, they may read too
        if actor is not None and actor.reads_only and request.method not in _READING:
            raise ReaderOnly
        return actor

    async def _answer(self, request: web.Request, caller: Actor | Person | None) -> web.StreamResponse:
        inputs = await self._read(request, caller)
        if self.plan.uow is None:
            return self._present(request, await self.route.handler(**inputs.values))
        return await self._in_transaction(request, caller if isinstance(caller, Actor) else None, inputs)

    async def _in_transaction(self, request: web.Request, actor: Actor | None, inputs: _Inputs) -> web.StreamResponse:
        """Do it and keep its answer in one transaction: once, however often it is asked with the same key."""
        assert self.plan.uow is not None  # noqa: S101  # the caller looked
        content = None if self.plan.request is not None else inputs.content
        secret = self._runtime.settings.secret.get_secret_value().encode()
        once = idempotency.asked(request, actor, content, secret=secret) if self.route.method == "POST" else None
        async with self._runtime.uow(actor=actor) as uow:
            if once is not None and (stored := await idempotency.begin(uow.conn, once)) is not None:
                return stored
            answer = await self.route.handler(**inputs.values, **{self.plan.uow: uow})
            response = self._present(request, answer)
            if once is not None and isinstance(response, web.Response):
                await idempotency.keep(uow.conn, once, response)
        return response

    async def _read(self, request: web.Request, caller: Actor | Person | None) -> _Inputs:
        inputs, asked = _Inputs(), self.plan
        _read_path(request, asked, inputs)
        _read_query(request, asked.query, inputs)
        _read_version(request, asked, inputs)
        await self._read_body(request, inputs)
        inputs.refuse()
        given = {asked.runtime: self._runtime, asked.request: request, asked.actor or asked.person: caller}
        inputs.values |= {name: value for name, value in given.items() if name is not None}
        return inputs

    async def _read_body(self, request: web.Request, inputs: _Inputs) -> None:
        if self.plan.raw_body:
            check_media(request, self.route.accepts or ("*/*",))
            inputs.content = inputs.values["body"] = await read_body(request, self._limit)
        elif self.plan.body is not None:
            inputs.content = await read_json(request, limit=self._limit, accepts=self.route.accepts)
            try:
                inputs.values["body"] = self.plan.body.validate_json(inputs.content)
            except ValidationError as error:
                refuse_unreadable(error)
                inputs.faults += faults(error, "body")
        elif self.plan.request is None and request.can_read_body:
            await _expect_nothing(request, inputs)
        elif self.route.accepts:
            check_media(request, self.route.accepts)

    def _present(self, request: web.Request, answer: object) -> web.StreamResponse:
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        body = pydantic_core.to_json(answer, by_alias=True)
        response = web.Response(body=body, status=self.route.status, content_type="application/json")
        self._tag(request, response, answer, body)
        if isinstance(answer, Page) and answer.next is not None:
            following = request.rel_url.update_query(cursor=answer.next)
            response.headers["Link"] = f'<{following}>; rel="next"'
        if self.route.location is not None and isinstance(answer, BaseModel):
            response.headers["Location"] = f"/{self._runtime.service.name}" + self.route.location.format_map(
                answer.model_dump(mode="json")
            )
        return response

    def _tag(self, request: web.Request, response: web.Response, answer: object, body: bytes) -> None:
        version = getattr(answer, "version", None)
        version = version if isinstance(version, int) else None
        reading = self.route.method == "GET"
        if reading or version is not None:
            response.headers["ETag"] = tag = etag(body, version)
            if reading and response.status == 200 and is_unchanged(request, tag):
                response.set_status(304)
                response.body = None
        response.headers["Cache-Control"] = self._cache() if reading else "no-store"
        if reading and self.plan.actor_need == "no":
            response.headers["Vary"] = "Origin"

    def _cache(self) -> str:
        if self.plan.actor_need != "no":
            return "private, no-cache"
        return f"public, max-age={self.route.cache}" if self.route.cache else "public, no-cache"


def memberships_of(runtime: Runtime) -> Memberships | None:
    """Give who knows the members that tokens do not name; None in a service that records none."""
    try:
        return runtime.port(Memberships)  # type: ignore[type-abstract]
    except LookupError:
        return None


def company_users_of(runtime: Runtime) -> CompanyUsers | None:
    """Give who knows the users of companies; None in a service that has nothing of theirs."""
    try:
        return runtime.port(CompanyUsers)  # type: ignore[type-abstract]
    except LookupError:
        return None


async def _expect_nothing(request: web.Request, inputs: _Inputs) -> None:
    """Refuse a body that would be ignored; an empty object is none."""
    inputs.content = (await read_body(request, _NOTHING)).strip()
    if inputs.content not in (b"", b"{}", b"null"):
        inputs.faults.append(FieldError("body", "Aucun corps n'est attendu ici.", "No body is expected here."))


def _read_path(request: web.Request, asked: Plan, inputs: _Inputs) -> None:
    for name, adapter in asked.path.items():
        try:
            inputs.values[name] = adapter.validate_python(request.match_info[name])
        except ValidationError as error:
            inputs.faults += faults(error, f"path/{name}")


def _read_query(request: web.Request, asked: QueryModel | None, inputs: _Inputs) -> None:
    names = asked.names if asked else {}
    given: dict[str, Any] = {}
    for name in dict.fromkeys(request.query):
        values = request.query.getall(name)
        if name not in names:
            inputs.faults.append(FieldError(where("query", [name]), *MESSAGES["extra_forbidden"]))
        elif any("\x00" in value for value in values):
            inputs.faults.append(FieldError(where("query", [name]), *MESSAGES["null_character"]))
        elif not names[name] and len(values) > 1:
            inputs.faults.append(FieldError(where("query", [name]), *MESSAGES["repeated"]))
        else:
            given[name] = values if names[name] else values[0]
    if asked is None:
        return
    try:
        inputs.values["query"] = asked.model.model_validate(given)
    except ValidationError as error:
        inputs.faults += faults(error, "query")


def _read_version(request: web.Request, asked: Plan, inputs: _Inputs) -> None:
    if asked.if_match is None:
        return
    if asked.if_match_need == "optional" and "If-Match" not in request.headers:
        inputs.values[asked.if_match] = None
        return
    try:
        inputs.values[asked.if_match] = read_if_match(request)
    except HallesError as error:
        if not error.errors:
            raise
        inputs.faults += error.errors
