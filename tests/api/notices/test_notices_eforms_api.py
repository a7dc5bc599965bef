"""A notice as eForms over HTTP: what the draft lacks, its buyer's alone before publication, the imported file given back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from lxml import etree

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.eforms.check import check
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, COMPANY, INTERCOMMUNALITY, KEYS, NOTICE_ID, eforms

Json = dict[str, Any]
PATH = f"/notices/v1/notices/{NOTICE_ID}"
WRITTEN = {
    "title": "Réfection de la toiture du gymnase",
    "description": "Étanchéité et isolation.",
    "buyer": {"name": "Communauté des Trois Vallées", "city": "Dijon", "postal_code": "21000", "legal_type": "la"},
    "procedure_type": "open",
    "nature": "works",
    "cpv": ["45261210"],
    "places": [{"nuts": "FRC11"}],
    "value": "6000000",
    "deadline": "2027-01-31T12:00:00+01:00",
    "lots": [{"lot_id": "LOT-0001", "title": "Toiture", "places": [{"nuts": "FRC11"}]}],
}


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def drafted(h: Harness, number: int = 1) -> Json:
    headers = h.headers(INTERCOMMUNALITY) | {"Content-Type": "application/xml"}
    async with h.client.post("/notices/v1/notices/import", data=eforms(number), headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        notice: Json = await answer.json()
        return notice


async def test_an_imported_notice_is_given_back_byte_for_byte_then_with_its_change(h: Harness) -> None:
    notice = await drafted(h)
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.get(f"{PATH}/eforms", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "application/xml")
        assert await answer.read() == eforms(1)
        tag = {"If-None-Match": answer.headers["ETag"]}
    async with h.client.get(f"{PATH}/eforms", headers=headers | tag) as answer:
        assert answer.status == 304
    change = {"title": "Un autre objet", "opening": KEYS}
    wanted = headers | {"If-Match": f'"{notice["version"]}"'}
    async with h.client.patch(PATH, json=change, headers=wanted) as answer:
        assert answer.status == 200, await answer.text()
    async with h.client.get(f"{PATH}/eforms", headers=headers) as answer:
        read = check(await answer.read()).notice
    assert read is not None
    assert (read.title, read.notice_id) == ("Un autre objet", NOTICE_ID)


async def test_a_draft_is_its_buyers_alone(h: Harness) -> None:
    await drafted(h)
    for headers in ({}, h.headers(COMPANY, "company"), h.headers("SIRET:21330063500017")):
        async with h.client.get(f"{PATH}/eforms", headers=headers) as answer:
            assert answer.status == 404


async def test_what_a_draft_lacks_is_told_by_business_term(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=WRITTEN, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        notice = await answer.json()
    async with h.client.get(f"/notices/v1/notices/{notice['notice_id']}/eforms", headers=headers) as answer:
        problem = await answer.json()
    assert (answer.status, problem["type"]) == (422, "urn:halles:problem:missing-terms")
    asked = {fault["where"] for fault in problem["errors"]}
    assert asked == {
        "BT-10 contact/activity",
        "BT-503 contact/phone",
        "BT-506 contact/email",
        "BT-36 lots/0/duration_months",
        "BT-98 lots/0/terms/validity_days",
    }


async def test_what_is_asked_for_is_given_by_a_change_of_the_draft(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=WRITTEN, headers=headers) as answer:
        notice = await answer.json()
    path = f"/notices/v1/notices/{notice['notice_id']}"
    told = {
        "contact": {"email": "marches@vallees.example", "phone": "+33 380000000", "activity": "gen-pub"},
        "lots": [{"lot_id": "LOT-0001", "duration_months": 6, "terms": {"validity_days": 120}}],
    }
    wanted = headers | {"If-Match": f'"{notice["version"]}"'}
    async with h.client.patch(path, json=told, headers=wanted) as answer:
        assert answer.status == 200, await answer.text()
        changed = await answer.json()
    assert (changed["lots"][0]["title"], changed["lots"][0]["duration_months"]) == ("Toiture", 6)
    async with h.client.get(f"{path}/eforms", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        checked = check(await answer.read())
    assert checked.accepted
    assert checked.notice is not None
    assert (checked.notice.subtype, checked.notice.lots[0].duration_months) == ("16", 6)


async def test_a_correction_of_an_imported_notice_is_its_file_with_the_change(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    notice = await drafted(h)
    async with h.client.patch(PATH, json={"opening": KEYS}, headers=headers | {"If-Match": '"1"'}) as answer:
        notice = await answer.json()
    async with h.client.put(f"{PATH}/documents/rc.pdf", data=b"%PDF-1.7 rules", headers=headers) as answer:
        assert answer.status == 201
    wanted = headers | {"If-Match": f'"{notice["version"]}"'}
    async with h.client.post(f"{PATH}/publication", headers=wanted) as answer:
        assert answer.status == 201, await answer.text()
    change = {"reason": "update-add", "explanation": "Une précision.", "title": "Un autre objet"}
    async with h.client.post(f"{PATH}/corrections", json=change, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        correction = await answer.json()
    async with h.client.get(f"/notices/v1/notices/{correction['notice_id']}/eforms", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        read = check(written := await answer.read()).notice
    assert read is not None
    assert (str(read.notice_id), read.changes) == (correction["notice_id"], f"{NOTICE_ID}-01")
    kept = Counter(terms(eforms(1))) - Counter(terms(written))
    assert {name for name, _ in kept} <= {"ID", "Name", "IssueDate", "IssueTime"}


def terms(data: bytes) -> list[tuple[str, str]]:
    """Give every value of a notice with the name of its element."""
    found = etree.fromstring(data).iter("{*}*")
    return [(etree.QName(each).localname, (each.text or "").strip()) for each in found if not len(each)]


async def terms_of(h: Harness, notice: Json, limit: int, **headers: str) -> Json:
    params = {"limit": str(limit)}
    async with h.client.get(
        f"/notices/v1/notices/{notice['notice_id']}/terms", headers=headers, params=params
    ) as answer:
        assert answer.status == 200, await answer.text()
        found: Json = await answer.json()
        return found


async def test_a_notice_written_here_gives_its_terms_of_its_content_then_of_its_eforms(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=WRITTEN, headers=headers) as answer:
        notice = await answer.json()
    page = await terms_of(h, notice, 100, **headers)
    found = {each["path"]: each for each in page["items"]}
    assert found["title"]["term"] == "BT-21"
    assert (found["lots[0].lot_id"]["term"], found["lots[0].lot_id"]["value"]) == ("BT-137", "LOT-0001")
    assert found["buyer.name"]["label"] == "Nom de l'acheteur"
    assert not any(path.startswith("opening") for path in found), "keys are no terms"
    async with h.client.get(f"/notices/v1/notices/{notice['notice_id']}/terms") as answer:
        assert answer.status == 404
    told = {
        "contact": {"email": "marches@vallees.example", "phone": "+33 380000000", "activity": "gen-pub"},
        "lots": [{"lot_id": "LOT-0001", "duration_months": 6, "terms": {"validity_days": 120}}],
    }
    path = f"/notices/v1/notices/{notice['notice_id']}"
    async with h.client.patch(path, json=told, headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 200, await answer.text()
    page = await terms_of(h, notice, 100, **headers)
    named = {each["field"]: each["value"] for each in page["items"]}
    assert named["BT-21-Procedure"] == WRITTEN["title"]
    assert named["BT-506-Organization-Company"] == "marches@vallees.example"
    first = await terms_of(h, notice, 5, **headers)
    assert (first["items"], first["next"] is None) == (page["items"][:5], False), "by pages"
