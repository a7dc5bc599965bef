"""A user of a company invited by mail, then revoked: in every service that serves companies, within a second."""

from __future__ import annotations

import asyncio
import re
import time
from statistics import median
from typing import Any

import aiohttp
import pytest

from deploy.local.platform import Options, platform

COMPANY, ELSEWHERE = "SIRET:44306184100047", "SIRET:55208131766522"
LISTS = ("/bids/v1/bids", "/notices/v1/questions", "/alerts/v1/searches")
ROUNDS = 3


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of its own: what others do on theirs would be measured too."""
    for name in ("HALLES_DATABASE_URL", "HALLES_AMQP_URL", "HALLES_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


async def bearer(client: aiohttp.ClientSession, sub: str, organisation: str) -> dict[str, str]:
    scheme, _, number = organisation.partition(":")
    wish = {"sub": sub, "orgs": [{"scheme": scheme, "id": number, "kind": "company"}]}
    async with client.post("/issuer/token", json=wish) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}", "Halles-Organisation": COMPANY}


async def join(client: aiohttp.ClientSession, boss: dict[str, str], clerk: dict[str, str], sent: int) -> dict[str, Any]:
    """Invite the clerk, who accepts with the token of the mail."""
    body = {"email": "metreur@entreprise.example"}
    async with client.post("/bids/v1/company/invitations", json=body, headers=boss) as answer:
        assert answer.status == 201, await answer.text()
    async with asyncio.timeout(30):
        while len(mails := await mailed(client)) <= sent:  # noqa: ASYNC110  # a mail server tells nobody
            await asyncio.sleep(0.05)
    token = re.search(r"/invitations/([\w-]+)/page", mails[-1]["text"])
    assert token is not None
    path = f"/bids/v1/invitations/{token[1]}/acceptance"
    async with client.post(path, headers={"Authorization": clerk["Authorization"]}) as answer:
        assert answer.status == 201, await answer.text()
        record: dict[str, Any] = await answer.json()
        return record


async def mailed(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get("/sandbox/mails") as answer:
        found: list[dict[str, Any]] = (await answer.json())["mails"]
        return found


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


async def test_a_user_of_a_company_who_is_revoked_is_out_of_every_service_within_a_second() -> None:
    options = Options(services=("notices", "bids", "alerts"))
    async with platform(options) as running, aiohttp.ClientSession(running.url) as client:
        boss, clerk = await bearer(client, "boss", COMPANY), await bearer(client, "clerk", ELSEWHERE)
        given, taken = [], []
        for sent in range(ROUNDS):
            record = await join(client, boss, clerk, sent)
            given += await asyncio.gather(*(seconds_until(client, path, clerk, 200) for path in LISTS))
            async with client.delete(f"/bids/v1/company/users/{record['record_id']}", headers=boss) as answer:
                assert answer.status == 204
            taken += await asyncio.gather(*(seconds_until(client, path, clerk, 403) for path in LISTS))
        told = {"given": given, "taken back": taken}
        assert {what: median(seconds) for what, seconds in told.items() if median(seconds) >= 1} == {}, told
        print(told)  # noqa: T201  # figures for docs
