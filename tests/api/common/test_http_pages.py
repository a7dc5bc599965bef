"""The API pages: complete, true to the code, and served from here alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from libs.common.http.openapi import document
from libs.common.http.pages import SERVICES, STATIC, versions
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE

CHROMIUM = Path("/usr/bin/chromium")


def test_viewers_are_the_published_files_unchanged() -> None:
    listed = {name: digest for package in versions()["package"] for name, digest in package["files"].items()}
    found = {
        str(path.relative_to(STATIC)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in STATIC.rglob("*")
        if path.is_file() and path.parent != STATIC and path.parent.name != "halles"
    }
    assert found == listed
    assert all(package["version"] and package["licence"] for package in versions()["package"])


def test_the_description_is_valid_and_says_what_the_code_does() -> None:
    described = document(SERVICE)
    validate(described)
    assert described["openapi"].startswith("3.1")
    create = described["paths"]["/sample/v1/notes"]["post"]
    assert create["operationId"] == "create_note"
    assert create["summary"] == "Write a note."
    assert create["security"] == [{"bearer": []}]
    assert {parameter["name"] for parameter in create["parameters"]} == {"Idempotency-Key", "Halles-Organisation"}
    assert {"201", "400", "401", "403", "409", "413", "415", "422", "429", "500"} <= set(create["responses"])
    assert set(create["responses"]["201"]["headers"]) == {"ETag", "Location"}
    read = described["paths"]["/sample/v1/notes/{note_id}"]["get"]
    assert read["security"] == [{}, {"bearer": []}]
    change = described["paths"]["/sample/v1/notes/{note_id}"]["patch"]
    needed = {parameter["name"]: parameter["required"] for parameter in change["parameters"]}
    assert needed == {"note_id": True, "If-Match": True, "Halles-Organisation": False}
    assert {"412", "428"} <= set(change["responses"])
    listed = described["paths"]["/sample/v1/notes"]["get"]
    assert [p["name"] for p in listed["parameters"] if p["in"] == "query"] == ["q", "words", "limit", "cursor"]
    upload = described["paths"]["/sample/v1/checks"]["post"]["requestBody"]["content"]
    assert set(upload) == {"application/xml", "text/xml"}
    problem = described["components"]["responses"]["not-found"]["content"]["application/problem+json"]
    assert problem["examples"]["not-found"]["value"]["title"] == "Introuvable"


async def test_the_description_served_is_the_one_made(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    async with h.client.get("/sample/v1/openapi.json") as answer:
        assert answer.status == 200
        assert await answer.json() == document(SERVICE)
        tag = answer.headers["ETag"]
    async with h.client.get("/sample/v1/openapi.json", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_the_index_leads_to_every_service_and_to_the_events(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    async with h.client.get("/docs") as answer:
        index = await answer.text()
        assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for page in [*SERVICES, "events"]:
        assert f'href="/docs/{page}"' in index
        async with h.client.get(f"/docs/{page}") as answer:
            assert answer.status == 200
            assert "<script>" not in await answer.text()
    assert index.index('lang="fr"') < index.index('lang="en"')


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
@pytest.mark.timeout(200)
async def test_pages_work_in_a_browser_that_asks_nothing_outside(service_harness: HarnessFactory) -> None:
    from playwright.async_api import async_playwright

    h = await service_harness(SERVICE)
    base = str(h.client._base_url)
    asked: list[str] = []
    told: list[str] = []
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        await page.goto(f"{base}docs/sample")
        await page.get_by_text("Write a note.").wait_for(timeout=60_000)
        await page.goto(f"{base}docs/events")
        await page.locator("text=notices.notice.published.v1 >> visible=true").first.wait_for(timeout=60_000)
        await page.goto(f"{base}docs/events/list")
        await page.get_by_text("Exemple de bids.bid.deposited.v1").click()
        await page.get_by_label("Exemple de bids.bid.deposited.v1").wait_for(timeout=10_000)
        await browser.close()
    assert [url for url in asked if not url.startswith((base, "data:", "blob:"))] == []
    assert told == []
