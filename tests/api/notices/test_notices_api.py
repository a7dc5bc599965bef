"""The notices service, running: the life of a notice, search, documents, timeline, and every bad input."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from yarl import URL

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import (
    BEFORE,
    COMPANY,
    HOSPITAL,
    INTERCOMMUNALITY,
    KEYS,
    NOTICE_ID,
    PROCEDURE,
    VILLAGE,
    eforms,
)

Json = dict[str, Any]
XML = {"Content-Type": "application/xml"}


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE), settings={"max_document_bytes": 1_000_000})


async def ask(h: Harness, method: str, path: str, *, status: int, **options: Any) -> Json:  # noqa: ANN401  # those of aiohttp
    async with h.client.request(method, f"/notices/v1{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        body: Json = await answer.json() if answer.status != 204 else {}
        return body


async def imported(h: Harness, number: int = 1, buyer: str = INTERCOMMUNALITY) -> Json:
    return await ask(h, "POST", "/notices/import", status=201, data=eforms(number), headers=h.headers(buyer) | XML)


async def published(h: Harness, number: int = 1, buyer: str = INTERCOMMUNALITY) -> Json:
    notice = await imported(h, number, buyer)
    headers = h.headers(buyer)
    path = f"/notices/{notice['notice_id']}"
    if notice["kind"] == "contract":
        changed = await ask(h, "PATCH", path, status=200, json={"opening": KEYS}, headers=headers | version(notice))
        await ask(h, "PUT", f"{path}/documents/rc.pdf", status=201, data=b"%PDF-1.7 rules", headers=headers)
        notice = changed
    return await ask(h, "POST", f"{path}/publication", status=201, headers=headers | version(notice))


def version(notice: Json) -> dict[str, str]:
    return {"If-Match": f'"{notice["version"]}"'}


def faults(problem: Json) -> set[str]:
    return {fault["where"] for fault in problem["errors"]}


async def titles(h: Harness, **criteria: str) -> list[str]:
    found = await ask(h, "GET", "/notices", status=200, params=criteria)
    return [item["title"] for item in found["items"]]


async def test_an_imported_notice_is_a_draft_that_only_its_buyer_sees(h: Harness) -> None:
    notice = await imported(h)
    assert (notice["state"], notice["kind"], notice["version"]) == ("draft", "contract", 1)
    assert notice["notice_id"] == str(NOTICE_ID)
    assert notice["formal"] is True
    assert notice["departments"] == ["21"]
    assert notice["value"] == {"amount": "480000.00", "currency": "EUR"}
    assert notice["deadline"] == "2027-01-11T11:00:00Z"
    assert [criterion["weight"] for criterion in notice["lots"][0]["criteria"]] == [50, 35, 15]
    path = f"/notices/{NOTICE_ID}"
    await ask(h, "GET", path, status=200, headers=h.headers(INTERCOMMUNALITY))
    await ask(h, "GET", path, status=404)
    await ask(h, "GET", path, status=404, headers=h.headers(VILLAGE))
    await ask(h, "GET", f"/procedures/{PROCEDURE}", status=404)
    assert await titles(h) == []
    drafts = await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert [item["notice_id"] for item in drafts["items"]] == [str(NOTICE_ID)]
    assert (await ask(h, "GET", "/drafts", status=200, headers=h.headers(VILLAGE)))["items"] == []


async def test_a_draft_says_what_the_law_asks_of_it_and_why(h: Harness) -> None:
    asked = {item["code"]: item for item in (await imported(h))["requirements"]}
    assert "216" in asked["procedure"]["text"]
    assert "2026-2027" in asked["procedure"]["source"]
    assert asked["standstill"]["source"] == "R2182-1 CCP"
    assert asked["period"]["met"] is True
    village = {item["code"] for item in (await imported(h, 2, VILLAGE))["requirements"]}
    assert "standstill" not in village
    assert "procedure" in village


async def test_the_raw_xml_is_kept_byte_for_byte(h: Harness) -> None:
    await imported(h)
    async with h.client.get(f"/notices/v1/notices/{NOTICE_ID}/source", headers=h.headers(INTERCOMMUNALITY)) as answer:
        assert await answer.read() == eforms(1)
    await ask(h, "GET", f"/notices/{NOTICE_ID}/source", status=404)


async def test_a_published_notice_is_public_and_told_to_the_platform(h: Harness) -> None:
    notice = await published(h)
    assert (notice["state"], notice["version"]) == ("published", 3)
    public = await ask(h, "GET", f"/notices/{NOTICE_ID}", status=200)
    assert public["opening"]["threshold"] == 2
    assert len(public["opening"]["fingerprint"]) == 64
    await h.settle()
    [event] = h.events("notices.notice.published.v1")
    told = event.data["notice"]
    assert (told["title"], told["formal"], told["opening"]) == (public["title"], True, public["opening"])
    assert told["documents"][0]["key"].startswith("exchange/")
    procedure = await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200)
    assert (procedure["state"], procedure["deadline"]) == ("open", public["deadline"])
    assert [item["kind"] for item in procedure["notices"]] == ["contract"]


async def test_a_published_notice_changes_no_more(h: Harness) -> None:
    notice = await published(h)
    headers = h.headers(INTERCOMMUNALITY) | version(notice)
    path = f"/notices/{NOTICE_ID}"
    await ask(h, "PATCH", path, status=409, json={"title": "Autre"}, headers=headers)
    await ask(h, "POST", f"{path}/publication", status=409, headers=headers)
    await ask(h, "PUT", f"{path}/documents/late.pdf", status=409, data=b"x", headers=h.headers(INTERCOMMUNALITY))


async def test_a_change_names_the_version_it_changes(h: Harness) -> None:
    notice = await imported(h)
    headers, path = h.headers(INTERCOMMUNALITY), f"/notices/{NOTICE_ID}"
    await ask(h, "PATCH", path, status=428, json={"title": "Nouveau titre"}, headers=headers)
    changed = await ask(
        h, "PATCH", path, status=200, json={"title": "Nouveau titre"}, headers=headers | version(notice)
    )
    assert (changed["title"], changed["version"]) == ("Nouveau titre", 2)
    await ask(h, "PATCH", path, status=412, json={"title": "Encore"}, headers=headers | version(notice))
    history = await ask(h, "GET", f"{path}/versions", status=200, headers=headers)
    assert [(item["number"], item["changed"]) for item in history["items"]] == [(1, []), (2, ["title"])]
    earlier = await ask(h, "GET", f"{path}/versions", status=200, headers=headers, params={"as_of": "2026-11-01"})
    assert earlier["items"] == []


async def test_publication_tells_everything_that_is_missing_at_once(h: Harness) -> None:
    notice = await imported(h, 2, VILLAGE)
    headers = h.headers(VILLAGE)
    past = {"deadline": "2026-11-01T12:00:00+01:00"}
    path = f"/notices/{notice['notice_id']}"
    notice = await ask(h, "PATCH", path, status=200, json=past, headers=headers | version(notice))
    problem = await ask(h, "POST", f"{path}/publication", status=422, headers=headers | version(notice))
    assert problem["type"] == "urn:halles:problem:not-publishable"
    assert faults(problem) == {"deadline", "opening", "documents"}
    await h.settle()
    assert h.events() == []


async def test_only_the_buyer_that_a_notice_names_imports_it(h: Harness) -> None:
    problem = await ask(h, "POST", "/notices/import", status=403, data=eforms(1), headers=h.headers(VILLAGE) | XML)
    assert problem["type"] == "urn:halles:problem:notice-of-another-buyer"
    company = h.headers(INTERCOMMUNALITY, "company") | XML
    await ask(h, "POST", "/notices/import", status=403, data=eforms(1), headers=company)
    await ask(h, "POST", "/notices/import", status=401, data=eforms(1), headers=XML)
    assert (await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY)))["items"] == []


async def test_another_buyer_touches_nothing_of_a_notice(h: Harness) -> None:
    notice = await imported(h)
    path, stranger = f"/notices/{NOTICE_ID}", h.headers(VILLAGE)
    await ask(h, "PATCH", path, status=404, json={"title": "Vol"}, headers=stranger | version(notice))
    await ask(h, "PUT", f"{path}/documents/a.pdf", status=404, data=b"x", headers=stranger)
    await ask(h, "POST", f"{path}/publication", status=404, headers=stranger | version(notice))
    await ask(h, "GET", f"{path}/documents", status=404, headers=stranger)


async def test_a_notice_identifier_is_taken_once(h: Harness) -> None:
    await imported(h)
    headers = h.headers(INTERCOMMUNALITY) | XML
    problem = await ask(h, "POST", "/notices/import", status=409, data=eforms(1), headers=headers)
    assert problem["type"] == "urn:halles:problem:duplicate-notice"


async def test_a_procedure_belongs_to_one_buyer(h: Harness) -> None:
    await imported(h)
    other = eforms(2).replace(b"3b7d9e10-45c2-4f8a-8a61-9c2e4d5f6a02", str(PROCEDURE).encode())
    await ask(h, "POST", "/notices/import", status=403, data=other, headers=h.headers(VILLAGE) | XML)
    assert (await ask(h, "GET", "/drafts", status=200, headers=h.headers(VILLAGE)))["items"] == []


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><ContractNotice>&b;</ContractNotice>'
)


UNREADABLE = [
    (b"", "vide"),
    (b"<ContractNotice>", "mal form"),
    (b"<ContractNotice/>", "espace de noms"),
    (b"<html><body/></html>", "pas un avis eForms"),
    (b"<TED_EXPORT/>", "ancien format TED"),
    (BOMB, "DTD"),
    (BOMB.decode().encode("utf-16"), "DTD"),
    (b'<?xml version="1.0" encoding="EBCDIC-FR"?><a/>', "encodage"),
    (b"\xff\xfe\x00", "UTF-16"),
    (b'<?xml version="1.0"?><ContractNotice>\xe9</ContractNotice>', "UTF-8"),
    (b"<a>" * 300 + b"</a>" * 300, "mal form"),
]


async def test_what_is_no_eforms_notice_is_refused_with_the_reason(h: Harness) -> None:
    for data, says in UNREADABLE:
        headers = h.headers(INTERCOMMUNALITY) | XML
        verdict = await ask(h, "POST", "/notices/check", status=200, data=data, headers=headers)
        assert verdict["status"] == "rejected"
        assert says in verdict["problems"][0]["message"]
        problem = await ask(h, "POST", "/notices/import", status=422, data=data, headers=headers)
        assert problem["type"] == "urn:halles:problem:notice-rejected"


WRONG_TERMS = [
    (b">90511100<", b">90511101<", "BT-262"),
    (b">90511100<", b">unknown<", "BT-262"),
    (b">FRC11<", b">FRC99<", "BT-5071"),
    (b">16</cbc:SubTypeCode>", b">99</cbc:SubTypeCode>", "OPP-070"),
    (b"<cbc:NoticeLanguageCode>FRA</cbc:NoticeLanguageCode>", b"", "BT-702"),
    (b'<cbc:ID schemeName="notice-id">6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101</cbc:ID>', b"", "BT-701"),
    (b'<cbc:ID schemeName="Lot">LOT-0001</cbc:ID>', b'<cbc:ID schemeName="Lot"/>', "BT-137"),
]


async def test_a_notice_with_a_wrong_or_missing_term_is_refused_by_its_name(h: Harness) -> None:
    for old, new, term in WRONG_TERMS:
        data = eforms(1).replace(old, new)
        assert data != eforms(1)
        problem = await ask(
            h, "POST", "/notices/import", status=422, data=data, headers=h.headers(INTERCOMMUNALITY) | XML
        )
        assert term in {fault["where"].split()[0] for fault in problem["errors"]}
        assert (await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY)))["items"] == []


async def test_an_oversized_notice_and_a_wrong_media_type_are_refused(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY)
    too_large = BytesIO(b" " * (20 * 2**20 + 1))
    await ask(h, "POST", "/notices/import", status=413, data=too_large, headers=headers | XML)
    await ask(
        h, "POST", "/notices/import", status=415, data=b"{}", headers=headers | {"Content-Type": "application/json"}
    )


async def test_check_tells_what_a_notice_says_and_keeps_nothing(h: Harness) -> None:
    headers = h.headers(COMPANY, "company") | XML
    verdict = await ask(h, "POST", "/notices/check", status=200, data=eforms(3), headers=headers)
    assert verdict["status"] == "accepted"
    assert (verdict["subtype"], verdict["procedure_type"], verdict["lots"]) == ("16", "open", 3)
    assert verdict["buyers"] == [{"organisation": HOSPITAL, "name": "Centre hospitalier de Val-sur-Ouche"}]
    assert verdict["cpv"][0] == "33140000"
    await ask(h, "POST", "/notices/check", status=401, data=eforms(3), headers=XML)
    assert (await ask(h, "GET", "/drafts", status=200, headers=h.headers(HOSPITAL)))["items"] == []


NEW = {
    "title": "Entretien des espaces verts",
    "buyer": {"name": "Commune de Kerlann-sur-Mer", "postal_code": "35430", "legal_type": "la"},
    "nature": "services",
    "cpv": ["77310000-6"],
    "value": "70000.00",
    "deadline": "2026-12-15T12:00:00+01:00",
    "documents_url": "https://marches.example/kerlann",
    "opening": KEYS,
}


async def test_a_notice_can_be_written_without_xml(h: Harness) -> None:
    headers = h.headers(VILLAGE)
    notice = await ask(h, "POST", "/notices", status=201, json=NEW, headers=headers)
    assert (notice["subtype"], notice["procedure_type"], notice["formal"]) == ("national", "adapted", False)
    assert (notice["cpv"], notice["departments"]) == (["77310000"], ["35"])
    assert len(notice["lots"]) == 1
    path = f"/notices/{notice['notice_id']}/publication"
    await ask(h, "POST", path, status=201, headers=headers | version(notice))
    assert await titles(h, q="espaces verts", department="35") == ["Entretien des espaces verts"]


async def test_a_draft_names_only_a_procedure_of_its_own_buyer(h: Harness) -> None:
    headers = h.headers(VILLAGE)
    await imported(h)  # a draft: its procedure is nobody else's business
    refusals = []
    for taken in (PROCEDURE, uuid4()):
        body = NEW | {"procedure_id": str(taken)}
        problem = await ask(h, "POST", "/notices", status=422, json=body, headers=headers)
        assert faults(problem) == {"body/procedure_id"}
        refusals.append(problem["detail"])
        await ask(h, "GET", f"/procedures/{taken}", status=404, headers=headers)
    assert refusals[0] == refusals[1], "the answer does not tell whether another buyer has it"
    first = await ask(h, "POST", "/notices", status=201, json=NEW, headers=headers)
    again = NEW | {"procedure_id": first["procedure_id"]}
    assert (await ask(h, "POST", "/notices", status=201, json=again, headers=headers))["procedure_id"] == first[
        "procedure_id"
    ]


async def test_a_need_above_the_threshold_makes_the_procedure_formal(h: Harness) -> None:
    large = NEW | {"value": "216000.00"}
    notice = await ask(h, "POST", "/notices", status=201, json=large, headers=h.headers(VILLAGE))
    assert notice["formal"] is True


WRONG_DRAFTS: list[tuple[Json, str]] = [
    ({"title": ""}, "body/title"),
    ({"cpv": ["99999999"]}, "body/cpv/0"),
    ({"cpv": []}, "body/cpv"),
    ({"value": "-1"}, "body/value"),
    ({"deadline": "2026-12-15T12:00:00"}, "body/deadline"),
    ({"places": [{"nuts": "FRC99"}]}, "body/places/0/nuts"),
    ({"opening": {"threshold": 9, "officers": KEYS["officers"]}}, "body/opening"),
    (
        {"opening": {"threshold": 1, "officers": [{"officer": "a", "public_key": "short"}]}},
        "body/opening/officers/0/public_key",
    ),
    ({"opening": {"threshold": 2, "officers": KEYS["officers"][:3]}}, "body/opening"),
    ({"opening": {"threshold": 1, "officers": KEYS["officers"]}}, "body/opening"),
    (
        {"opening": KEYS | {"officers": [KEYS["officers"][0] | {"officer": "swapped"}, *KEYS["officers"][1:]]}},
        "body/opening/officers/0",
    ),
    (
        {"opening": KEYS | {"officers": [KEYS["officers"][0] | {"public_key": "A" * 43}, *KEYS["officers"][1:]]}},
        "body/opening/officers/0",
    ),
    ({"unknown": 1}, "body/unknown"),
    ({"description": "a\u0000b"}, "body"),
    ({"documents_url": "javascript:alert(1)"}, "body/documents_url"),
]


async def test_a_wrong_draft_is_refused_by_the_field_at_fault(h: Harness) -> None:
    for change, where in WRONG_DRAFTS:
        problem = await ask(h, "POST", "/notices", status=422, json=NEW | change, headers=h.headers(VILLAGE))
        assert any(fault.replace(".", "/").startswith(where) for fault in faults(problem)), problem["errors"]


async def test_documents_are_hashed_versioned_and_served_by_ranges_to_anybody_once_published(h: Harness) -> None:
    await imported(h)
    headers = h.headers(INTERCOMMUNALITY)
    path = f"/notices/{NOTICE_ID}/documents"
    pdf = headers | {"Content-Type": "text/html"}
    first = await ask(h, "PUT", f"{path}/CCTP lot 1.pdf", status=201, data=b"first", headers=pdf)
    second = await ask(h, "PUT", f"{path}/CCTP lot 1.pdf", status=201, data=b"%PDF-1 version", headers=pdf)
    assert (first["version"], second["version"], second["size"], second["media_type"]) == (1, 2, 14, "application/pdf")
    assert second["sha256"] == sha256(b"%PDF-1 version").hexdigest()
    await ask(h, "GET", f"{path}/CCTP lot 1.pdf", status=404)
    notice = await ask(h, "GET", f"/notices/{NOTICE_ID}", status=200, headers=headers)
    changed = await ask(
        h, "PATCH", f"/notices/{NOTICE_ID}", status=200, json={"opening": KEYS}, headers=headers | version(notice)
    )
    await ask(h, "POST", f"/notices/{NOTICE_ID}/publication", status=201, headers=headers | version(changed))
    assert [item["version"] for item in (await ask(h, "GET", path, status=200))["items"]] == [2]
    async with h.client.get(f"/notices/v1{path}/CCTP lot 1.pdf", headers={"Range": "bytes=7-"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"version")
    async with h.client.head(f"/notices/v1{path}/CCTP lot 1.pdf") as answer:
        assert (answer.status, answer.headers["Content-Length"], answer.headers["Accept-Ranges"]) == (
            200,
            "14",
            "bytes",
        )
    await ask(h, "GET", f"{path}/absent.pdf", status=404)
    for name in ("x" * 201, "..", "a%2Fb", "a%00b", "a%0Ab"):
        async with h.client.put(URL(f"/notices/v1{path}/{name}", encoded=True), data=b"x", headers=headers) as answer:
            assert answer.status in {404, 422}, name
