"""Every route that serves a company, called by who is no more its user and by a reader of it, whatever their token says."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from libs.common.http.routes import Route
from libs.common.messages.companies import CompanyRole, CompanyUserChangedV1, RecordedUser
from libs.common.testing.harness import Harness
from tests.api.security.security_objects import WORLDS
from tests.api.security.security_world import Caller, World, access_table, routes_of

TABLE = access_table()
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
PERSONAL = {
    ("bids", "GET", "/v1/memberships"),
    ("bids", "DELETE", "/v1/memberships/{record_id}"),
    ("bids", "POST", "/v1/invitations/{token}/acceptance"),
}
"""Of a person, whatever organisation they act for."""


def of_companies(name: str) -> list[Route]:
    """Give the routes that serve a company what is its own."""
    return [
        route
        for route in routes_of(name)
        if (name, route.method, route.path) not in PERSONAL
        and "company" in (access := TABLE[name, route.method, route.path]).kinds
        and access.of in {"own", "object"}
    ]


async def record(h: Harness, company: str, person: str, role: CompanyRole, *, ended: bool = False) -> None:
    """Have the service know a user of a company: in bids by its own record, elsewhere by the event."""
    user = RecordedUser(record_id=uuid4(), person=person, role=role, since=AT, ended_at=AT if ended else None)
    if h.runtime.service.name == "bids":
        async with h.runtime.uow() as uow:
            await uow.conn.execute(
                "INSERT INTO company_user (record_id, company, person, role, since, given_by, ended_at, ended_by)"
                " VALUES ($1, $2, $3, $4, $5, 'boss', $6, $7)",
                user.record_id, company, person, role, AT, user.ended_at, "boss" if ended else None,
            )  # fmt: skip
        return
    event = CompanyUserChangedV1(
        aggregate_id=user.record_id,
        aggregate_version=2 if ended else 1,
        organisation=company,
        occurred_at=AT,
        user=user,
    )
    await h.deliver(event)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["alerts", "bids", "notices"])
async def test_who_was_revoked_gets_nothing_and_a_reader_does_nothing(
    database_url: str, tmp_path: Path, name: str
) -> None:
    async with AsyncExitStack() as stack:
        w = await WORLDS[name](stack, database_url, tmp_path)
        company = w.owners["company"].organisation
        await record(w.h, company, "gone", "depositor", ended=True)
        await record(w.h, company, "reads", "reader")
        before, routes = await w.snapshot(), of_companies(name)
        assert routes
        for route in routes:
            for path, _ in w.paths(route):
                await _refused(w, Caller("company", company, "gone"), route, path)
                await _refused(w, Caller("company", company, "never"), route, path)
                if route.method not in {"GET", "HEAD", "OPTIONS"}:
                    await _refused(w, Caller("company", company, "reads"), route, path)
        after = await w.snapshot()
        changed = {table for table in after if after[table] != before[table] and not table.startswith("evidence_")}
        assert changed == set(), "refused calls changed something"


async def _refused(w: World, caller: Caller, route: Route, path: str) -> None:
    status, answer = await w.call(caller, route, path)
    assert status == 403, f"{caller.subject} {route.method} {path}: {status} {answer[-600:]}"
    assert [secret for secret in w.secrets if secret in answer and secret != caller.organisation] == []


@pytest.mark.parametrize("name", ["alerts", "notices"])
async def test_an_end_told_before_its_beginning_ends_it(database_url: str, tmp_path: Path, name: str) -> None:
    async with AsyncExitStack() as stack:
        w = await WORLDS[name](stack, database_url, tmp_path)
        user = RecordedUser(record_id=uuid4(), person="late", role="depositor", since=AT)
        told = {"aggregate_id": user.record_id, "organisation": "SIRET:44306184100047", "occurred_at": AT}
        ended = user.model_copy(update={"ended_at": AT})
        await w.h.deliver(CompanyUserChangedV1(aggregate_version=2, user=ended, **told))
        await w.h.deliver(CompanyUserChangedV1(aggregate_version=1, user=user, **told))
        headers = w.h.headers("SIRET:44306184100047", "company", sub="late")
        path = {"alerts": "/alerts/v1/searches", "notices": "/notices/v1/questions"}[name]
        async with w.h.client.get(path, headers=headers) as answer:
            assert answer.status == 403, await answer.text()
