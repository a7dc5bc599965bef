"""Who may do what for a buyer: roles, guests, delegations, one secretary of three communes."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from libs.common.messages.base import Audience
from libs.common.messages.registry import all_types, parse
from libs.common.schemas import sample_of
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, GAMMA, SIVOM, Person, days, everyone
from tests.unit.notices.notices_samples import BEFORE, COMPANY

ORGANISATION = Audience.ORGANISATION


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def test_a_village_works_at_once_without_any_role(h: Harness) -> None:
    secretary, colleague = Person(h, "secretary", ALPHA), Person(h, "colleague", ALPHA)
    notice = await secretary.draft()
    await colleague.retitle(notice)
    me = await colleague.ask("GET", "/me", 200)
    assert (me["person"], me["organisation"], me["by_record"], me["roles"]) == ("colleague", ALPHA, False, [])
    assert me["permissions"] == ["read", "write", "publish", "open", "evaluate", "sign", "administer"]


async def test_the_first_role_keeps_that_of_its_giver_and_ends_those_of_all_others(h: Harness) -> None:
    secretary, mayor, colleague = (Person(h, name, ALPHA) for name in ("secretary", "mayor", "colleague"))
    notice = await secretary.draft()
    await secretary.grant(mayor, "reader", function="maire")
    kept = {each["role"] for each in (await secretary.ask("GET", "/me", 200))["roles"]}
    assert kept == {"administrator", "publisher", "opening-officer", "evaluator", "signatory"}
    assert await mayor.sees(notice)
    assert not await colleague.sees(notice)
    problem = await colleague.draft(403)
    assert problem["type"] == "urn:halles:problem:role-missing"
    assert (problem["missing_role"], problem["granted_by"]) == ("writer", "administrator")
    assert "rédacteur" in problem["detail"]
    assert (await colleague.ask("GET", "/drafts", 403))["missing_role"] == "reader"
    assert (await colleague.ask("GET", "/roles", 403))["missing_role"] == "administrator"


async def test_a_writer_drafts_and_only_a_publisher_publishes(h: Harness) -> None:
    secretary, writer, publisher = (Person(h, name, ALPHA) for name in ("secretary", "writer", "publisher"))
    await secretary.grant(writer, "writer")
    await secretary.grant(publisher, "publisher")
    notice = await writer.draft()
    assert (await writer.publish(notice, 403))["missing_role"] == "publisher"
    assert not await Person(h, "stranger", BETA).sees(notice)
    notice = await publisher.retitle(notice)
    await publisher.publish(notice)


async def test_a_reader_reads_drafts_and_changes_nothing(h: Harness) -> None:
    secretary, reader = Person(h, "secretary", ALPHA), Person(h, "reader", ALPHA)
    await secretary.grant(reader, "reader")
    notice = await secretary.draft()
    assert await reader.sees(notice)
    assert await reader.drafts() == [notice["notice_id"]]
    assert (await reader.retitle(notice, 403))["missing_role"] == "writer"
    path = f"/notices/{notice['notice_id']}/documents/rc.pdf"
    await reader.ask("PUT", path, 403, data=b"%PDF-1.7")


async def test_one_secretary_of_three_communes_with_different_roles(h: Harness) -> None:
    """Her token names her syndicate only; each commune says for itself what she may do."""
    secretary = Person(h, "secretary", SIVOM)
    for commune, role in ((ALPHA, "publisher"), (BETA, "writer"), (GAMMA, "reader")):
        await Person(h, f"mayor of {commune[-1]}".replace(" ", "-"), commune).grant(secretary, role)
    own = await secretary.draft()
    first, second = await secretary.draft(acting=ALPHA), await secretary.draft(acting=BETA)
    assert [own["buyer"]["organisation"], first["buyer"]["organisation"]] == [SIVOM, ALPHA]
    assert (await secretary.draft(403, acting=GAMMA))["missing_role"] == "writer"
    await secretary.publish(first, acting=ALPHA)
    assert (await secretary.publish(second, 403, acting=BETA))["missing_role"] == "publisher"
    assert await secretary.drafts(acting=BETA) == [second["notice_id"]]
    assert await secretary.drafts(acting=GAMMA) == []
    assert await secretary.drafts() == [own["notice_id"]]
    assert not await secretary.sees(second, acting=GAMMA), "she says for which commune she acts"
    me = await secretary.ask("GET", "/me", 200, acting=BETA)
    assert (me["by_record"], me["permissions"]) == (True, ["read", "write"])
    assert [(each["organisation"], each["role"]) for each in me["roles"]] == [
        (ALPHA, "publisher"), (BETA, "writer"), (GAMMA, "reader")
    ]  # fmt: skip


async def test_a_departed_colleague_may_nothing_from_the_day_on(h: Harness) -> None:
    secretary, leaving = Person(h, "secretary", ALPHA), Person(h, "leaving", ALPHA)
    await secretary.grant(leaving, "publisher", valid_until=days(h, 30))
    notice = await leaving.draft()
    h.clock.advance(timedelta(days=30))
    assert not await leaving.sees(notice), "the token still names the commune"
    assert (await leaving.draft(403))["missing_role"] == "writer"
    [record] = [each for each in await everyone(secretary) if each["person"] == "leaving"]
    assert record["state"] == "expired"


async def test_a_guest_works_in_his_consultation_and_dates_only(h: Harness) -> None:
    secretary, architect = Person(h, "secretary", ALPHA), Person(h, "architect", COMPANY, "company")
    school, road = await secretary.draft(), await secretary.draft()
    await secretary.grant(
        architect, "writer", capacity="guest", procedure_id=school["procedure_id"], function="architecte",
        valid_from=days(h, 1), valid_until=days(h, 20),
    )  # fmt: skip
    await architect.ask("GET", "/drafts", 403, acting=ALPHA)
    h.clock.advance(timedelta(days=2))
    assert await architect.drafts(acting=ALPHA) == [school["notice_id"]]
    school = await architect.retitle(school, acting=ALPHA)
    assert not await architect.sees(road, acting=ALPHA)
    await architect.retitle(road, 404, acting=ALPHA)
    await architect.ask("GET", f"/procedures/{road['procedure_id']}", 404, acting=ALPHA)
    await architect.ask("GET", f"/procedures/{school['procedure_id']}", 200, acting=ALPHA)
    assert (await architect.publish(school, 403, acting=ALPHA))["missing_role"] == "publisher"
    assert (await architect.draft(403, acting=ALPHA))["missing_role"] == "writer", "no new consultation"
    await architect.draft(403)  # for his own firm, which is no buyer
    more = {"procedure_id": school["procedure_id"]}
    await architect.draft(201, acting=ALPHA, **more)
    h.clock.advance(timedelta(days=20))
    await architect.ask("GET", "/drafts", 403, acting=ALPHA)


async def test_a_guest_of_one_consultation_is_told_of_no_event_of_the_organisation(h: Harness) -> None:
    secretary, referent, architect = (
        Person(h, "secretary", ALPHA),
        Person(h, "referent", None),
        Person(h, "architect", None),
    )
    notice = await secretary.draft()
    await secretary.grant(referent, "reader", capacity="guest", valid_until=days(h, 20))
    one = {"capacity": "guest", "procedure_id": notice["procedure_id"], "valid_until": days(h, 20)}
    await secretary.grant(architect, "reader", **one)
    own = next(
        each for each in all_types().values() if each.type.startswith("notices.") and each.audience is ORGANISATION
    )
    async with h.runtime.uow() as uow:
        uow.emit(parse(sample_of(own)).model_copy(update={"organisation": ALPHA, "aggregate_id": uuid4()}))
    await h.settle()
    asked = {"types": own.type}
    assert len((await secretary.ask("GET", "/events", 200, params=asked))["events"]) == 1
    assert (await architect.ask("GET", "/events", 200, acting=ALPHA, params=asked))["events"] == []
    assert len((await referent.ask("GET", "/events", 200, acting=ALPHA, params=asked))["events"]) == 1, "of all of it"
    h.clock.advance(timedelta(days=20))
    await referent.ask("GET", "/events", 403, acting=ALPHA)


async def test_somebody_stands_in_during_the_holidays(h: Harness) -> None:
    secretary, publisher, deputy = (Person(h, name, ALPHA) for name in ("secretary", "publisher", "deputy"))
    role = await secretary.grant(publisher, "publisher")
    path = f"/roles/{role['record_id']}/delegation"
    holidays = {"person": "deputy", "valid_from": days(h, 10), "valid_until": days(h, 24), "function": "adjointe"}
    standing = await publisher.ask("POST", path, 201, json=holidays)
    assert (standing["capacity"], standing["role"], standing["state"]) == ("delegate", "publisher", "future")
    notice = await secretary.draft()
    await deputy.publish(notice, 404)
    h.clock.advance(timedelta(days=11))
    further = f"/roles/{standing['record_id']}/delegation"
    onward = {"person": "friend", "valid_until": days(h, 3)}
    await deputy.ask("POST", further, 422, json=onward)
    await deputy.publish(notice)
    h.clock.advance(timedelta(days=14))
    assert (await deputy.draft(403))["missing_role"] == "writer"


async def test_what_was_delegated_ends_with_the_role_it_came_from(h: Harness) -> None:
    secretary, publisher, deputy = (Person(h, name, ALPHA) for name in ("secretary", "publisher", "deputy"))
    role = await secretary.grant(publisher, "publisher", valid_until=days(h, 60))
    path = f"/roles/{role['record_id']}/delegation"
    problem = await publisher.ask("POST", path, 422, json={"person": "deputy", "valid_until": days(h, 61)})
    assert "dates" in problem["errors"][0]["message"]
    await secretary.ask("POST", path, 404, json={"person": "deputy", "valid_until": days(h, 5)})
    await publisher.ask("POST", path, 201, json={"person": "deputy", "valid_until": days(h, 50)})
    assert await deputy.drafts() == []
    await secretary.ask("DELETE", f"/roles/{role['record_id']}", 204)
    await deputy.ask("GET", "/drafts", 403)
    await h.settle()
    assert len(h.events("notices.role.revoked.v1")) == 2
