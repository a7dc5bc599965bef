"""The JavaScript sealing: the vectors to the byte, in Node and in Chromium; deposits from a browser that officers open."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing import sealed_size
from tests.api.bids.bids_world import BUYER, World, world
from tests.unit.bids.sealing_people import key_set, officers
from tests.unit.bids.sealing_vectors import VECTORS

HERE = Path(__file__).parent
MODULES = Path(__file__).parents[4] / "services/bids/web"
CHROMIUM = Path("/usr/bin/chromium")
NODE = shutil.which("node")
ALPHA = "SIRET:55210025400001"
in_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")
in_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")


def cases() -> list[dict[str, Any]]:
    """Give the vectors' cases with their contents; long plaintexts stand there by their rule."""
    found: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]
    for each in found:
        stem = "fichier" if len(each["envelopes"]) > 1 else "offre"
        plain = [(bytes(range(256)) * 300).hex() if p.startswith("sha256:") else p for p in each["plaintexts"]]
        each["contents"] = [
            {"name": f"{stem}-{n}.txt", "type": "text/plain", "hex": content} for n, content in enumerate(plain, 1)
        ]
    return found


def check(case: dict[str, Any], result: dict[str, Any]) -> None:
    """Hold what JavaScript sealed to the vector, and each resumed stream to the whole one."""
    assert [json.loads(each) for each in result["envelopes"]] == case["envelopes"]
    whole = result["ciphertexts"]
    for ours, known in zip(whole, case["ciphertexts"], strict=True):
        assert known.startswith("sha256:") or ours == known  # long ones: their hash stands in the envelope
    for each in result["resumed"]:
        assert each["hex"] == whole[each["file"] - 1][2 * each["at"] :], f"from {each['at']}"


async def node(script: str, *arguments: str, given: object = None) -> Any:  # noqa: ANN401  # JSON
    process = await asyncio.create_subprocess_exec(
        str(NODE), "--max-old-space-size=64", str(HERE / script), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, wrong = await process.communicate(json.dumps(given).encode())
    assert process.returncode == 0, wrong.decode()
    return json.loads(told)


@asynccontextmanager
async def page_of(h: Harness, name: str = "workstation.html", *, judged: bool = False) -> AsyncIterator[Page]:
    """Open a page that the service serves, in a real browser."""
    base = str(h.client._base_url).rstrip("/")
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await (await browser.new_context(bypass_csp=judged)).new_page()
        await page.goto(f"{base}/bids/v1/web/{name}")
        try:
            yield page
        finally:
            await browser.close()


@in_node
async def test_the_vectors_come_out_to_the_byte_in_node() -> None:
    known = cases()
    for case, result in zip(known, await node("node_vectors.mjs", given=known), strict=True):
        check(case, result)


@in_node
async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(80 * 2**20)
    told = await node("node_memory.mjs", str(big), key_set(2, officers(3)).model_dump_json())
    assert told["size"] == told["announced"] == sealed_size(80 * 2**20)
    assert told["grown"] < 60 * 2**20


@in_chromium
async def test_the_vectors_come_out_to_the_byte_in_a_browser(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    script = (HERE / "vectors.mjs").read_text().replace("../../../../services/bids/web/", "./")
    async with page_of(w.h) as page:
        await page.route(
            "**/bids/v1/web/vectors.mjs", lambda each: each.fulfill(body=script, content_type="text/javascript")
        )
        for case in cases():
            check(case, await page.evaluate("async (given) => (await import('./vectors.mjs')).sealCase(given)", case))


DEPOSIT = """async ({base, token, procedure, fingerprint}) => {
  const { deposit } = await import("./halles-deposit.mjs");
  const file = (name, text) => ({ name, type: "application/pdf", content: new Blob([text]) });
  const envelopes = [
    { kind: "application", lots: ["LOT-0001"], files: [file("dume.pdf", "candidature")] },
    { kind: "offer", lots: ["LOT-0001"], files: [file("offre.pdf", "prix".repeat(5_000_000)), file("vide.pdf", "")] },
  ];
  try {
    return await deposit({ base, token, procedure, name: "Maçonnerie du Val", envelopes, fingerprint, pause: 10 });
  } catch (error) {
    return { refused: error.message, english: error.english, status: error.status };
  }
}"""


async def deposited(page: Page, w: World, fingerprint: str) -> Any:  # noqa: ANN401  # a receipt, or a refusal
    base = f"{str(w.h.client._base_url).rstrip('/')}/bids/v1"
    given = {"base": base, "token": w.h.token(ALPHA, "company"), "procedure": str(w.procedure)}
    return await page.evaluate(DEPOSIT, given | {"fingerprint": fingerprint})


@in_chromium
async def test_a_bid_sealed_in_a_browser_is_opened_by_the_officers(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    assert w.notice.opening is not None
    async with page_of(w.h) as page:
        lost = 0

        async def lose(route: Any) -> None:  # noqa: ANN401  # playwright's
            nonlocal lost
            if route.request.method == "PATCH" and lost < 2:
                lost += 1
                await route.abort()
            else:
                await route.continue_()

        await page.route("**/bids/v1/uploads/*", lose)
        receipt = await deposited(page, w, w.notice.opening.fingerprint)
        assert lost == 2, "the upload was cut, and went on"
    assert receipt["statement"]["depositor"]["name"] == "Maçonnerie du Val", receipt
    bid = receipt["statement"]["bid_id"]
    applications, offers = await w.open_all(), await w.open_stage()
    for opening, number, content in (
        (applications, 1, b"candidature"), (offers, 2, b"prix" * 5_000_000), (offers, 3, b""),
    ):  # fmt: skip
        path = f"/openings/{opening['opening_id']}/bids/{bid}/files/{number}"
        assert await w.call("GET", path, BUYER, expect=200) == content


@in_chromium
async def test_a_browser_refuses_another_key_set(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    async with page_of(w.h) as page:
        told = await deposited(page, w, "0" * 64)
    assert told["refused"].startswith("Les clés des officiers ne sont pas celles de l'avis publié")
    assert told["english"].endswith("do not deposit, tell the buyer.")


@in_chromium
async def test_the_workstation_page_checks_and_is_accessible(service_harness: HarnessFactory) -> None:
    from axe_playwright_python.async_playwright import Axe

    w = await world(service_harness)
    async with page_of(w.h, judged=True) as page:
        await page.wait_for_selector("#verdict[data-ready]")
        shown = await page.inner_text("#checks")
        assert await page.get_attribute("#verdict", "data-ready") == "true", shown
        assert "Mio/s" in shown
        found = (await Axe().run(page)).response
    assert found["passes"]
    assert [each["id"] for each in found["violations"]] == []


async def test_only_the_modules_are_served(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    for name in sorted(each.name for each in MODULES.iterdir() if each.suffix in {".mjs", ".html", ".css"}):
        async with w.h.client.get(f"/bids/v1/web/{name}") as answer:
            assert (answer.status, await answer.read()) == (200, (MODULES / name).read_bytes())
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for name in ("api.py", "..%2Fwiring.py", "%2e%2e", "absent.mjs"):
        async with w.h.client.get(f"/bids/v1/web/{name}") as answer:
            assert answer.status in {404, 422}
