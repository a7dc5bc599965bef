"""What every operation of every service does with a request."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from libs.common.http import serve
from libs.common.http.application import application
from libs.common.http.health import health_routes
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE

BUYER = "SIRET:21210231500018"
OTHER = "SIRET:20006682500012"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def create(h: Harness, title: str = "Voirie", **headers: str) -> dict[str, Any]:
    async with h.client.post("/sample/v1/notes", json={"title": title}, headers=h.headers(BUYER) | headers) as answer:
        body: dict[str, Any] = await answer.json()
        assert answer.status == 201, body
        return body


async def notes(h: Harness) -> int:
    async with h.runtime.read() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM note"))


async def problem_of(answer: aiohttp.ClientResponse, status: int, slug: str) -> dict[str, Any]:
    """Give a problem after checking that it is a whole and safe one."""
    text = await answer.text()
    assert answer.status == status, text
    assert answer.content_type == "application/problem+json"
    assert "Traceback" not in text
    assert ".py" not in text
    body: dict[str, Any] = await answer.json(content_type=None)
    assert body["type"] == f"urn:halles:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["title_en"]
    assert body["detail_en"]
    assert body["instance"].startswith("urn:halles:trace:")
    return body


async def test_a_created_object_has_its_version_and_its_address(h: Harness) -> None:
    async with h.client.post("/sample/v1/notes", json={"title": "Voirie"}, headers=h.headers(BUYER)) as answer:
        body = await answer.json()
        assert answer.status == 201, body
        assert answer.headers["ETag"].startswith('"1.')
        assert answer.headers["Location"] == f"/sample/v1/notes/{body['note_id']}"
        assert answer.headers["Cache-Control"] == "no-store"
    async with h.client.get(answer.headers["Location"]) as read:
        assert (await read.json())["title"] == "Voirie"
        assert body["created_at"].endswith("Z")


async def test_money_is_a_decimal_string(h: Harness) -> None:
    lines = [{"label": "a", "value": "10.10"}, {"label": "b", "value": "0.20"}]
    async with h.client.post(
        "/sample/v1/notes", json={"title": "x", "lines": lines}, headers=h.headers(BUYER)
    ) as answer:
        assert (await answer.json())["total"] == "10.30"


async def test_every_input_fault_is_told_at_once_in_both_languages(h: Harness) -> None:
    body = {
        "title": "",
        "on": "32/13/2026",
        "lines": [{"label": "x" * 21, "value": "1.999"}, {"value": -1}],
        "secret-field": "secret-value",
    }
    async with h.client.post("/sample/v1/notes?page=secret-page", json=body, headers=h.headers(BUYER)) as answer:
        told = await problem_of(answer, 422, "invalid-input")
        text = await answer.text()
    assert {fault["where"]: fault["message"] for fault in told["errors"]} == {
        "query/page": "Cette donnée n'est pas connue : retirez-la.",
        "body/title": "Au moins 1 caractères.",
        "body/on": "Une date est attendue (AAAA-MM-JJ).",
        "body/lines/0/label": "Au plus 20 caractères.",
        "body/lines/0/value": "Au plus 2 chiffres après la virgule.",
        "body/lines/1/label": "Cette donnée est obligatoire.",
        "body/lines/1/value": "Doit être plus grand que 0.",
        "body/secret-field": "Cette donnée n'est pas connue : retirez-la.",
    }
    assert all(fault["message_en"] != fault["message"] for fault in told["errors"])
    for value in ("32/13/2026", "1.999", "secret-value", "secret-page"):
        assert value not in text, "a value that was submitted is never told back"
    assert await notes(h) == 0


async def test_a_rule_of_ours_speaks_for_itself(h: Harness) -> None:
    async with h.client.post("/sample/v1/notes", json={"title": "CRIER"}, headers=h.headers(BUYER)) as answer:
        told = await problem_of(answer, 422, "invalid-input")
    assert told["errors"] == [
        {
            "where": "body/title",
            "message": "N'écrivez pas tout en capitales.",
            "message_en": "Do not write all in capitals.",
        }
    ]


@pytest.mark.parametrize(
    ("query", "where"),
    [("foo=1", "query/foo"), ("limit=3&limit=4", "query/limit"), ("limit=0", "query/limit"),
     ("limit=many", "query/limit"), ("q=%00", "query/q"), ("cursor=x", "query/cursor"), ("Q=x", "query/Q")],
)  # fmt: skip
async def test_a_wrong_query_parameter_is_refused_never_ignored(h: Harness, query: str, where: str) -> None:
    async with h.client.get(f"/sample/v1/notes?{query}") as answer:
        told = await problem_of(answer, 422, "invalid-input")
    assert [fault["where"] for fault in told["errors"]] == [where]


async def test_a_query_where_none_is_read_is_refused(h: Harness) -> None:
    async with h.client.get("/sample/v1/notes/7b3a6f1e-3f70-4e04-8d24-9bb6a2f0c0a1?x=1") as answer:
        await problem_of(answer, 422, "invalid-input")


async def test_pages_follow_each_other_without_gap_or_repeat(h: Harness) -> None:
    made = {(await create(h, f"note {number}"))["note_id"] for number in range(5)}
    seen: list[str] = []
    address: str | None = "/sample/v1/notes?q=note&words=a&words=b"
    while address is not None:
        async with h.client.get(address) as answer:
            page = await answer.json()
            seen += [item["note_id"] for item in page["items"]]
            address = str(answer.links["next"]["url"]) if "next" in answer.links else None
            assert (address is None) == (page["next"] is None)
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize("change", ["forged", "flipped", "cut", "other-service"])
async def test_a_cursor_that_this_service_did_not_make_is_refused(h: Harness, change: str) -> None:
    for number in range(3):
        await create(h, f"note {number}")
    async with h.client.get("/sample/v1/notes") as answer:
        cursor = (await answer.json())["next"]
    changed = {
        "forged": "eyJpZCI6IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJ9",
        "flipped": cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1],
        "cut": cursor[:20],
        "other-service": "é" + cursor,
    }[change]
    async with h.client.get("/sample/v1/notes", params={"cursor": changed}) as answer:
        await problem_of(answer, 422, "invalid-input")


async def test_a_change_says_which_version_it_changes(h: Harness) -> None:
    note = await create(h)
    address = f"/sample/v1/notes/{note['note_id']}"
    body = {"title": "Voirie 2"}
    async with h.client.patch(address, json=body, headers=h.headers(BUYER)) as answer:
        await problem_of(answer, 428, "version-required")
    async with h.client.patch(address, json=body, headers=h.headers(BUYER) | {"If-Match": "trois"}) as answer:
        await problem_of(answer, 422, "invalid-input")
    async with h.client.patch(address, json=body, headers=h.headers(BUYER) | {"If-Match": '"7"'}) as answer:
        await problem_of(answer, 412, "stale-version")
    async with h.client.get(address) as answer:
        tag = answer.headers["ETag"]
    async with h.client.patch(address, json=body, headers=h.headers(BUYER) | {"If-Match": tag}) as answer:
        assert answer.status == 200
        assert (await answer.json())["version"] == 2
    async with h.client.patch(address, json=body, headers=h.headers(BUYER) | {"If-Match": tag}) as answer:
        await problem_of(answer, 412, "stale-version")
    async with h.client.patch(address, json=body, headers=h.headers(BUYER) | {"If-Match": '"2"'}) as answer:
        assert answer.status == 200


async def test_what_the_caller_has_already_is_not_sent_again(h: Harness) -> None:
    note = await create(h)
    address = f"/sample/v1/notes/{note['note_id']}"
    async with h.client.get(address) as answer:
        tag = answer.headers["ETag"]
    async with h.client.get(address, headers={"If-None-Match": f'"x", W/{tag}'}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
        assert answer.headers["ETag"] == tag
    headers = h.headers(BUYER) | {"If-Match": tag}
    async with h.client.patch(address, json={"title": "Autre"}, headers=headers) as answer:
        assert answer.status == 200
    async with h.client.get(address, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200


async def test_head_and_options_say_what_get_would(h: Harness) -> None:
    note = await create(h)
    address = f"/sample/v1/notes/{note['note_id']}"
    async with h.client.head(address) as answer:
        assert answer.status == 200
        assert await answer.read() == b""
        assert "ETag" in answer.headers
    async with h.client.options(address) as answer:
        assert answer.status == 204
        assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    async with h.client.put(address) as answer:
        await problem_of(answer, 405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(", ")) >= {"GET", "PATCH"}
    async with h.client.get("/sample/v1/nothing") as answer:
        await problem_of(answer, 404, "not-found")


async def test_head_of_a_stream_has_no_body(h: Harness) -> None:
    url = h.client._base_url
    assert url is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"HEAD /sample/v1/lines HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
    async with h.client.get("/sample/v1/lines") as whole:
        assert await whole.read() == b"{}\n" * 3


async def test_nothing_to_say_is_204(h: Harness) -> None:
    note = await create(h)
    async with h.client.delete(f"/sample/v1/notes/{note['note_id']}", headers=h.headers(BUYER)) as answer:
        assert answer.status == 204
        assert await answer.read() == b""


async def test_a_file_goes_in_and_out_whole_or_in_part(h: Harness) -> None:
    content = bytes(range(256)) * 10_000
    async with h.client.put("/sample/v1/files/r%C3%A8glement%20%22a%22.pdf", data=io.BytesIO(content)) as answer:
        assert answer.status == 201, await answer.text()
        stored = await answer.json()
    address = f"/sample/v1/files/{stored['key'].split('/')[1]}/{stored['size']}/{stored['sha256']}/r%C3%A8glement%20%22a%22.pdf"
    async with h.client.get(address) as answer:
        assert await answer.read() == content
        assert answer.headers["ETag"] == f'"{stored["sha256"]}"'
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"r_glement _a_.pdf\"; filename*=UTF-8''r%C3%A8glement%20%22a%22.pdf"
        )
    for wanted, expected in {
        "bytes=0-9": content[:10],
        "bytes=2559990-": content[-10:],
        "bytes=-7": content[-7:],
        "bytes=5-99999999": content[5:],
    }.items():
        async with h.client.get(address, headers={"Range": wanted}) as answer:
            assert answer.status == 206
            assert await answer.read() == expected, wanted
            assert answer.headers["Content-Range"].endswith(f"/{len(content)}")
    async with h.client.get(address, headers={"Range": "bytes=2560000-"}) as answer:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == "bytes */2560000"
    async with h.client.get(address, headers={"Range": "bytes=0-1,5-6"}) as answer:
        assert answer.status == 200
        assert len(await answer.read()) == len(content)
    async with h.client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"other"'}) as answer:
        assert answer.status == 200
    async with h.client.get(address, headers={"If-None-Match": answer.headers["ETag"]}) as answer:
        assert answer.status == 304
    async with h.client.head(address) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "2560000"


async def test_only_the_configured_portals_may_read_answers_in_a_browser(service_harness: HarnessFactory) -> None:
    portal = "https://portail.example"
    h = await service_harness(SERVICE, settings={"cors_origins": (portal,)})
    asked = {
        "Origin": portal,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with h.client.options("/sample/v1/notes", headers=asked) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == portal
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    async with h.client.get("/sample/v1/notes", headers={"Origin": portal}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == portal
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    async with h.client.get("/sample/v1/absent", headers={"Origin": portal}) as answer:
        assert answer.status == 404
        assert answer.headers["Access-Control-Allow-Origin"] == portal
    for stranger in ("https://evil.example", "null", portal + ".evil.example"):
        async with h.client.get("/sample/v1/notes", headers={"Origin": stranger}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_every_answer_has_the_security_headers(h: Harness) -> None:
    for path in ("/sample/v1/notes", "/livez", "/nothing"):
        async with h.client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Server"] == "Halles"


async def test_health_says_alive_and_ready_and_metrics_count_by_route(h: Harness) -> None:
    note = await create(h)
    async with h.client.get(f"/sample/v1/notes/{note['note_id']}") as answer:
        assert answer.status == 200
    async with h.client.get("/livez") as answer:
        assert answer.status == 200
    async with h.client.get("/readyz") as answer:
        assert answer.status == 200, await answer.text()
    async with h.client.get("/metrics") as answer:
        text = await answer.text()
    assert 'halles_http_requests_total{method="GET",route="/sample/v1/notes/{note_id}",status="200"}' in text
    assert note["note_id"] not in text


@pytest.mark.parametrize(
    ("caller", "public", "status"),
    [
        ("93.184.216.34", False, 404),
        ("2606:2800:220:1::1", False, 404),
        ("::ffff:93.184.216.34", False, 404),
        ("unknown", False, 404),
        ("10.1.2.3", False, 200),
        ("fd00::1", False, 200),
        ("93.184.216.34", True, 200),
    ],
)
async def test_metrics_are_not_for_the_outside(caller: str, public: bool, status: int) -> None:
    settings = Settings(environment="test", proxies=1, metrics_public=public)
    app = web.Application()
    app.add_routes(health_routes([SimpleNamespace(settings=settings)]))  # type: ignore[list-item]  # no database is asked
    async with serve(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as client:
        async with client.get(url / "metrics", headers={"X-Forwarded-For": f"10.9.9.9, {caller}"}) as answer:
            assert answer.status == status
        async with client.get(url / "metrics") as answer:
            assert answer.status == 200, "the collector asks without a proxy between"


async def test_a_request_in_hand_is_answered_before_the_process_stops(h: Harness) -> None:
    async with aiohttp.ClientSession() as client:
        async with serve(application([h.runtime]), "127.0.0.1", 0) as url:
            address = url / "sample/v1/notes"
            asked = asyncio.create_task(client.post(address, json={"title": "attends"}, headers=h.headers(BUYER)))
            await asyncio.sleep(0.2)
        answer = await asked
        assert answer.status == 201
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(address)
    assert await notes(h) == 1


async def test_a_service_says_it_is_not_ready_before_its_migrations(h: Harness) -> None:
    async with h.runtime.read() as conn:
        await conn.execute("DELETE FROM schema_migration WHERE name LIKE '%init%'")
    async with h.client.get("/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["services"]["sample"]["database"] == "migrations missing"
