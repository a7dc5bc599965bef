"""Notices begun from past ones and from templates, over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, Json, Person
from tests.unit.notices.notices_samples import BEFORE


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def begin(who: Person, status: int = 201, **source: object) -> Json:
    return await who.ask("POST", "/drafts", status, json=source)


async def test_a_past_notice_begins_another_of_the_same_buyer(h: Harness) -> None:
    secretary = Person(h, "secretary", ALPHA)
    lots = [{"lot_id": f"LOT-000{number}", "title": f"Lot {number}"} for number in (1, 2)]
    past = await secretary.publish(await secretary.draft(lots=lots))
    begun = await begin(secretary, notice_id=past["notice_id"], title="Préau 2027")
    assert begun["state"] == "draft"
    assert begun["version"] == 1
    assert {begun["notice_id"], begun["procedure_id"]}.isdisjoint({past["notice_id"], past["procedure_id"]})
    assert (begun["title"], begun["buyer"], begun["value"]) == ("Préau 2027", past["buyer"], past["value"])
    assert (begun["deadline"], begun["opening"], begun["documents"], begun["documents_url"]) == (None, None, [], None)
    assert [lot["lot_id"] for lot in begun["lots"]] == ["LOT-0001", "LOT-0002"]
    await secretary.publish(begun, 422)
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM journal_pending WHERE action = 'notice-drafted'") == 2


async def test_the_public_notice_of_another_inspires(h: Harness) -> None:
    other, secretary = Person(h, "other", BETA), Person(h, "secretary", ALPHA)
    draft = await other.draft(description="Renseignements : 03 80 00 00 01, dgs@beta.example")
    await begin(secretary, 404, notice_id=draft["notice_id"])
    public = await other.publish(draft)
    problem = await begin(secretary, 422, notice_id=public["notice_id"])
    assert [fault["where"] for fault in problem["errors"]] == ["body/buyer"]
    begun = await begin(secretary, notice_id=public["notice_id"], buyer={"name": "Commune d'Alpha"})
    assert begun["buyer"]["organisation"] == ALPHA
    assert "beta.example" not in str(begun)
    assert "BETA" not in str(begun)
    assert (begun["opening"], begun["places"], begun["value"]) == (None, [], None)
    again = await begin(secretary, notice_id=public["notice_id"])
    assert again["buyer"]["name"] == "Commune d'Alpha", "known by now"


async def test_templates_are_kept_listed_used_and_removed(h: Harness) -> None:
    secretary, stranger = Person(h, "secretary", ALPHA), Person(h, "stranger", BETA)
    past = await secretary.draft()
    for name in ("Voirie", "École", "Entretien"):
        await secretary.ask("POST", "/templates", 201, json={"name": name, "notice_id": past["notice_id"]})
    await secretary.ask("POST", "/templates", 409, json={"name": "Voirie", "notice_id": past["notice_id"]})
    await stranger.ask("POST", "/templates", 404, json={"name": "Vol", "notice_id": past["notice_id"]})
    first = await secretary.ask("GET", "/templates", 200, params={"limit": "2"})
    rest = await secretary.ask("GET", "/templates", 200, params={"limit": "2", "cursor": first["next"]})
    found = [*first["items"], *rest["items"]]
    assert sorted(each["name"] for each in found) == ["Entretien", "Voirie", "École"]
    assert rest["next"] is None
    kept = found[0]["template_id"]
    assert (await begin(secretary, template_id=kept))["title"] == past["title"]
    await begin(stranger, 404, template_id=kept)
    await stranger.ask("DELETE", f"/templates/{kept}", 404)
    assert (await stranger.ask("GET", "/templates", 200))["items"] == []
    await secretary.ask("DELETE", f"/templates/{kept}", 204)
    await begin(secretary, 404, template_id=kept)


async def test_templates_follow_the_roles(h: Harness) -> None:
    secretary, reader, guest = Person(h, "secretary", ALPHA), Person(h, "reader", ALPHA), Person(h, "guest", None)
    past = await secretary.draft()
    await secretary.grant(reader, "reader")
    await secretary.grant(
        guest, "writer", capacity="guest", procedure_id=past["procedure_id"], valid_until="2027-03-01T00:00:00Z"
    )
    asked = {"name": "Voirie", "notice_id": past["notice_id"]}
    assert (await reader.ask("POST", "/templates", 403, json=asked))["missing_role"] == "writer"
    await secretary.ask("POST", "/templates", 201, json=asked)
    assert len((await reader.ask("GET", "/templates", 200))["items"]) == 1
    await guest.ask("GET", "/templates", 403, acting=ALPHA)
    await guest.ask("POST", "/drafts", 403, acting=ALPHA, json={"notice_id": past["notice_id"]})


@pytest.mark.parametrize("wrong", [{}, {"notice_id": str(uuid4()), "template_id": str(uuid4())}, {"notice_id": "x"}])
async def test_what_to_begin_from_is_said_once(h: Harness, wrong: Json) -> None:
    await begin(Person(h, "secretary", ALPHA), 422, **wrong)
