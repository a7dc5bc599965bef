"""Answers kept for replay: readable by who was given them, not in the database; nobody else's key gives them."""

from __future__ import annotations

from libs.common.testing.plugin import HarnessFactory
from tests.api.security.security_world import SERVICES

PARTNER, OTHER = "SIRET:53210025400019", "SIRET:80881223400017"
HOOK = {"url": "https://9.9.9.9/hook"}


async def test_a_secret_told_once_is_not_left_in_the_database(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["alerts"])
    headers = h.headers(PARTNER, "partner") | {"Idempotency-Key": "one"}
    told = []
    for _ in range(2):
        async with h.client.post("/alerts/v1/webhooks", json=HOOK, headers=headers) as answer:
            assert answer.status == 201
            told.append(await answer.read())
            secret = (await answer.json())["secret"]
    assert told[0] == told[1]
    async with h.runtime.read() as conn:
        kept = await conn.fetchval("SELECT string_agg(encode(body, 'escape') || headers::text, '') FROM idempotency")
        assert await conn.fetchval("SELECT count(*) FROM endpoint") == 1
    assert secret not in kept
    assert "9.9.9.9" not in kept


async def test_the_key_of_somebody_else_gives_nothing_of_his(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["alerts"])
    ids = set()
    for organisation, subject in ((PARTNER, "a"), (OTHER, "a"), (PARTNER, "b")):
        headers = h.headers(organisation, "partner", sub=subject) | {"Idempotency-Key": "shared"}
        async with h.client.post("/alerts/v1/webhooks", json=HOOK, headers=headers) as answer:
            assert "Idempotency-Replayed" not in answer.headers
            ids.add((await answer.json())["webhook_id"])
    assert len(ids) == 3
    headers = h.headers(PARTNER, "company", sub="a") | {"Idempotency-Key": "shared"}
    async with h.client.post("/alerts/v1/webhooks", json=HOOK, headers=headers) as answer:
        assert answer.status == 403, "the answer of a partner is not replayed to a company of the same number"
