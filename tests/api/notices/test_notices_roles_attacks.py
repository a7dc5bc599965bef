"""Every way somebody tried to get a role, or to keep one; and what is told of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, GAMMA, OPERATOR, SIVOM, Json, Person, days, everyone
from tests.unit.notices.notices_samples import BEFORE


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def test_nobody_grants_themselves_anything(h: Harness) -> None:
    secretary, other = Person(h, "secretary", ALPHA), Person(h, "other", ALPHA)
    await secretary.grant(other, "administrator")
    await other.grant(other, "publisher", 403)
    await secretary.grant(secretary, "reader", 403)
    await secretary.grant(other, "publisher")


async def test_nobody_grants_beyond_their_own_role(h: Harness) -> None:
    secretary, writer, leader = (Person(h, name, ALPHA) for name in ("secretary", "writer", "leader"))
    notice = await secretary.draft()
    other = await secretary.draft()
    friend = Person(h, "friend", ALPHA)
    await secretary.grant(writer, "writer")
    assert (await writer.grant(friend, "reader", 403))["missing_role"] == "administrator"
    await secretary.grant(leader, "administrator", procedure_id=notice["procedure_id"])
    await leader.grant(friend, "publisher", procedure_id=notice["procedure_id"])
    await leader.grant(friend, "publisher", 403, procedure_id=other["procedure_id"])
    await leader.grant(friend, "publisher", 403)
    await leader.grant(friend, "administrator", 403, procedure_id=notice["procedure_id"])
    assert {each["person"] for each in await everyone(leader, procedure_id=notice["procedure_id"])} == {
        "leader",
        "friend",
    }
    await leader.ask("GET", "/roles", 403)
    assert not await friend.sees(other)
    await friend.publish(notice)


async def test_an_administrator_reads_and_gives_roles_and_publishes_nothing(h: Harness) -> None:
    secretary, other = Person(h, "secretary", ALPHA), Person(h, "other", ALPHA)
    await secretary.grant(other, "administrator")
    notice = await secretary.draft()
    assert await other.sees(notice)
    assert (await other.publish(notice, 403))["missing_role"] == "publisher"


async def test_a_header_for_a_foreign_organisation_tells_nothing(h: Harness) -> None:
    secretary, thief = Person(h, "secretary", ALPHA), Person(h, "thief", BETA)
    notice = await secretary.draft()
    unknown = await thief.ask("GET", "/drafts", 403, acting=GAMMA)
    without = await thief.ask("GET", "/drafts", 403, acting=ALPHA)
    await secretary.grant(Person(h, "reader", ALPHA), "reader")
    ruled = await thief.ask("GET", "/drafts", 403, acting=ALPHA)
    assert {each["detail"] for each in (unknown, without, ruled)} == {unknown["detail"]}
    await thief.retitle(notice, 403, acting=ALPHA)
    await thief.retitle(notice, 404)
    await thief.grant(Person(h, "friend", BETA), "publisher", 403, acting=ALPHA)


async def test_a_company_of_that_number_begins_no_rule(h: Harness) -> None:
    """The organisation is a company in this token: its people give no roles of the buyer."""
    await Person(h, "trader", ALPHA, "company").grant(Person(h, "friend", ALPHA), "publisher", 403)
    me = await Person(h, "secretary", ALPHA).ask("GET", "/me", 200)
    assert "administer" in me["permissions"]


async def test_what_was_revoked_is_over_at_the_next_request(h: Harness) -> None:
    secretary, guest = Person(h, "secretary", ALPHA), Person(h, "guest", SIVOM)
    role = await secretary.grant(guest, "writer")
    notice = await guest.draft(acting=ALPHA)
    await secretary.ask("DELETE", f"/roles/{role['record_id']}", 204)
    await guest.retitle(notice, 403, acting=ALPHA)
    await guest.ask("GET", "/drafts", 403, acting=ALPHA)
    assert (await guest.ask("GET", "/me", 200))["roles"] == []
    await secretary.ask("DELETE", f"/roles/{role['record_id']}", 409)


async def test_one_role_is_held_once_at_a_time(h: Harness) -> None:
    secretary, writer = Person(h, "secretary", ALPHA), Person(h, "writer", ALPHA)
    await secretary.grant(writer, "writer", valid_from=days(h, 1), valid_until=days(h, 10))
    await secretary.grant(writer, "writer", 409, valid_from=days(h, 5), valid_until=days(h, 20))
    await secretary.grant(writer, "writer", 409)
    await secretary.grant(writer, "writer", valid_from=days(h, 10))
    await secretary.grant(writer, "reader", valid_from=days(h, 5))


@pytest.mark.parametrize(
    ("wrong", "member"),
    [
        ({"valid_from": "2026-11-19T09:00:00Z"}, "body/valid_from"),
        ({"valid_until": "2026-11-20T08:00:00Z"}, "body/valid_until"),
        ({"capacity": "guest"}, "body/valid_until"),
        ({"capacity": "guest", "role": "publisher", "valid_until": "2027-01-01T00:00:00Z"}, "body/role"),
        ({"procedure_id": str(uuid4())}, "body/procedure_id"),
        ({"person": "with space"}, "body/person"),
        ({"role": "king"}, "body/role"),
    ],
)
async def test_a_role_that_cannot_be_granted_so_says_why(h: Harness, wrong: Json, member: str) -> None:
    secretary = Person(h, "secretary", ALPHA)
    problem = await secretary.ask("POST", "/roles", 422, json={"person": "p", "role": "reader"} | wrong)
    assert [fault["where"] for fault in problem["errors"]] == [member]
    assert (await secretary.ask("GET", "/me", 200))["roles"] == [], "nothing began"


async def test_a_role_in_a_consultation_of_somebody_else_is_refused_as_one_of_nobody(h: Harness) -> None:
    foreign = await Person(h, "other", BETA).draft()
    secretary = Person(h, "secretary", ALPHA)
    asked = {"person": "p", "role": "reader", "procedure_id": foreign["procedure_id"]}
    theirs = await secretary.ask("POST", "/roles", 422, json=asked)
    nobodys = await secretary.ask("POST", "/roles", 422, json=asked | {"procedure_id": str(uuid4())})
    assert theirs["errors"] == nobodys["errors"]


async def test_the_last_administrator_does_not_leave(h: Harness) -> None:
    secretary, other = Person(h, "secretary", ALPHA), Person(h, "other", ALPHA)
    await secretary.grant(other, "administrator", valid_until=days(h, 300))
    [own] = [each for each in await everyone(secretary, person="secretary") if each["role"] == "administrator"]
    problem = await secretary.ask("DELETE", f"/roles/{own['record_id']}", 409)
    assert problem["type"] == "urn:halles:problem:last-administrator"
    assert (await secretary.ask("GET", "/me", 200))["permissions"][-1] == "administer"
    third = Person(h, "third", ALPHA)
    await secretary.grant(third, "administrator")
    await secretary.ask("DELETE", f"/roles/{own['record_id']}", 204)
    await third.grant(Person(h, "fourth", ALPHA), "reader")


async def test_the_operator_names_an_administrator_where_all_are_gone(h: Harness) -> None:
    secretary, successor = Person(h, "secretary", ALPHA), Person(h, "successor", ALPHA)
    await secretary.grant(Person(h, "reader", ALPHA), "reader")
    operator = Person(h, "operator", OPERATOR, "operator")
    path = f"/organisations/{ALPHA}/administrators"
    await secretary.ask("POST", path, 403, json={"person": "friend"})
    await operator.ask("POST", path, 201, json={"person": "successor", "function": "DGS"})
    await successor.grant(secretary, "reader")
    await operator.ask("GET", "/drafts", 403)


async def test_a_role_is_given_up_by_who_holds_it_and_taken_by_no_colleague(h: Harness) -> None:
    secretary, writer, reader = (Person(h, name, ALPHA) for name in ("secretary", "writer", "reader"))
    role = await secretary.grant(writer, "writer")
    await secretary.grant(reader, "reader")
    path = f"/roles/{role['record_id']}"
    await reader.ask("DELETE", path, 403)
    await Person(h, "stranger", BETA).ask("DELETE", path, 404)
    await writer.ask("DELETE", path, 204)
    assert (await writer.draft(403))["missing_role"] == "writer"


async def test_every_change_is_told_to_the_services_and_written_in_the_journal(h: Harness) -> None:
    secretary = Person(h, "secretary", ALPHA)
    role = await secretary.grant(
        Person(h, "reader", ALPHA), "reader", function="Mme Durand, maire", valid_until=days(h, 9)
    )
    await secretary.ask("DELETE", f"/roles/{role['record_id']}", 204)
    await h.settle()
    granted = h.events("notices.role.granted.v1")
    assert len(granted) == 6
    told = granted[-1].data
    assert (told["organisation"], told["role"]["person"], told["role"]["role"]) == (ALPHA, "reader", "reader")
    assert datetime.fromisoformat(told["role"]["valid_until"]) == h.clock.now() + timedelta(days=9)
    assert all("Durand" not in str(each.data) for each in h.events())
    [revoked] = h.events("notices.role.revoked.v1")
    assert revoked.data["aggregate_version"] == 2
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT action, actor, subject FROM journal WHERE subject = $1", role["record_id"])
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("notices.role.granted.v1", "secretary"), ("notices.role.revoked.v1", "secretary")
    ]  # fmt: skip
    assert (await secretary.ask("GET", "/events", 200))["events"] == [], "who holds which role is told to services only"
