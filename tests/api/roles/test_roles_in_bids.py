"""Reading for a buyer in bids takes a role too: contracts, letters, registers and openings, by consultation where it is so limited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World, award_body, world
from tests.api.roles.roles_told import Rolls, ended

ALPHA = "SIRET:55210025400011"


@pytest.fixture
async def w(service_harness: HarnessFactory) -> World:
    """A consultation that was opened and awarded."""
    w = await world(service_harness, threshold=1, officers=1, formal=False)
    await w.deposit(ALPHA, [b"offer"])
    await w.open_all()
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    await w.call("POST", path, BUYER, expect=201, json=award_body(w.bids[ALPHA], list(w.bids.values())))
    return w


async def reads(w: World) -> dict[str, str]:
    """Give what a buyer reads of the consultation, by what it is."""
    register = f"/consultations/{w.procedure}/register"
    async with w.h.runtime.read() as conn:
        opening = await conn.fetchval("SELECT id FROM opening")
        contract = await conn.fetchval("SELECT id FROM contract")
        letter = await conn.fetchval("SELECT id FROM letter")
    return {
        "register": register, "csv": f"{register}.csv",
        "opening": f"/openings/{opening}", "report": f"/openings/{opening}/report.pdf",
        "contract": f"/contracts/{contract}", "its document": f"/contracts/{contract}/document",
        "letter": f"/letters/{letter}", "its PDF": f"/letters/{letter}/document",
    }  # fmt: skip


async def listed(rolls: Rolls, sub: str, *, of: str | None) -> list[int]:
    """Count the contracts, and the letters of the award (the receipts of deposits are letters too)."""
    pages = [await rolls.ask(sub, "GET", path, 200, of=of) for path in ("/contracts", "/letters")]
    return [sum(each.get("kind") != "receipt" for each in page["items"]) for page in pages]


async def test_nothing_is_read_without_a_role_once_one_is_recorded(w: World) -> None:
    rolls, paths = Rolls(w.h, BUYER), await reads(w)
    for path in paths.values():
        await rolls.ask("colleague", "GET", path, 200, of=BUYER)
    await rolls.give("reader", "reader")
    for path in [*paths.values(), "/contracts", "/letters"]:
        assert await rolls.missing("colleague", "GET", path, of=BUYER) == "reader"
        await rolls.ask("reader", "GET", path, 200, of=BUYER)
        await rolls.ask("reader", "GET", path, 200, of=OTHER_BUYER)
        await rolls.ask("colleague", "GET", path, 403, of=OTHER_BUYER)


async def test_a_guest_sees_one_consultation_until_the_end_of_its_dates(w: World) -> None:
    rolls, paths = Rolls(w.h, BUYER), await reads(w)
    until = w.h.clock.now() + timedelta(days=3)
    await rolls.give("architect", "evaluator", procedure=w.procedure, until=until)
    await rolls.give("other-architect", "evaluator", procedure=uuid4(), until=until)
    for path in paths.values():
        await rolls.ask("architect", "GET", path, 200)
        assert await rolls.missing("other-architect", "GET", path) == "reader"
    assert await listed(rolls, "architect", of=None) == [1, 1]
    assert await listed(rolls, "other-architect", of=None) == [0, 0]
    notification = f"{paths['contract']}/notification"
    assert await rolls.missing("architect", "POST", notification) == "publisher"
    w.h.clock.advance(timedelta(days=3))
    for path in [*paths.values(), "/contracts", "/letters"]:
        await rolls.ask("architect", "GET", path, 403)
        assert await rolls.missing("architect", "GET", path, of=BUYER) == "reader"


async def test_a_member_of_a_joint_purchase_reads_what_is_shared_and_acts_on_nothing(w: World) -> None:
    coordinator, member, paths = Rolls(w.h, BUYER), Rolls(w.h, OTHER_BUYER), await reads(w)
    for path in paths.values():
        await member.ask("mayor", "GET", path, 404 if "register" not in path else 403, of=OTHER_BUYER)
    shared = coordinator.joint([OTHER_BUYER], [w.procedure])
    await w.h.deliver(shared)
    for path in paths.values():
        await member.ask("mayor", "GET", path, 200, of=OTHER_BUYER)
    assert await listed(member, "mayor", of=OTHER_BUYER) == [1, 1]
    await member.ask("mayor", "POST", f"{paths['contract']}/notification", 403, of=OTHER_BUYER)
    await member.ask("mayor", "POST", f"/consultations/{w.procedure}/openings", 403, of=OTHER_BUYER, json={})
    await member.give("writer", "writer")
    assert await refused(member, "mayor", paths) == set(paths), "the member's own roles rule its own people"
    assert await refused(member, "writer", paths) == set()
    over = shared.model_copy(update={"aggregate_version": 2, "ended_at": w.h.clock.now()})
    await w.h.deliver(over, shared)
    assert await refused(member, "writer", paths) == set(paths), "an older state that comes late gives nothing back"


async def test_a_coordinator_shares_no_consultation_of_another_buyer(w: World) -> None:
    """Who tells of a joint purchase speaks for its own consultations only."""
    paths, third = await reads(w), "SIRET:21710001200013"
    await w.h.deliver(Rolls(w.h, third).joint([OTHER_BUYER], [w.procedure]))
    assert await refused(Rolls(w.h, OTHER_BUYER), "mayor", paths) == set(paths)


async def refused(rolls: Rolls, sub: str, paths: dict[str, str]) -> set[str]:
    found = set()
    for name, path in paths.items():
        headers = rolls.h.headers(rolls.buyer, sub=sub)
        async with rolls.h.client.get(f"/bids/v1{path}", headers=headers) as answer:
            assert answer.status in {200, 403, 404}, await answer.text()
            found |= {name} if answer.status != 200 else set()
    return found


async def test_a_person_of_the_buyer_reads_nothing_that_its_organisation_deposited_as_a_company(
    service_harness: HarnessFactory,
) -> None:
    """A public body may be a candidate somewhere: its buyers are not its bidders."""
    w = await world(service_harness, threshold=1, officers=1)
    envelope = {"kind": "offer", "lots": ["LOT-0001"], "files": [{"name": "p.bin", "size": 100}]}
    body: dict[str, Any] = {"envelopes": [envelope]}
    path = f"/bids/v1/consultations/{w.procedure}/bids"
    async with w.h.client.post(path, json=body, headers=w.h.headers(OTHER_BUYER, "company")) as answer:
        bid = UUID((await answer.json())["bid_id"])
    rolls = Rolls(w.h, OTHER_BUYER)
    await rolls.ask("person", "GET", f"/bids/{bid}", 404, of=OTHER_BUYER)
    await rolls.give("guest", "reader", procedure=uuid4())
    await rolls.ask("guest", "GET", f"/bids/{bid}", 404)
    await rolls.ask("guest", "GET", "/bids", 403)


async def test_a_delegation_holds_no_longer_than_the_role_it_came_from_in_whatever_order_it_is_told(w: World) -> None:
    rolls, path = Rolls(w.h, BUYER), (await reads(w))["opening"]
    mayor = rolls.granted("mayor", "reader")
    deputy = rolls.granted("deputy", "reader", until=w.h.clock.now() + timedelta(days=9), source=mayor)
    await w.h.deliver(deputy)
    assert await rolls.missing("deputy", "GET", path, of=BUYER) == "reader", "told before the role it came from"
    await w.h.deliver(mayor)
    await rolls.ask("deputy", "GET", path, 200, of=BUYER)
    await w.h.deliver(ended(mayor))
    assert await rolls.missing("deputy", "GET", path, of=BUYER) == "reader", "its own end is still on the way"
    late = rolls.granted("late", "reader", until=w.h.clock.now() + timedelta(days=9), source=mayor)
    await w.h.deliver(late, mayor, deputy)
    for person in ("late", "mayor", "deputy"):
        assert await rolls.missing(person, "GET", path, of=BUYER) == "reader"
