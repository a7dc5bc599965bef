"""A role given or taken back in notices holds, or is over, in every service within a second: the real relay, inbox and HTTP."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import aiohttp
import pytest

from deploy.local.platform import Options, platform

COMMUNE, SYNDICATE = "SIRET:21210001200013", "SIRET:25210001200010"
SERVICES = ("notices", "bids", "signature", "legality", "opendata")
LISTS = ("/bids/v1/contracts", "/signature/v1/requests", "/legality/v1/acts", "/opendata/v1/contracts/pending")
ROUNDS = 5


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of its own: what others do on theirs would be measured too."""
    for name in ("HALLES_DATABASE_URL", "HALLES_AMQP_URL", "HALLES_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


async def bearer(client: aiohttp.ClientSession, sub: str, organisation: str) -> dict[str, str]:
    scheme, _, number = organisation.partition(":")
    wish = {"sub": sub, "orgs": [{"scheme": scheme, "id": number, "kind": "buyer"}]}
    async with client.post("/issuer/token", json=wish) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}", "Halles-Organisation": COMMUNE}


async def grant(client: aiohttp.ClientSession, mayor: dict[str, str]) -> dict[str, Any]:
    body = {"person": "secretary", "role": "reader"}
    async with client.post("/notices/v1/roles", json=body, headers=mayor) as answer:
        assert answer.status == 201, await answer.text()
        record: dict[str, Any] = await answer.json()
        return record


async def seconds_until(client: aiohttp.ClientSession, path: str, headers: dict[str, str], status: int) -> float:
    """Ask until the answer is the one expected; give how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        while True:
            async with client.get(path, headers=headers) as answer:
                assert answer.status in {200, 403}, await answer.text()
                if answer.status == status:
                    return time.monotonic() - began
            await asyncio.sleep(0.01)


async def test_a_role_taken_back_is_over_in_every_service_within_a_second() -> None:
    async with platform(Options(services=SERVICES)) as running, aiohttp.ClientSession(running.url) as client:
        mayor = await bearer(client, "mayor", COMMUNE)
        secretary = await bearer(client, "secretary", SYNDICATE)
        given, taken = [], []
        for _ in range(ROUNDS):
            record = await grant(client, mayor)
            given += await asyncio.gather(*(seconds_until(client, path, secretary, 200) for path in LISTS))
            async with client.delete(f"/notices/v1/roles/{record['record_id']}", headers=mayor) as answer:
                assert answer.status == 204
            taken += await asyncio.gather(*(seconds_until(client, path, secretary, 403) for path in LISTS))
        told = {"given": given, "taken back": taken}
        assert {what: median(seconds) for what, seconds in told.items() if median(seconds) >= 1} == {}, told
        await _delegate(client, mayor)


async def _delegate(client: aiohttp.ClientSession, mayor: dict[str, str]) -> None:
    """Let somebody stand in from now on: by a clock that goes on, now is past a moment later."""
    async with client.get("/notices/v1/me", headers=mayor) as answer:
        own = next(each for each in (await answer.json())["roles"] if each["role"] == "signatory")
    path, until = f"/notices/v1/roles/{own['record_id']}/delegation", datetime.now(UTC) + timedelta(days=7)
    body = {"person": "deputy", "valid_until": until.isoformat()}
    async with client.post(path, json=body, headers=mayor) as answer:
        assert answer.status == 201, await answer.text()
