"""The alerts' tables on PostgreSQL, many hands at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.domain import MailState, Search
from services.alerts.matching.criteria import Criteria
from services.alerts.people import store as people
from services.alerts.service import matching
from services.alerts.slots import MATCHING
from services.alerts.store import digests, mails, searches
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import BUYER, COMPANY, NOTICE, published

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    h = await service_harness(SERVICE)
    async with h.runtime.uow() as uow:
        await searches.set_contact(uow.conn, COMPANY, email="a@b.example", language="fr", at=NOW)
        await people.adopt(uow.conn, "a@b.example", "fr", NOW)
    return h


async def keep(h: Harness, criteria: Criteria, organisation: str = COMPANY) -> UUID:
    async with h.runtime.uow() as uow:
        criteria_id = await searches.keep_criteria(uow.conn, criteria, NOW)
        search = Search(uuid4(), organisation, "x", criteria, "s", "s", NOW)
        await searches.add_search(uow.conn, search, criteria_id)
    return criteria_id


async def test_equal_criteria_saved_at_once_are_one_row(h: Harness) -> None:
    criteria = Criteria(words=["toiture", "école"], cpv=["45"])
    found = await asyncio.gather(*(keep(h, criteria, f"SIRET:{number:014d}") for number in range(4)))
    assert len(set(found)) == 1
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM criteria") == 1


async def queue(h: Harness, criteria: UUID) -> None:
    async with h.runtime.uow() as uow:
        await matching.keep_notice(uow, published(None))
    await MATCHING.drain(h.runtime)
    async with h.runtime.uow() as uow:
        await digests.queue_alerts(uow.conn, [criteria], digests.Told(NOTICE, None, BUYER), "x", NOW)


async def claim(h: Harness, lease: UUID, seconds: float = 60) -> list[UUID]:
    async with h.runtime.uow() as uow:
        found = await mails.claim(uow.conn, now=NOW, most=10, lease=lease, seconds=seconds)
    return [each.mail.mail_id for each in found]


async def test_two_workers_with_the_same_notice_queue_one_mail(h: Harness) -> None:
    criteria = await keep(h, Criteria(words=["toiture"]))
    await asyncio.gather(*(queue(h, criteria) for _ in range(4)))
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM mail") == 1


async def test_a_mail_is_in_the_hands_of_one_worker_and_closed_by_it_alone(h: Harness) -> None:
    await queue(h, await keep(h, Criteria(words=["toiture"])))
    dead, heir = uuid4(), uuid4()
    (mail_id,) = await claim(h, dead, seconds=0)
    assert await claim(h, heir) == [mail_id], "its lease had ended"
    assert await claim(h, dead) == []
    sent = [mails.Ending(mail_id, MailState.SENT)]
    async with h.runtime.uow() as uow:
        assert await mails.close(uow.conn, sent, dead, NOW) == []
        assert [each.state for each in await mails.close(uow.conn, sent, heir, NOW)] == [MailState.SENT]
        assert await mails.close(uow.conn, sent, heir, NOW) == []
