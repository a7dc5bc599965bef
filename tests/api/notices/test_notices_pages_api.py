"""The page and the PDF of a notice over HTTP, and the page in a real browser, judged by axe-core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.pages.html import POLICY
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS

CHROMIUM = Path("/usr/bin/chromium")
START = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(START))


async def published(h: Harness) -> str:
    """Publish a notice of two lots, and give its path."""
    lots = [
        {"lot_id": f"LOT-000{n}", "title": f"Lot {n}", "criteria": [{"kind": "price", "name": "Prix", "weight": 60}]}
        for n in (1, 2)
    ]
    draft = {
        "title": "Réfection du toit de l'école", "buyer": {"name": "Commune d'Arnay", "postal_code": "21230"}, "nature": "works",
        "cpv": ["45261000"], "value": "85000", "lots": lots, "opening": KEYS, "documents_url": "https://exemple.fr/dce",
        "deadline": (START + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {h.token(INTERCOMMUNALITY)}"}
    async with h.client.post("/notices/v1/notices", json=draft, headers=headers) as answer:
        made = await answer.json()
        assert answer.status == 201, made
    path = f"/notices/v1/notices/{made['notice_id']}"
    async with h.client.get(f"{path}/page") as answer:
        assert answer.status == 404, "a draft is its buyer's own"
    async with h.client.post(f"{path}/publication", headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 201, await answer.text()
    return path


async def test_page_and_paper_are_served_and_not_sent_twice(h: Harness) -> None:
    path = await published(h)
    for kind, media, begins in (("page", "text/html", b"<!doctype"), ("page.pdf", "application/pdf", b"%PDF")):
        async with h.client.get(f"{path}/{kind}") as answer:
            assert (answer.status, answer.content_type) == (200, media)
            assert (await answer.read()).lstrip().startswith(begins)
            tag = answer.headers["ETag"]
        async with h.client.get(f"{path}/{kind}", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


@pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")
async def test_the_page_is_accessible_in_a_browser(h: Harness) -> None:
    from axe_playwright_python.async_playwright import Axe
    from playwright.async_api import async_playwright

    path, told = await published(h), list[str]()
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        answer = await page.goto(f"{str(h.client._base_url).rstrip('/')}{path}/page")
        assert answer is not None
        assert answer.headers["content-security-policy"] == POLICY
        assert told == [], "the page obeys its own policy"
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        colour = await page.evaluate("getComputedStyle(document.querySelector('h2')).borderBottomColor")
        assert colour == "rgb(0, 0, 145)", "its style is applied"
        await page.close()
        page = await (await browser.new_context(bypass_csp=True)).new_page()  # the judge is a script
        await page.goto(f"{str(h.client._base_url).rstrip('/')}{path}/page")
        found: dict[str, Any] = (await Axe().run(page)).response
        await browser.close()
    assert found["passes"], "it was judged"
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
