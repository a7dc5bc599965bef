"""Tender documents, running: formats, versions, one archive at one address, and who took what, told to the buyer alone."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from multidict import CIMultiDictProxy

from libs.common import periodic
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.api.notices.test_notices_api import XML, Json, ask, faults, imported, published, version
from tests.unit.notices.notices_samples import (
    BEFORE,
    COMPANY,
    INTERCOMMUNALITY,
    KEYS,
    NOTICE_ID,
    PROCEDURE,
    RIVAL,
    VILLAGE,
    eforms,
)

PROC = f"/procedures/{PROCEDURE}"
DRAFT = f"/notices/{NOTICE_ID}"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE), settings={"max_document_bytes": 10_000_000})


async def put(h: Harness, name: str, content: bytes, *, status: int = 201, notice: str = DRAFT) -> Json:
    headers = h.headers(INTERCOMMUNALITY) | {"Content-Type": "application/x-whatever"}
    return await ask(
        h, "PUT", f"{notice}/documents/{quote(name, safe='')}", status=status, data=content, headers=headers
    )


async def get(h: Harness, path: str, status: int = 200, **options: Any) -> tuple[bytes, CIMultiDictProxy[str]]:  # noqa: ANN401
    async with h.client.get(f"/notices/v1{path}", **options) as answer:
        content = await answer.read()
        assert answer.status == status, content[:400]
        return content, answer.headers


async def correction(h: Harness, documents: dict[str, bytes]) -> Json:
    """Publish a change notice that brings documents."""
    first = (await ask(h, "GET", DRAFT, status=200))["deadline"]
    named = f"{NOTICE_ID}-01".encode()
    change = (
        b"<efac:Changes><efbc:ChangedNoticeIdentifier>" + named + b"</efbc:ChangedNoticeIdentifier><efac:ChangeReason>"
        b"<cbc:ReasonCode listName='change-corrig-justification'>cor-buy</cbc:ReasonCode></efac:ChangeReason></efac:Changes>"
    )
    data = eforms(1).replace(b"5e7a9101</cbc:ID>", f"{uuid4().hex[:8]}</cbc:ID>".encode())
    data = data.replace(b"<efac:NoticeSubType>", change + b"<efac:NoticeSubType>", 1)
    headers = h.headers(INTERCOMMUNALITY)
    notice = await ask(h, "POST", "/notices/import", status=201, data=data, headers=headers | XML)
    patch = {"opening": KEYS, "deadline": first}
    path = f"/notices/{notice['notice_id']}"
    notice = await ask(h, "PATCH", path, status=200, json=patch, headers=headers | version(notice))
    for name, content in documents.items():
        await put(h, name, content, notice=f"/notices/{notice['notice_id']}")
    headers = h.headers(INTERCOMMUNALITY) | version(notice)
    return await ask(h, "POST", f"/notices/{notice['notice_id']}/publication", status=201, headers=headers)


async def register(h: Harness, who: Json, *, headers: dict[str, str] | None = None) -> str:
    answer = await ask(h, "POST", f"{PROC}/registrations", status=201, json=who, headers=headers or {})
    return str(answer["key"])


async def downloads(h: Harness, buyer: str = INTERCOMMUNALITY) -> list[Json]:
    items: list[Json] = (await ask(h, "GET", f"{PROC}/downloads", status=200, headers=h.headers(buyer)))["items"]
    return items


PERSON = {
    "company": "Toitures de Bourgogne",
    "name": "Camille Martin",
    "email": "camille@toitures.example",
    "consent": True,
}


async def test_a_document_shows_its_hash_its_size_and_the_format_of_its_content(h: Harness) -> None:
    await imported(h)
    shown = await put(h, "règlement.docx", b"%PDF-1.7 rules")
    assert (shown["format"], shown["media_type"], shown["size"], shown["version"]) == ("pdf", "application/pdf", 14, 1)
    assert len(shown["sha256"]) == 64
    _, headers = await get(h, f"{DRAFT}/documents/{quote('règlement.docx')}", headers=h.headers(INTERCOMMUNALITY))
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_program_is_refused_and_nothing_is_kept(h: Harness) -> None:
    await imported(h)
    for name, content in (
        ("plan.pdf", b"MZ\x90\x00" + bytes(90)),
        ("plan.pdf.exe", b"%PDF-1.7"),
        ("lisez-moi.txt", b"#!/bin/sh\n"),
        ("x.lnk", b"a"),
    ):
        refused = await put(h, name, content, status=415)
        assert refused["type"] == "urn:halles:problem:dangerous-document"
        assert "programme" in refused["detail"]
    listed = await ask(h, "GET", f"{DRAFT}/documents", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert listed["items"] == []


@pytest.mark.parametrize(
    "name", ["..", "a/b.pdf", "..\\x.pdf", "a\nb.pdf", "a\x00.pdf", "plan\u202efdp.exe", "x" * 201]
)
async def test_a_name_that_is_a_path_or_hides_something_is_refused(h: Harness, name: str) -> None:
    await imported(h)
    async with h.client.put(
        f"/notices/v1{DRAFT}/documents/{quote(name, safe='').replace('..', '%2E%2E')}",
        data=b"%PDF-",
        headers=h.headers(INTERCOMMUNALITY),
    ) as answer:
        assert answer.status in {400, 404, 405, 422}
    listed = await ask(h, "GET", f"{DRAFT}/documents", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert listed["items"] == []


async def test_versions_of_a_draft_are_the_buyers_and_a_draft_forgets_what_is_removed(h: Harness) -> None:
    await imported(h)
    await put(h, "cctp.pdf", b"%PDF-1 first")
    await put(h, "cctp.pdf", b"%PDF-2 second")
    await put(h, "secret.pdf", b"%PDF- not for now")
    own: dict[str, Any] = {"headers": h.headers(INTERCOMMUNALITY)}
    every = await ask(h, "GET", f"{DRAFT}/documents?versions=true", status=200, **own)
    assert [(item["name"], item["version"]) for item in every["items"]] == [
        ("cctp.pdf", 1),
        ("cctp.pdf", 2),
        ("secret.pdf", 1),
    ]
    assert (await get(h, f"{DRAFT}/documents/cctp.pdf?version=1", **own))[0] == b"%PDF-1 first"
    assert (await get(h, f"{DRAFT}/documents/cctp.pdf", **own))[0] == b"%PDF-2 second"
    await ask(h, "DELETE", f"{DRAFT}/documents/secret.pdf", status=403, headers=h.headers(COMPANY, "company"))
    await ask(h, "DELETE", f"{DRAFT}/documents/secret.pdf", status=404, headers=h.headers(VILLAGE))
    await ask(h, "DELETE", f"{DRAFT}/documents/secret.pdf", status=204, **own)
    await ask(h, "DELETE", f"{DRAFT}/documents/secret.pdf", status=404, **own)
    notice = await ask(
        h, "PATCH", DRAFT, status=200, json={"opening": KEYS}, headers=own["headers"] | {"If-Match": '"1"'}
    )
    await ask(h, "POST", f"{DRAFT}/publication", status=201, headers=own["headers"] | version(notice))
    assert (await get(h, f"{DRAFT}/documents/cctp.pdf"))[0] == b"%PDF-2 second"
    await get(h, f"{DRAFT}/documents/cctp.pdf?version=1", 404)
    public = await ask(h, "GET", f"{DRAFT}/documents?versions=true", status=200)
    assert [item["version"] for item in public["items"]] == [2]
    [one] = (await ask(h, "GET", f"{PROC}/documents", status=200))["items"]
    assert (one["name"], one["version"], one["replaced_by"]) == ("cctp.pdf", 1, None)
    await ask(h, "DELETE", f"{DRAFT}/documents/cctp.pdf", status=409, **own)


async def test_a_correction_brings_new_versions_and_says_what_changed(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(days=2))
    since = h.clock.now() - timedelta(hours=1)
    await correction(h, {"rc.pdf": b"%PDF-1.7 new rules", "plans.dwg": b"AC1032 plans"})
    now = (await ask(h, "GET", f"{PROC}/documents", status=200))["items"]
    assert [(item["name"], item["version"], item["format"]) for item in now] == [
        ("plans.dwg", 1, "dwg"),
        ("rc.pdf", 2, "pdf"),
    ]
    every = (await ask(h, "GET", f"{PROC}/documents", status=200, params={"versions": "true"}))["items"]
    assert [(item["name"], item["version"], item["replaced_by"]) for item in every] == [
        ("plans.dwg", 1, None), ("rc.pdf", 1, 2), ("rc.pdf", 2, None),
    ]  # fmt: skip
    changed = (await ask(h, "GET", f"{PROC}/documents", status=200, params={"since": since.isoformat()}))["items"]
    assert [(item["name"], item["version"]) for item in changed] == [("plans.dwg", 1), ("rc.pdf", 2)]
    assert (await get(h, f"{PROC}/documents/rc.pdf"))[0] == b"%PDF-1.7 new rules"
    first, told = await get(h, f"{PROC}/documents/rc.pdf?version=1")
    assert (first, told["Cache-Control"]) == (b"%PDF-1.7 rules", "public, max-age=3600")
    await get(h, f"{PROC}/documents/rc.pdf?version=3", 404)
    await get(h, f"{PROC}/documents/none.pdf", 404)


async def test_the_archive_is_one_address_for_anybody_whole_or_in_parts(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(hours=1))
    await correction(
        h, {"Plan: étage?.dwg": b"AC1032" + bytes(5000), "plan_ étage_.dwg": b"AC1032 other", "rc.pdf": b"%PDF- new"}
    )
    whole, headers = await get(h, f"{PROC}/documents.zip")
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
        names = sorted(found.namelist())
        assert names == ["Plan_ étage_.dwg", "plan_ étage_ (2).dwg", "rc.pdf"]
        assert found.read("rc.pdf") == b"%PDF- new"
    assert headers["Content-Length"] == str(len(whole))
    assert headers["Cache-Control"] == "public, no-cache"  # a correction replaces it at the same address
    part, told = await get(
        h, f"{PROC}/documents.zip", 206, headers={"Range": "bytes=100-4099", "If-Range": headers["ETag"]}
    )
    assert (part, told["Content-Range"]) == (whole[100:4100], f"bytes 100-4099/{len(whole)}")
    await get(h, f"{PROC}/documents.zip", 304, headers={"If-None-Match": headers["ETag"]})
    await get(h, f"/procedures/{uuid4()}/documents.zip", 404)


async def test_the_archive_of_documents_without_checksum_is_right_and_keeps_it(h: Harness) -> None:
    await published(h)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE document SET crc32 = NULL, format = NULL")
    whole, _ = await get(h, f"{PROC}/documents.zip")
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM document WHERE crc32 IS NULL") == 0


async def test_nothing_of_a_draft_is_in_the_documents_of_its_procedure(h: Harness) -> None:
    await imported(h)
    await put(h, "secret.pdf", b"%PDF- secret")
    await get(h, f"{PROC}/documents", 404)
    await get(h, f"{PROC}/documents.zip", 404)
    await get(h, f"{PROC}/documents/secret.pdf", 404)
    await ask(h, "POST", f"{PROC}/registrations", status=404, json=PERSON)


async def test_the_register_holds_those_who_say_who_they_are_and_nobody_else(h: Harness) -> None:
    await published(h)
    await get(h, f"{PROC}/documents.zip")
    await get(h, f"{PROC}/documents/rc.pdf")
    await get(h, f"{PROC}/documents/rc.pdf", headers=h.headers(VILLAGE))
    assert await downloads(h) == []
    key = await register(h, PERSON)
    h.clock.advance(timedelta(minutes=1))
    _, headers = await get(h, f"{PROC}/documents/rc.pdf?key={key}")
    assert headers["Cache-Control"].startswith("private")
    h.clock.advance(timedelta(minutes=1))
    await get(h, f"{PROC}/documents.zip", headers=h.headers(RIVAL, "company", name="Dominique Rival"))
    await get(h, f"{PROC}/documents/rc.pdf?key={key}", 206, headers={"Range": "bytes=5-"})
    async with h.client.head(f"/notices/v1{PROC}/documents/rc.pdf?key={key}") as answer:
        assert answer.status == 200
    lines = await downloads(h)
    assert [(line["document"], line["company"], line["name"], line["email"], line["consent"]) for line in lines] == [
        (None, RIVAL, "Dominique Rival", None, False),
        ("rc.pdf", "Toitures de Bourgogne", "Camille Martin", "camille@toitures.example", True),
    ]
    assert (lines[1]["version"], lines[1]["at"], lines[0]["organisation"]) == (1, "2026-11-20T09:01:00Z", RIVAL)
    await get(h, f"{PROC}/documents/rc.pdf?key={key[:-2]}AA", 404)


async def test_a_person_with_a_token_is_in_the_register_once_and_may_change_what_they_said(h: Harness) -> None:
    await published(h)
    company = h.headers(COMPANY, "company")
    first = await register(h, PERSON, headers=company)
    again = await register(h, {"company": "Toitures SARL", "name": "Camille Martin"}, headers=company)
    assert first == again
    await get(h, f"{PROC}/documents/rc.pdf", headers=company)
    [line] = await downloads(h)
    assert (line["company"], line["email"], line["consent"], line["organisation"]) == (
        "Toitures SARL",
        None,
        False,
        COMPANY,
    )


async def test_the_register_is_for_the_buyer_alone(h: Harness) -> None:
    await published(h)
    await register(h, PERSON)
    strangers: tuple[dict[str, str], ...] = (
        h.headers(VILLAGE),
        h.headers(COMPANY, "company"),
        h.headers(INTERCOMMUNALITY, "company"),
        {},
    )
    for headers in strangers:
        for path in ("downloads", "downloads.csv"):
            content, _ = await get(h, f"{PROC}/{path}", 403 if headers else 401, headers=headers)
            assert b"Camille" not in content


async def test_the_register_is_paged_and_exported_without_formulas(h: Harness) -> None:
    await published(h)
    key = await register(h, {"company": '=HYPERLINK("http://x";"y")', "name": '+33 Zoé; "Q"\n@x', "email": None})
    for _ in range(5):
        h.clock.advance(timedelta(seconds=1))
        await get(h, f"{PROC}/documents/rc.pdf?key={key}")
    headers = h.headers(INTERCOMMUNALITY)
    first = await ask(h, "GET", f"{PROC}/downloads?limit=3", status=200, headers=headers)
    rest = await ask(
        h, "GET", f"{PROC}/downloads", status=200, headers=headers, params={"limit": "3", "cursor": first["next"]}
    )
    times = [line["at"] for line in first["items"] + rest["items"]]
    assert len(times) == 5
    assert times == sorted(times, reverse=True)
    assert rest["next"] is None
    await ask(h, "GET", f"{PROC}/downloads?cursor=xx", status=422, headers=headers)
    content, told = await get(h, f"{PROC}/downloads.csv", headers=headers)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert told["Cache-Control"] == "no-store"
    assert rows[0][0] == "date et heure"
    assert len(rows) == 6
    assert rows[1][4] == '\'=HYPERLINK("http://x";"y")'
    assert rows[1][5].startswith("'+33 Zoé")
    assert rows[1][0] == "2026-11-20T10:00:05+01:00"


WRONG: list[Json] = [
    {"email": "a@b.fr\r\nBcc: all@x.fr"},
    {"email": "Camille <a@b.fr>"},
    {"email": None},
    {"email": "a@b.fr,c@d.fr"},
    {"name": "\n\t"},
    {"company": "x" * 301},
    {"name": "a\x00b"},
    {"siret": "123"},
]


async def test_a_registration_that_cannot_be_kept_is_refused(h: Harness) -> None:
    await published(h)
    for wrong in WRONG:
        assert faults(await ask(h, "POST", f"{PROC}/registrations", status=422, json=PERSON | wrong)), wrong
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM registrant") == 0


async def test_names_with_markup_or_line_breaks_are_one_line_of_text(h: Harness) -> None:
    await published(h)
    key = await register(h, PERSON | {"name": "<script>alert(1)</script>\r\nX-Evil: 1", "company": "A\u202eB"})
    await get(h, f"{PROC}/documents/rc.pdf?key={key}")
    [line] = await downloads(h)
    assert (line["name"], line["company"]) == ("<script>alert(1)</script> X-Evil: 1", "A B")


async def test_names_are_in_no_event_no_job_and_not_in_the_journal(h: Harness) -> None:
    await published(h)
    key = await register(h, PERSON, headers=h.headers(COMPANY, "company", sub="secret-sub"))
    await get(h, f"{PROC}/documents.zip?key={key}")
    await h.settle()
    async with h.runtime.read() as conn:
        for table in ("event", "job", "journal", "journal_entry", "timeline"):
            if await conn.fetchval("SELECT to_regclass($1)", table):
                told = await conn.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")  # noqa: S608  # ours
                for word in ("camille@", "Camille", "secret-sub", COMPANY, "Toitures de Bourgogne"):
                    assert word not in (told or ""), (table, word)


async def test_the_register_is_erased_after_its_time(h: Harness) -> None:
    await published(h)  # deadline 11 January 2027
    key = await register(h, PERSON)
    await get(h, f"{PROC}/documents.zip?key={key}")
    h.clock.advance(timedelta(days=365))
    await periodic.tick(h.runtime)
    assert len(await downloads(h)) == 1
    h.clock.advance(timedelta(days=60))
    await periodic.tick(h.runtime)
    assert await downloads(h) == []
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM registrant") == 0
