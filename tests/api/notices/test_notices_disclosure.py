"""A notice that withholds a value until a day: nobody but its buyer reads it before, in no form; everybody after."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.service.disclosure import disclose_due
from services.notices.wiring import SERVICE
from tests.unit.notices.disclosure_samples import award
from tests.unit.notices.notices_exported import NOTICE_ID, PROCEDURE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS, VILLAGE, eforms

Json = dict[str, Any]
BUYER = "SIRET:21210231600012"
SECRET = "2750123"
"""The value of the tender: nothing else in the notice is that number."""
AMOUNT = f"{SECRET}.00"
DAY = datetime(2027, 2, 28, 23, tzinfo=UTC)
PATH = f"/notices/{NOTICE_ID}"
FORMS = (
    "",
    "/terms?limit=100",
    "/source",
    "/eforms",
    "/page",
    "/versions",
    "/versions/2",
    "/national-form",
    "/publications",
)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(datetime(2026, 11, 23, 9, tzinfo=UTC)))


def tells(body: str) -> bool:
    """Say whether a text tells the secret, however it writes its digits."""
    return re.search(r"2[\s.,\u202f\xa0]?750[\s.,\u202f\xa0]?123", body) is not None


async def read(h: Harness, path: str, *, who: str | None = None, status: int = 200) -> str:
    headers = h.headers(who) if who else {}
    async with h.client.get(f"/notices/v1{path}", headers=headers) as answer:
        body = await answer.text()
        assert answer.status == status, body
        return body


async def asked(h: Harness, path: str, who: str | None = None) -> Json:
    async with h.client.get(f"/notices/v1{path}", headers=h.headers(who) if who else {}) as answer:
        body: Json = await answer.json()
        assert answer.status == 200, body
        return body


def secret(*codes: str) -> bytes:
    """Give an award notice whose tender is worth the secret, which it withholds."""
    written = award("win-ten-val", *codes)
    return written.replace(
        b'<cbc:PayableAmount currencyID="EUR">2900000<', f'<cbc:PayableAmount currencyID="EUR">{SECRET}<'.encode()
    )


async def made_public(h: Harness, data: bytes) -> Json:
    headers = h.headers(BUYER)
    kind = {"Content-Type": "application/xml"}
    async with h.client.post("/notices/v1/notices/import", data=data, headers=headers | kind) as answer:
        assert answer.status == 201, await answer.text()
    async with h.client.post(f"/notices/v1{PATH}/publication", headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 201, await answer.text()
        notice: Json = await answer.json()
    await h.settle()
    return notice


async def every_form(h: Harness, who: str | None) -> dict[str, str]:
    forms = {form: await read(h, f"{PATH}{form}", who=who) for form in FORMS}
    forms["search"] = await read(h, "/notices?kind=award", who=who)
    forms["atom"] = await read(h, "/notices/atom?kind=award")
    forms["procedure"] = await read(h, f"/procedures/{PROCEDURE}/versions", who=who)
    forms["text"] = await read(h, f"/procedures/{PROCEDURE}", who=who)
    forms["feed"] = await read(h, "/events")
    return forms


async def test_nobody_but_the_buyer_reads_what_is_withheld_in_any_form(h: Harness) -> None:
    await made_public(h, secret())
    for who in (None, VILLAGE):
        told = {form for form, body in (await every_form(h, who)).items() if tells(body)}
        assert told == set(), who
    async with h.client.get(f"/notices/v1{PATH}/page.pdf") as answer:
        assert (answer.status, SECRET.encode() in await answer.read()) == (200, False)
    own = await every_form(h, BUYER)
    told = {form for form, body in own.items() if tells(body)}
    assert told >= {"", "/terms?limit=100", "/source", "/eforms", "/page", "/versions/2"}
    second = (await asked(h, f"{PATH}/versions", BUYER))["items"][1]
    assert second["changed"] == ["state"], "to its buyer nothing is gone"
    assert own["/source"].encode() == secret(), "to its buyer byte for byte"
    shown = await asked(h, PATH)
    assert shown["results"][0]["winner_name"] == "Maçonnerie Lemire"
    assert [(each["term"], each["until"], each["lots"]) for each in shown["withheld"]] == [
        ("BT-720", "2027-02-28T23:00:00Z", ["LOT-0001"])
    ]
    assert "Secret des affaires." in await read(h, f"{PATH}/page")
    assert "win-ten-val" in await read(h, f"{PATH}/source"), "the request itself is public"
    [event] = h.events("notices.notice.published.v1")
    assert event.data["notice"]["results"][0]["value"] is None


async def test_it_is_public_once_its_day_came(h: Harness) -> None:
    await made_public(h, secret())
    h.clock.set(DAY.replace(hour=22, minute=59))
    await disclose_due(h.runtime)
    assert not tells(await read(h, PATH))
    assert not tells(await read(h, f"{PATH}/source"))
    h.clock.set(DAY)
    assert tells(await read(h, f"{PATH}/source")), "files are read by the hour of the asking"
    await disclose_due(h.runtime)
    await disclose_due(h.runtime)
    await h.settle()
    shown = await asked(h, PATH)
    assert (shown["results"][0]["value"]["amount"], shown["withheld"], shown["version"]) == (AMOUNT, [], 3)
    told = {form for form, body in (await every_form(h, None)).items() if tells(body)}
    assert told >= {"", "/terms?limit=100", "/source", "/eforms", "/page", "/versions", "feed"}
    [event] = h.events("notices.notice.disclosed.v1")
    assert event.data["notice"]["results"][0]["value"]["amount"] == AMOUNT
    first, second = (await asked(h, f"{PATH}/versions"))["items"]
    assert (first["number"], second["number"]) == (2, 3)
    assert any(tells(each["text"]) for each in second["differences"])
    assert not tells(await read(h, f"{PATH}/versions/2"))
    timeline = await asked(h, f"/procedures/{PROCEDURE}/timeline")
    assert "rendues publiques" in timeline["items"][-1]["summary"]


async def test_a_result_whose_outcome_is_withheld_reaches_the_procedure_on_its_day(h: Harness) -> None:
    await made_public(h, award("win-cho"))
    public = await asked(h, f"/procedures/{PROCEDURE}")
    assert "LOT-0001" not in {lot["lot_id"] for lot in public["lots"]}
    assert [each["lot_id"] for each in (await asked(h, PATH))["results"]] == ["LOT-0002"]
    h.clock.set(DAY)
    await disclose_due(h.runtime)
    public = await asked(h, f"/procedures/{PROCEDURE}")
    assert {lot["lot_id"]: lot["state"] for lot in public["lots"]} == {
        "LOT-0001": "awarded",
        "LOT-0002": "unsuccessful",
    }


async def test_a_correction_withholds_what_the_notice_it_corrects_withholds(h: Harness) -> None:
    await made_public(h, secret())
    headers = h.headers(BUYER)
    body = {"reason": "cor-buy", "explanation": "Un titre précisé.", "title": "École : rénovation"}
    async with h.client.post(f"/notices/v1{PATH}/corrections", json=body, headers=headers) as answer:
        draft = await answer.json()
        assert answer.status == 201, draft
    assert draft["results"][0]["value"]["amount"] == AMOUNT, "its buyer goes on from what it wrote"
    path = f"/notices/{draft['notice_id']}"
    async with h.client.post(f"/notices/v1{path}/publication", headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 201, await answer.text()
    for form in ("", "/eforms", "/terms?limit=100", "/page"):
        assert not tells(await read(h, f"{path}{form}")), form
        assert tells(await read(h, f"{path}{form}", who=BUYER)), form


async def test_the_contacts_of_the_buyer_are_public_in_every_form(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    kind = {"Content-Type": "application/xml"}
    async with h.client.post("/notices/v1/notices/import", data=eforms(1), headers=headers | kind) as answer:
        notice = await answer.json()
    path = f"/notices/{notice['notice_id']}"
    async with h.client.patch(
        f"/notices/v1{path}",
        json={"opening": KEYS, "documents_url": "https://exemple.fr/dce"},
        headers=headers | {"If-Match": '"1"'},
    ) as answer:
        assert answer.status == 200, await answer.text()
    async with h.client.post(f"/notices/v1{path}/publication", headers=headers | {"If-Match": '"2"'}) as answer:
        assert answer.status == 201, await answer.text()
    email = "commande.publique@cc-trois-vallees.example"
    for form in ("", "/source", "/terms?limit=100", "/page"):
        assert email in await read(h, f"{path}{form}"), form
    async with h.client.get(f"/notices/v1{path}/source") as answer:
        assert await answer.read() == eforms(1), "nothing is hidden: the file itself"
        tag = {"If-None-Match": answer.headers["ETag"]}
    async with h.client.get(f"/notices/v1{path}/source", headers=tag) as answer:
        assert answer.status == 304
