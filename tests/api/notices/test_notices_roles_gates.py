"""Each role at each gate: what it opens, and nothing else. A stale version stands for a change that would have been done."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, Person, days
from tests.unit.notices.notices_samples import BEFORE

READERS = {"administrator", "writer", "publisher", "opening-officer", "evaluator", "signatory", "reader"}
WRITERS, PUBLISHERS = {"writer", "publisher"}, {"publisher"}
STALE = {"headers": {"If-Match": '"99"'}}
GATES: dict[str, tuple[str, str, dict[str, Any], set[str]]] = {
    "read a draft": ("GET", "/notices/{draft}", {}, READERS),
    "list drafts": ("GET", "/drafts", {}, READERS),
    "documents of a draft": ("GET", "/notices/{draft}/documents", {}, READERS),
    "versions of a draft": ("GET", "/notices/{draft}/versions", {}, READERS),
    "procedure of a draft": ("GET", "/procedures/{drafted}", {}, READERS),
    "timeline of a draft": ("GET", "/procedures/{drafted}/timeline", {}, READERS),
    "channels": ("GET", "/notices/{public}/channels", {}, READERS),
    "list templates": ("GET", "/templates", {}, READERS),
    "list joint purchases": ("GET", "/joint-purchases", {}, READERS),
    "change a draft": ("PATCH", "/notices/{draft}", STALE | {"json": {"title": "x"}}, WRITERS),
    "create a notice": (
        "POST", "/notices", {"json": {"title": "x", "buyer": {"name": "x"}, "nature": "works", "cpv": ["45214210"]}}, WRITERS,
    ),
    "check a draft": ("POST", "/notices/{draft}/check", STALE | {"json": {}}, WRITERS),
    "send a draft": ("POST", "/notices/{draft}/publications", STALE | {"json": {}}, PUBLISHERS),
    "register of downloads": ("GET", "/procedures/{published}/downloads", {}, WRITERS),
    "register as CSV": ("GET", "/procedures/{published}/downloads.csv", {}, WRITERS),
    "questions received": ("GET", "/procedures/{published}/questions/received", {}, WRITERS),
    "publish": ("POST", "/notices/{draft}/publication", STALE, PUBLISHERS),
    "suspend": (
        "POST", "/procedures/{published}/suspension", STALE | {"json": {"reason": "buyer"}}, PUBLISHERS,
    ),
    "close questions": ("PUT", "/procedures/{published}/questions/closing", {"json": {"closes_at": None}}, PUBLISHERS),
    "list roles": ("GET", "/roles", {}, {"administrator"}),
    "grant a role": ("POST", "/roles", {"json": {"person": "x", "role": "reader", "valid_until": "2020-01-01T00:00:00Z"}}, {"administrator"}),
    "keep the page": ("PUT", f"/organisations/{ALPHA}", STALE | {"json": {"name": "x"}}, {"administrator"}),
}  # fmt: skip


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def test_each_role_opens_its_gates_and_no_other(h: Harness) -> None:
    secretary = Person(h, "secretary", ALPHA)
    draft, public = await secretary.draft(), await secretary.publish(await secretary.draft())
    elsewhere = await secretary.draft()
    people = {role: Person(h, role, ALPHA) for role in READERS}
    for role, person in people.items():
        await secretary.grant(person, role)
    guest = Person(h, "guest", None)
    await secretary.grant(
        guest, "writer", capacity="guest", procedure_id=elsewhere["procedure_id"], valid_until=days(h, 9)
    )
    people |= {"nobody": Person(h, "nobody", ALPHA), "stranger": Person(h, "stranger", BETA)}
    names = {
        "draft": draft["notice_id"],
        "public": public["notice_id"],
        "drafted": draft["procedure_id"],
        "published": public["procedure_id"],
    }
    wrong = []
    for gate, (method, path, options, wanted) in GATES.items():
        opened = {
            role for role, person in people.items() if await opens(h, person, method, path.format(**names), options)
        }
        if gate.startswith(("list", "grant", "create")):
            opened -= {"stranger"}  # for its own organisation
        if opened != wanted:
            wrong.append((gate, sorted(opened ^ wanted)))
        if gate != "list drafts" and await opens(h, guest, method, path.format(**names), options, acting=ALPHA):
            wrong.append((gate, ["guest of another consultation"]))
    assert wrong == []


async def opens(h: Harness, who: Person, method: str, path: str, options: dict[str, Any], acting: str | None = None) -> bool:  # fmt: skip
    headers = dict(options.get("headers", {})) | who.headers(acting)
    more = {name: value for name, value in options.items() if name != "headers"}
    async with h.client.request(method, f"/notices/v1{path}", headers=headers, **more) as answer:
        told = await answer.text()
        assert answer.status in {200, 201, 204, 403, 404, 412, 422}, told
        return answer.status not in {403, 404}
