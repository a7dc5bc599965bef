"""What readers get of a published notice is written once, is what would be made for them, and is never stale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.service import representations
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(START))


async def published(h: Harness) -> UUID:
    draft = {
        "title": "Toit de l'école", "buyer": {"name": "Commune d'Arnay", "postal_code": "21230"}, "nature": "works",
        "cpv": ["45261000"], "value": "85000", "opening": KEYS, "documents_url": "https://exemple.fr/dce",
        "deadline": (START + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=draft, headers=headers) as answer:
        made = await answer.json()
    async with h.client.post(
        f"/notices/v1/notices/{made['notice_id']}/publication", headers=headers | {"If-Match": '"1"'}
    ) as answer:
        assert answer.status == 201, await answer.text()
    return UUID(made["notice_id"])


async def read(h: Harness, notice_id: UUID) -> tuple[bytes, str]:
    async with h.client.get(f"/notices/v1/notices/{notice_id}") as answer:
        assert answer.status == 200
        return await answer.read(), answer.headers["ETag"]


async def written(h: Harness) -> int:
    async with h.runtime.read() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM representation"))


async def test_what_was_written_is_what_would_be_made(h: Harness) -> None:
    notice_id = await published(h)
    assert await written(h) == 1
    before = await read(h, notice_id)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("DELETE FROM representation")
    assert await read(h, notice_id) == before


async def test_a_reader_who_has_it_gets_no_bytes(h: Harness) -> None:
    notice_id = await published(h)
    _, tag = await read(h, notice_id)
    for known, status in ((tag, 304), (f'"other", W/{tag}', 304), ("*", 304), ('"other"', 200)):
        async with h.client.get(f"/notices/v1/notices/{notice_id}", headers={"If-None-Match": known}) as answer:
            assert answer.status == status, known
            assert answer.headers["ETag"] == tag


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE notice SET content = content",
        (
            "INSERT INTO document (notice_id, name, version, key, media_type, size, sha256, stored_at)"
            " SELECT notice_id, 'plan.pdf', 1, 'notices/documents/x', 'application/pdf', 1, repeat('0', 64), now() FROM notice"
        ),
    ],
)
async def test_whatever_changes_the_notice_removes_it(h: Harness, change: str) -> None:
    notice_id = await published(h)
    async with h.runtime.uow() as uow:
        await uow.conn.execute(change)
    assert await written(h) == 0
    body, _ = await read(h, notice_id)
    assert (b"plan.pdf" in body) == ("document" in change)


async def test_another_release_writes_its_own(h: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [await published(h) for _ in range(3)]
    before = [await read(h, notice_id) for notice_id in ids]
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE representation SET form = 'of another release', body = 'stale'")
    assert [await read(h, notice_id) for notice_id in ids] == before, "nobody is given what another release wrote"
    monkeypatch.setattr(representations, "_BATCH", 2)
    rewriting = representations.Rewriting()
    for _ in range(3):
        await rewriting.step(h.runtime)
    async with h.runtime.read() as conn:
        forms = {row["form"] for row in await conn.fetch("SELECT form FROM representation")}
    assert forms == {representations.form()}
    assert [await read(h, notice_id) for notice_id in ids] == before
