"""Joint purchases: two communes and their syndicate; what members read, and what nobody gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, GAMMA, SIVOM, Json, Person, days
from tests.unit.notices.notices_samples import BEFORE


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def begin(coordinator: Person, *members: str, **more: str) -> Json:
    body = {"title": "Fournitures scolaires", "members": list(members)} | more
    return await coordinator.ask("POST", "/joint-purchases", 201, json=body)


async def accept(who: Person, joint: Json, status: int = 201) -> Json:
    return await who.ask("POST", f"/joint-purchases/{joint['joint_id']}/acceptance", status)


async def share(who: Person, joint: Json, notice: Json, status: int = 200) -> Json:
    return await who.ask("PUT", f"/joint-purchases/{joint['joint_id']}/procedures/{notice['procedure_id']}", status)


async def test_a_member_reads_the_draft_that_the_coordinator_acts_on(h: Harness) -> None:
    sivom, alpha, beta, gamma = (Person(h, name, of) for name, of in (("s", SIVOM), ("a", ALPHA), ("b", BETA), ("g", GAMMA)))  # fmt: skip
    notice, other = await sivom.draft(), await sivom.draft()
    joint = await begin(sivom, ALPHA, BETA)
    await share(sivom, joint, notice)
    assert not await alpha.sees(notice), "invited only"
    await accept(alpha, joint)
    assert await alpha.sees(notice)
    assert await alpha.drafts() == [notice["notice_id"]]
    assert [await who.sees(notice) for who in (beta, gamma)] == [False, False]
    assert not await alpha.sees(other)
    await alpha.retitle(notice, 403)
    await alpha.publish(notice, 403)
    await alpha.ask("GET", f"/procedures/{notice['procedure_id']}", 200)
    await alpha.ask("GET", f"/procedures/{other['procedure_id']}", 404)
    await sivom.publish(await sivom.retitle(notice))


async def test_a_member_reads_no_more_once_it_left_or_all_ended(h: Harness) -> None:
    sivom, alpha, beta = Person(h, "s", SIVOM), Person(h, "a", ALPHA), Person(h, "b", BETA)
    notice = await sivom.draft()
    joint = await begin(sivom, ALPHA, BETA, valid_until=days(h, 100))
    path = f"/joint-purchases/{joint['joint_id']}"
    for member in (alpha, beta):
        await accept(member, joint)
    await share(sivom, joint, notice)
    assert [await who.sees(notice) for who in (alpha, beta)] == [True, True]
    await alpha.ask("DELETE", f"{path}/members/{BETA}", 403)
    await alpha.ask("DELETE", f"{path}/members/{ALPHA}", 204)
    assert [await who.sees(notice) for who in (alpha, beta)] == [False, True]
    await alpha.ask("GET", path, 404)
    await sivom.ask("DELETE", f"{path}/procedures/{notice['procedure_id']}", 204)
    assert not await beta.sees(notice)
    await share(sivom, joint, notice)
    h.clock.advance(timedelta(days=100))
    assert not await beta.sees(notice)
    await sivom.ask("DELETE", path, 409)
    assert (await beta.ask("GET", path, 200))["live"] is False


async def test_roles_hold_in_joint_purchases_too(h: Harness) -> None:
    sivom, alpha, clerk = Person(h, "s", SIVOM), Person(h, "a", ALPHA), Person(h, "clerk", ALPHA)
    guest, writer = Person(h, "guest", None), Person(h, "writer", SIVOM)
    own = await alpha.draft()
    await alpha.grant(Person(h, "r", ALPHA), "reader")
    await alpha.grant(guest, "reader", capacity="guest", procedure_id=own["procedure_id"], valid_until=days(h, 9))
    await sivom.grant(writer, "writer")
    notice = await writer.draft()
    body = {"title": "x", "members": [ALPHA]}
    assert (await writer.ask("POST", "/joint-purchases", 403, json=body))["missing_role"] == "administrator"
    joint = await begin(sivom, ALPHA)
    await clerk.ask("POST", f"/joint-purchases/{joint['joint_id']}/acceptance", 403)
    await accept(alpha, joint)
    await accept(alpha, joint, 409)
    await share(writer, joint, notice)
    assert await Person(h, "r", ALPHA).sees(notice)
    assert not await clerk.sees(notice), "a colleague without any role"
    assert not await guest.sees(notice, acting=ALPHA), "a guest of one consultation"
    assert notice["notice_id"] not in await guest.drafts(acting=ALPHA)


async def test_nobody_shares_what_is_not_theirs_or_joins_uninvited(h: Harness) -> None:
    sivom, alpha, thief = Person(h, "s", SIVOM), Person(h, "a", ALPHA), Person(h, "thief", GAMMA)
    secret = await alpha.draft()
    joint, own = await begin(sivom, ALPHA), await begin(thief)
    await accept(thief, joint, 404)
    await thief.ask("GET", f"/joint-purchases/{joint['joint_id']}", 404)
    await share(thief, joint, secret, 404)
    await share(thief, own, secret, 404)
    await accept(alpha, joint)
    await share(alpha, joint, secret, 403)
    await sivom.ask("PUT", f"/joint-purchases/{joint['joint_id']}/procedures/{secret['procedure_id']}", 404)
    members = f"/joint-purchases/{joint['joint_id']}/members"
    await alpha.ask("POST", members, 403, json={"organisation": GAMMA})
    await sivom.ask("POST", members, 409, json={"organisation": ALPHA})
    await sivom.ask("POST", members, 422, json={"organisation": "GAMMA"})
    assert not await sivom.sees(secret)
    assert (await thief.ask("GET", "/joint-purchases", 200))["items"][0]["joint_id"] == own["joint_id"]


async def test_joint_purchases_are_listed_in_pages_and_told_to_the_services(h: Harness) -> None:
    sivom, alpha = Person(h, "s", SIVOM), Person(h, "a", ALPHA)
    made = []
    for _ in range(3):
        made.append((await begin(sivom, ALPHA))["joint_id"])
        h.clock.advance(timedelta(minutes=1))
    first = await alpha.ask("GET", "/joint-purchases", 200, params={"limit": "2"})
    rest = await alpha.ask("GET", "/joint-purchases", 200, params={"limit": "2", "cursor": first["next"]})
    assert [each["joint_id"] for each in [*first["items"], *rest["items"]]] == made[::-1]
    await h.settle()
    told = h.events("notices.jointpurchase.changed.v1")
    assert [each.data["organisation"] for each in told] == [SIVOM] * 3
    assert told[0].data["members"] == [{"organisation": ALPHA, "accepted_at": None, "left_at": None}]
