"""Every route that serves a buyer, called by its people without a role and by a guest of another consultation: nothing for them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from libs.common.http.routes import Route
from tests.api.roles.roles_told import Rolls
from tests.api.security.security_objects import WORLDS
from tests.api.security.security_world import STRANGERS, Caller, World, access_table, routes_of

REFUSED = {401, 403, 404}
TABLE = access_table()
FOR_ANYBODY = {
    ("signature", "POST", "/v1/verifications"),
    ("bids", "POST", "/v1/espd/readings"),
    ("bids", "POST", "/v1/espd/papers"),
    ("bids", "DELETE", "/v1/memberships/{record_id}"),
}
"""Tools that read nothing of the platform, and what belongs to the person, whatever organisation the token names."""
BY_ITSELF = "evidence_"
"""Tables in which a process that serves notes its own availability, whatever is called."""


def of_buyers(name: str) -> list[Route]:
    """Give the routes that serve a buyer what is its own."""
    return [
        route
        for route in routes_of(name)
        if (name, route.method, route.path) not in FOR_ANYBODY
        and "buyer" in (access := TABLE[name, route.method, route.path]).kinds
        and access.of in {"own", "object"}
    ]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["bids", "legality", "opendata", "signature"])
async def test_who_has_no_role_gets_nothing_of_the_buyer(database_url: str, tmp_path: Path, name: str) -> None:
    async with AsyncExitStack() as stack:
        w = await WORLDS[name](stack, database_url, tmp_path)
        owner = w.owners["buyer"]
        rolls = Rolls(w.h, owner.organisation)
        await rolls.give("somebody-else", "publisher")
        await rolls.give("guest", "evaluator", procedure=uuid4())
        before, routes = await w.snapshot(), of_buyers(name)
        assert routes
        for route in routes:
            for path, _ in w.paths(route):
                await _refuse(w, Caller("buyer", owner.organisation, "colleague"), route, path)
                await _refuse_guest(w, rolls, route, path)
        after = await w.snapshot()
        changed = {table for table in after if after[table] != before[table] and not table.startswith(BY_ITSELF)}
        assert changed == set(), "refused calls changed something"


async def _refuse(w: World, caller: Caller, route: Route, path: str) -> None:
    status, answer = await w.call(caller, route, path)
    assert status in REFUSED, f"{route.method} {path}: {status} {answer[-600:]}"


async def _refuse_guest(w: World, rolls: Rolls, route: Route, path: str) -> None:
    """A list may be empty for a guest; nothing else is answered."""
    options = dict(w.bodies.get((route.method, route.path), {}))
    acting = {"Halles-Organisation": rolls.buyer} | dict(options.pop("headers", {}))
    headers = w.h.headers(STRANGERS["buyer"], sub="guest") | acting
    async with w.h.client.request(route.method, path, headers=headers, **options) as answer:
        told = await answer.text(errors="replace")
        if answer.status == 200 and route.method == "GET" and not route.path.endswith("}"):
            assert (await answer.json()).get("items") == [], f"{path}: {told[-600:]}"
        else:
            assert answer.status in REFUSED, f"{route.method} {path}: {answer.status} {told[-600:]}"
