"""A search goes by the deadline that counts now, and a day is a day in Paris; the notice itself says what it said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
FIRST, LATER = "2027-01-11T23:30:00Z", "2027-01-25T11:00:00Z"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(START))


async def published(h: Harness) -> dict[str, Any]:
    draft = {
        "title": "Toit de l'école", "buyer": {"name": "Commune d'Arnay"}, "nature": "works", "cpv": ["45261000"],
        "value": "85000", "opening": KEYS, "documents_url": "https://exemple.fr/dce", "deadline": FIRST,
    }  # fmt: skip
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=draft, headers=headers) as answer:
        made: dict[str, Any] = await answer.json()
    path = f"/notices/v1/notices/{made['notice_id']}/publication"
    async with h.client.post(path, headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 201, await answer.text()
    return made


async def found(h: Harness, **asked: str) -> list[str]:
    async with h.client.get("/notices/v1/notices", params=asked) as answer:
        assert answer.status == 200, await answer.text()
        return [each["deadline"] for each in (await answer.json())["items"]]


async def test_a_deadline_put_off_is_the_one_searched_and_shown(h: Harness) -> None:
    made = await published(h)
    assert await found(h, deadline_after="2027-01-20") == []
    async with h.runtime.uow() as uow:
        await uow.conn.execute(
            "UPDATE procedure SET deadline = $2 WHERE procedure_id = $1",
            UUID(made["procedure_id"]),
            datetime.fromisoformat(LATER),
        )
    assert await found(h, deadline_after="2027-01-20") == [LATER]
    assert await found(h, deadline_before="2027-01-20") == []
    async with h.client.get(f"/notices/v1/notices/{made['notice_id']}") as answer:
        assert (await answer.json())["deadline"] == FIRST, "what was published stands as it was"
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM representation") == 1, "and need not be written again"


async def test_a_day_is_a_day_in_paris(h: Harness) -> None:
    await published(h)  # half past midnight of the 12th, in Paris
    assert await found(h, deadline_before="2027-01-11") == []
    assert await found(h, deadline_after="2027-01-12", deadline_before="2027-01-12") == [FIRST]
