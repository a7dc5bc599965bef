"""The file of a company: from its SIRET alone, official and declared parts told apart, versions, export, erasure."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.bids.wiring import SERVICE

COMPANY, RIVAL, FOREIGN = "SIRET:44306184100047", "SIRET:55208131766522", "TVA:BE0403170701"
OFFICIAL: dict[str, Any] = {
    "name": "ENTREPRISE OUCHE", "legal_form": "SAS",
    "turnover": [{"year": 2025, "amount": {"amount": "1200000.00", "currency": "EUR"}}],
    "certificates": [{"kind": "tax", "issuer": "DGFiP", "issued_on": "2026-01-05", "valid_until": "2026-12-31"}],
}  # fmt: skip
DECLARED: dict[str, Any] = {
    "name": "Ouche", "size": "small",
    "references": [{"title": "Réseau d'eau", "client": "Commune de Bligny", "year": 2024}],
    "certificates": [{"kind": "qualification", "issuer": "Qualibat", "issued_on": "2025-05-01"}],
}  # fmt: skip


class Provider:
    """A provider of company data, over real HTTP."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.status = 200
        self.body: Any = OFFICIAL

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"]
        self.asked.append((request.match_info["siret"], token, request.query["recipient"]))
        return web.json_response(self.body, status=self.status)


@asynccontextmanager
async def provided(service_harness: HarnessFactory) -> AsyncIterator[tuple[Harness, Provider]]:
    provider, application = Provider(), web.Application()
    application.router.add_get("/companies/{siret}", provider.answer)
    async with TestServer(application) as server:
        url = str(server.make_url(""))
        settings = {"company_data_url": url, "company_data_token": "jeton", "company_data_recipient": "20003945800017"}
        yield await service_harness(SERVICE, settings=settings), provider


async def call(h: Harness, method: str, path: str, who: str = COMPANY, *, expect: int = 200, json: Any = None) -> Any:
    async with h.client.request(method, f"/bids/v1{path}", headers=h.headers(who, "company"), json=json) as answer:
        text = await answer.text()
        assert answer.status == expect, text
        return await answer.json() if text else None


async def test_a_file_is_filled_from_the_siret_alone_and_says_who_said_what(service_harness: HarnessFactory) -> None:
    async with provided(service_harness) as (h, provider):
        await call(h, "GET", "/company", expect=404)
        first = await call(h, "POST", "/company/refresh")
        assert provider.asked == [(COMPANY.removeprefix("SIRET:"), "Bearer jeton", "20003945800017")]
        assert first["used"]["name"] == "ENTREPRISE OUCHE"
        assert first["origins"]["turnover"][0]["provider"] == "API Entreprise"
        second = await call(h, "PUT", "/company", json=DECLARED)
        assert second["version"] == 2
        assert second["used"]["name"] == "ENTREPRISE OUCHE", "official data stand before what is declared"
        assert second["declared"]["name"] == "Ouche"
        assert second["used"]["size"] == "small"
        assert [each["source"] for each in second["origins"]["certificates"]] == ["provider", "declared"]
        assert [each["kind"] for each in second["used"]["certificates"]] == ["tax", "qualification"]


async def test_all_that_is_kept_is_exported_by_pages_and_erased(service_harness: HarnessFactory) -> None:
    async with provided(service_harness) as (h, _):
        for size in ("micro", "small", "medium"):
            await call(h, "PUT", "/company", json={"size": size})
        page = await call(h, "GET", "/company/versions?limit=2")
        assert [each["version"] for each in page["items"]] == [3, 2]
        rest = await call(h, "GET", f"/company/versions?cursor={page['next']}")
        assert [(each["version"], each["used"]["size"]) for each in rest["items"]] == [(1, "micro")]
        await call(h, "GET", "/company", RIVAL, expect=404)
        await call(h, "DELETE", "/company", RIVAL, expect=204)
        assert (await call(h, "GET", "/company"))["version"] == 3
        await call(h, "DELETE", "/company", expect=204)
        assert (await call(h, "GET", "/company/versions"))["items"] == []


@pytest.mark.parametrize(
    ("status", "body", "expect"),
    [(404, {}, 404), (500, {}, 503), (302, {}, 503), (200, {"turnover": "beaucoup"}, 503), (200, [], 503)],
)
async def test_a_provider_that_fails_changes_nothing(
    service_harness: HarnessFactory, status: int, body: Any, expect: int
) -> None:
    async with provided(service_harness) as (h, provider):
        await call(h, "PUT", "/company", json=DECLARED)
        provider.status, provider.body = status, body
        await call(h, "POST", "/company/refresh", expect=expect)
        assert (await call(h, "GET", "/company"))["version"] == 1


async def test_foreign_companies_declare_and_buyers_have_no_file(service_harness: HarnessFactory) -> None:
    async with provided(service_harness) as (h, provider):
        await call(h, "POST", "/company/refresh", FOREIGN, expect=422)
        assert provider.asked == []
        made = await call(h, "PUT", "/company", FOREIGN, json={"name": "Bouwbedrijf NV"})
        assert made["company"] == FOREIGN
        async with h.client.get("/bids/v1/company", headers=h.headers(COMPANY, "buyer")) as answer:
            assert answer.status == 403
        for wrong in ({"name": ""}, {"turnover": [{"year": 2025}]}, {"vat_number": "x"}, {"unknown": 1}):
            await call(h, "PUT", "/company", json=wrong, expect=422)


async def test_without_a_provider_one_is_told_to_declare(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    problem = await call(h, "POST", "/company/refresh", expect=409)
    assert "remplissez le dossier vous-même" in problem["detail"]
