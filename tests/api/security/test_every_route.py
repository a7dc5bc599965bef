"""Every route of every service, called by everybody: who may not is refused, reads nothing and changes nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from libs.common.http.routes import Route
from tests.api.security.security_objects import WORLDS
from tests.api.security.security_world import (
    KINDS,
    SERVICES,
    STRANGERS,
    Access,
    Caller,
    World,
    access_table,
    routes_of,
)

REFUSED = {401, 403, 404}
TABLE = access_table()


def test_the_table_names_every_route_and_no_other() -> None:
    declared = {(name, route.method, route.path) for name in SERVICES for route in routes_of(name)}
    assert declared - set(TABLE) == set(), "say in every_route.txt who may call these"
    assert set(TABLE) - declared == set(), "these routes are gone"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_only_those_who_may_get_anything_from_a_route(database_url: str, tmp_path: Path, name: str) -> None:
    async with AsyncExitStack() as stack:
        w = await WORLDS[name](stack, database_url, tmp_path)
        before = await w.snapshot()
        for route in routes_of(name):
            await _refuse(w, route, TABLE[name, route.method, route.path])
        after = await w.snapshot()
        assert {table for table in after if after[table] != before[table]} == set(), "refused calls changed something"
        for route in routes_of(name):
            await _serve_strangers(w, route, TABLE[name, route.method, route.path])
        for route in routes_of(name):
            await _serve_owners(w, route, TABLE[name, route.method, route.path])


def everybody(w: World) -> list[Caller]:
    """Nobody known, a stranger of each kind, and the owners: what belongs to one of them is not the others'."""
    strangers = [Caller(kind, STRANGERS[kind]) for kind in KINDS]
    return [Caller(None), *strangers, *w.owners.values()]


def may(w: World, caller: Caller, access: Access, *, published: bool) -> bool:
    if access.of == "public" or (access.of == "draft" and published):
        return True
    if caller.kind not in access.kinds:
        return False
    return access.of in {"own", "all"} or caller == w.owners.get(caller.kind)


async def _refuse(w: World, route: Route, access: Access) -> None:
    for path, published in w.paths(route):
        for caller in everybody(w):
            if may(w, caller, access, published=published):
                continue
            status, answer = await w.call(caller, route, path)
            told = f"{caller} {route.method} {path}: {status} {answer[-600:]}"
            assert status in ({401} if caller.kind is None and access.of not in {"draft"} else REFUSED), told
            _tells_nothing(w, caller, answer, told)


async def _serve_strangers(w: World, route: Route, access: Access) -> None:
    for path, published in w.paths(route):
        for caller in everybody(w):
            if caller in w.owners.values() or not may(w, caller, access, published=published):
                continue
            status, answer = await w.call(caller, route, path)
            told = f"{caller} {route.method} {path}: {status} {answer[-600:]}"
            empty = access.of == "own" and route.method in {"GET", "DELETE"}
            assert status < 500, told
            assert status not in REFUSED - ({404} if empty else set()) or access.of == "public", told
            if access.of != "all":
                _tells_nothing(w, caller, answer, told)


async def _serve_owners(w: World, route: Route, access: Access) -> None:
    """Prove that the refusals above had something to refuse."""
    if access.of not in {"object", "draft"}:
        return
    for kind in access.kinds & set(w.owners):
        answers = [await w.call(w.owners[kind], route, path) for path, _ in w.paths(route)]
        assert any(status not in REFUSED and status < 500 for status, _ in answers), (route, kind, answers)


def _tells_nothing(w: World, caller: Caller, answer: str, told: str) -> None:
    if caller.kind in w.told and caller in w.owners.values():
        return
    assert [secret for secret in w.secrets if secret in answer] == [], told
