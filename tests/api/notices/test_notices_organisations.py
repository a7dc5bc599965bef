"""The pages of buyers: public data only, in the words of who keeps them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.officers import officer as key_officer
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.roles_world import ALPHA, BETA, Json, Person, days
from tests.unit.notices.notices_samples import (
    BEFORE,
    INTERCOMMUNALITY,
    PROCEDURE,
    award_decided,
    contract_notified,
    eforms,
)

PAGE = {
    "name": "Commune d'Alpha", "street": "1 place de la Mairie", "postal_code": "21540", "city": "Alpha",
    "department_name": "Secrétariat", "email": "mairie@alpha.example", "buyer_profile": "https://marches.alpha.example",
}  # fmt: skip


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def test_a_buyer_seen_in_a_public_notice_has_a_page(h: Harness) -> None:
    secretary, anybody = Person(h, "secretary", ALPHA), Person(h, "anybody", None)
    path = f"/organisations/{ALPHA}"
    draft = await secretary.draft(title="Brouillon secret")
    async with h.client.get(f"/notices/v1{path}") as answer:
        assert answer.status == 404, "a draft makes nobody known"
    public = await secretary.publish(await secretary.draft())
    page = await public_page(h, ALPHA)
    assert (page["name"], page["version"], page["updated_at"]) == ("Commune", 0, None)
    assert page["counts"] == {"open_procedures": 1, "planning": 0, "contract": 1, "award": 0, "change": 0}
    assert [each["procedure_id"] for each in page["open_procedures"]] == [public["procedure_id"]]
    assert "Brouillon secret" not in str(page)
    assert draft["notice_id"] not in str(page)
    await anybody.ask("GET", path, 403)  # a token that names nobody is refused everywhere


async def public_page(h: Harness, organisation: str, more: str = "") -> Json:
    async with h.client.get(f"/notices/v1/organisations/{organisation}{more}") as answer:
        assert answer.status == 200, await answer.text()
        found: Json = await answer.json()
        return found


async def test_open_procedures_are_listed_by_deadline_until_they_close(h: Harness) -> None:
    secretary = Person(h, "secretary", ALPHA)
    made = [await secretary.publish(await secretary.draft(deadline=days(h, number))) for number in (30, 40, 50)]
    wanted = [each["procedure_id"] for each in made]
    first = await public_page(h, ALPHA, "/procedures?limit=2")
    rest = await public_page(h, ALPHA, f"/procedures?limit=2&cursor={first['next']}")
    assert [each["procedure_id"] for each in [*first["items"], *rest["items"]]] == wanted
    h.clock.advance(timedelta(days=35))
    page = await public_page(h, ALPHA)
    assert [each["procedure_id"] for each in page["open_procedures"]] == wanted[1:]


async def test_recent_awards_are_shown_once_they_are_public(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    officer = Person(h, "officer", INTERCOMMUNALITY)
    async with h.client.post(
        "/notices/v1/notices/import", data=eforms(1), headers=headers | {"Content-Type": "application/xml"}
    ) as answer:
        notice = await answer.json()
    alone = {"recovery_refused": "la commune garde deux copies de sa clé"}
    opening = {"threshold": 1, "officers": [key_officer("president")], "rules": alone}
    path = f"/notices/{notice['notice_id']}"
    notice = await officer.ask("PATCH", path, 200, json={"opening": opening}, headers={"If-Match": '"1"'})
    await officer.ask("PUT", f"{path}/documents/rc.pdf", 201, data=b"%PDF-1.7 rules")
    await officer.publish(await officer.ask("GET", path, 200))
    h.clock.advance(timedelta(days=70))
    await h.deliver(award_decided(h.clock.now()))
    assert (await public_page(h, INTERCOMMUNALITY))["awards"] == []
    await h.deliver(contract_notified(h.clock.now()))
    [award] = (await public_page(h, INTERCOMMUNALITY))["awards"]
    assert award["procedure_id"] == str(PROCEDURE)
    assert award["results"][0]["winner_name"] == "Collecte Bourgogne"
    assert (await public_page(h, INTERCOMMUNALITY, "/awards"))["items"] == [award]


async def test_the_administrator_keeps_the_page(h: Harness) -> None:
    secretary, writer, stranger = Person(h, "secretary", ALPHA), Person(h, "writer", ALPHA), Person(h, "stranger", BETA)
    path = f"/organisations/{ALPHA}"
    await secretary.grant(writer, "writer")
    first, second = {"If-Match": '"0"'}, {"If-Match": '"1"'}
    assert (await writer.ask("PUT", path, 403, json=PAGE, headers=first))["missing_role"] == "administrator"
    await stranger.ask("PUT", path, 403, json=PAGE, headers=first)
    await secretary.ask("PUT", path, 428, json=PAGE)
    await secretary.ask("PUT", path, 204, json=PAGE, headers=first)
    await secretary.ask("PUT", path, 412, json=PAGE, headers=first)
    await secretary.ask("PUT", path, 412, json=PAGE, headers={"If-Match": '"7"'})
    page = await public_page(h, ALPHA)
    assert (page["version"], page["name"], page["buyer_profile"]) == (1, PAGE["name"], PAGE["buyer_profile"])
    assert page["place"] == {"street": PAGE["street"], "postal_code": "21540", "city": "Alpha", "department": "21"}
    await secretary.ask("PUT", path, 204, json=PAGE | {"description": "Village"}, headers=second)
    problem = await secretary.ask(
        "PUT", path, 422, json=PAGE | {"email": "nobody", "website": "ftp://x"}, headers=second
    )
    assert {fault["where"] for fault in problem["errors"]} == {"body/email", "body/website"}


@pytest.mark.parametrize("identifier", ["SIRET:1", "21210001200013", "SIRET:2121000120001X", "nobody"])
async def test_what_is_no_organisation_is_told_so(h: Harness, identifier: str) -> None:
    async with h.client.get(f"/notices/v1/organisations/{identifier}") as answer:
        assert answer.status == 422
