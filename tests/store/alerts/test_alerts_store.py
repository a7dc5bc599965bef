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
from services.alerts.store import mails, searches
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import COMPANY, NOTICE, notice

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def keep(h: Harness, criteria: Criteria, organisation: str = COMPANY) -> UUID:
    async with h.runtime.uow() as uow:
        criteria_id = await searches.keep_criteria(uow.conn, criteria, NOW)
        search = Search(uuid4(), organisation, "x", criteria, "s", "s", NOW)
        await searches.add_search(uow.conn, search, criteria_id)
    return criteria_id


async def test_equal_criteria_saved_at_once_are_one_row_filed_once(h: Harness) -> None:
    criteria = Criteria(words=["toiture", "école"], cpv=["45"])
    found = await asyncio.gather(*(keep(h, criteria, f"SIRET:{number:014d}") for number in range(4)))
    assert len(set(found)) == 1
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM criteria") == 1
        assert await conn.fetchval("SELECT count(DISTINCT key) FROM anchor") == await conn.fetchval(
            "SELECT count(*) FROM anchor"
        )


async def test_candidates_are_those_filed_under_a_term_and_still_wanted(h: Harness) -> None:
    toit = await keep(h, Criteria(words=["toiture"]))
    await keep(h, Criteria(words=["piscine"]))
    anything = await keep(h, Criteria(value_min=1))
    async with h.runtime.uow() as uow:
        found = await searches.candidates(uow.conn, ["*", "w:toitur", "w:ecol"])
        assert {criteria_id for criteria_id, _ in found} == {toit, anything}
        await uow.conn.execute("DELETE FROM search WHERE criteria_id = $1", toit)
        found = await searches.candidates(uow.conn, ["*", "w:toitur", "w:ecol"])
        assert {criteria_id for criteria_id, _ in found} == {anything}


async def test_the_rarest_term_is_chosen_by_what_is_filed_already(h: Harness) -> None:
    for number in range(3):
        await keep(h, Criteria(words=["toiture"], departments=[f"0{number + 1}"]))
    await keep(h, Criteria(words=["toiture", "zinc"]))
    async with h.runtime.read() as conn:
        keys = {row["key"] for row in await conn.fetch("SELECT key FROM anchor")}
    assert "w:zinc" in keys


async def queue(h: Harness, criteria: UUID) -> list[mails.Queued]:
    async with h.runtime.uow() as uow:
        await searches.keep_notice(uow.conn, notice(), procedure=None, cpv=[], departments=[])
        await searches.keep_matches(uow.conn, notice(), {criteria: []}, NOW)
        return await mails.queue_alerts(uow.conn, [criteria], notice_id=NOTICE, procedure=None, subject="x", at=NOW)


async def test_two_workers_with_the_same_notice_queue_one_mail(h: Harness) -> None:
    criteria = await keep(h, Criteria(words=["toiture"]))
    found = await asyncio.gather(*(queue(h, criteria) for _ in range(4)))
    assert sum(map(len, found)) == 1


async def test_a_mail_is_closed_once(h: Harness) -> None:
    await keep(h, Criteria(words=["toiture"]))
    async with h.runtime.uow() as uow:
        await searches.set_contact(uow.conn, COMPANY, email="a@b.example", language="fr", at=NOW)
    queued = (await queue(h, await keep(h, Criteria(words=["toiture"]))))[0]
    assert queued.state is MailState.DUE
    async with h.runtime.uow() as uow:
        assert await mails.close(uow.conn, queued.mail_id, MailState.SENT, at=NOW) is not None
        assert await mails.close(uow.conn, queued.mail_id, MailState.FAILED) is None
