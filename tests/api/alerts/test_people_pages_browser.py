"""What links of mails lead to, and what mails look like, in a real browser: judged by axe-core, used by keyboard alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from libs.common.testing.harness import Harness
from tests.api.alerts.people_flow import ask, at, link_of, manage_link
from tests.api.alerts.test_alerts_digests import TUESDAY, run
from tests.api.alerts.test_alerts_mails import Inbox, bodies, box, contact, h, inbox
from tests.unit.alerts.alerts_samples import PROCEDURE, letter, published

__all__ = ["box", "h", "inbox"]

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("HALLES_SCREENSHOTS")
"""A folder for pictures of what was judged, to be looked at."""
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")
SEARCH = {"name": "<script>document.title = 'pirate'</script>", "words": ["école"]}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        await browser.close()


async def judge(browser: Browser, html: str, name: str) -> None:
    """Have a page or a mail judged on a telephone's narrow window: no violation, nothing that runs or overflows."""
    context = await browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 740})
    page = await context.new_page()  # the judge is a script, which the pages' own policy refuses
    await page.set_content(html)
    found = (await Axe().run(page)).response
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    title = await page.title()
    await context.close()
    assert found["passes"], "it was judged"
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], name
    assert not wide, name
    assert title != "pirate", name


async def reach(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on a control whose text begins so; it is seen there."""
    text = "document.activeElement.textContent.trim()"
    for _ in range(60):
        await page.keyboard.press("Tab")
        if (await page.evaluate(text)).startswith(wanted):
            assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"no keyboard reaches {wanted}")


async def test_everything_is_done_by_keyboard_and_no_page_has_a_violation(
    h: Harness, box: Inbox, browser: Browser
) -> None:
    root, told = str(h.client._base_url).rstrip("/"), list[str]()
    await h.deliver(published())
    await ask(h, search=SEARCH)
    page = await (await browser.new_context()).new_page()
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    await page.goto(root + link_of(box))
    await judge(browser, await page.content(), "confirmation")
    await reach(page, "Recevoir cette alerte")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Votre alerte est enregistrée")
    person = manage_link(await page.content())
    await at(h, "PUT", f"{person}/followed/{PROCEDURE}", 204)
    await page.goto(f"{root}{person}/page")
    await judge(browser, await page.content(), "person")
    await reach(page, "Mettre en pause")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=(en pause, paused)")
    await reach(page, "0 h")
    await page.keyboard.type("18")
    await reach(page, "Enregistrer")
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[role="status"]')
    assert (await at(h, "GET", person, 200))["digest_hour"] == 18
    await reach(page, "Arrêter toutes")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Toutes vos alertes sont arrêtées")
    await judge(browser, await page.content(), "person-stopped")
    await reach(page, "Recevoir à nouveau")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Arrêter toutes mes alertes")
    await reach(page, "Tout effacer")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Un courriel vous a été envoyé")
    assert told == [], "the pages obey their own policy"


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_no_mail_nor_the_page_it_unsubscribes_by_has_a_violation(
    h: Harness, box: Inbox, browser: Browser, language: str
) -> None:
    await ask(h, search=SEARCH | {"frequency": "daily"}, language=language)
    async with h.client.post(link_of(box), data="") as answer:
        assert answer.status == 200
    await contact(h, language=language)
    await h.deliver(published(title="École <script>document.title = 'pirate'</script> " + "longue" * 20))
    await h.deliver(letter(1))
    await h.settle()
    await run(h, TUESDAY)
    kinds = ["request", "letter", "digest"]
    assert len(box.mails) == len(kinds)
    for kind, (_, mail) in zip(kinds, box.mails, strict=True):
        html = bodies(mail)[1]
        assert f'<html lang="{language}">' in html
        await judge(browser, html, f"{kind}-{language}")
    link = str(box.mails[-1][1]["List-Unsubscribe"]).strip("<>").removeprefix("https://halles.example")
    for answer in (await h.client.get(link), await h.client.post(link, data="")):
        await judge(browser, await answer.text(), f"unsubscribe-{answer.method}")
