"""Acts, numbers and returns in a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import asyncpg
import pytest

from libs.common.grants import Scope
from libs.common.messages.base import DocumentReference
from libs.common.testing.harness import Harness, harness
from services.legality import store
from services.legality.domain import Act, ActPiece, Exemption, Happening, State
from services.legality.wiring import SERVICE

BUYER = "SIRET:20006682500012"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DOCUMENT = DocumentReference(key="exchange/a", name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64)


def act(**changes: object) -> Act:
    made = Act(
        act_id=uuid4(), organisation=BUYER, procedure=uuid4(), subject_id=uuid4(), state=State.PREPARED, version=1,
        siren="200066825", number="M202600001", object="Toiture", decided_on=NOW.date(), signed_at=NOW,
        buyer_name="CC d'Essai", buyer_department="21", grounds="seuil", pieces=(ActPiece("11_AE", DOCUMENT),),
        created_at=NOW, news=(Happening(NOW, "prepared"),),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def running(database_url: str) -> AsyncIterator[Harness]:
    async with harness(SERVICE, database_url) as h:
        yield h


async def test_an_act_reads_back_as_it_was_written(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        made = act()
        await store.add_act(uow.conn, made)
        changed = replace(
            replace(made, news=()).moved("packaged", NOW, "fait"),
            archive=DOCUMENT, envelope="TACT--200066825--20260302-1.xml", act_identifier="021-x", validated_with="xsd",
        )  # fmt: skip
        await store.save(uow.conn, changed)
        assert await store.lock(uow.conn, made.act_id) == changed
        assert [item.event for item in await store.history(uow.conn, made.act_id)] == ["prepared", "packaged"]
        assert await store.find(uow.conn, "identifier", "021-x") == made.act_id
        assert await store.find(uow.conn, "envelope", changed.envelope) == made.act_id
        assert await store.find(uow.conn, "subject", uuid4()) is None


async def test_numbers_have_no_gap_whatever_is_rolled_back_and_whoever_comes_at_once(running: Harness) -> None:
    taken: list[int] = []

    async def number(fail: bool) -> None:
        with suppress(RuntimeError):
            async with running.runtime.uow() as uow:
                given = await store.next_number(uow.conn, "200066825", 2026)
                await asyncio.sleep(0.01)
                if fail:
                    raise RuntimeError
                taken.append(given)

    await asyncio.gather(*(number(fail=index % 3 == 0) for index in range(18)))
    assert sorted(taken) == list(range(1, 13))
    async with running.runtime.uow() as uow:
        assert await store.next_number(uow.conn, "200066825", 2027) == 1
        assert await store.next_number(uow.conn, "212102313", 2026) == 1


async def test_two_acts_never_share_a_number_or_a_contract(running: Harness) -> None:
    first = act()
    async with running.runtime.uow() as uow:
        await store.add_act(uow.conn, first)
    for twin in (act(), act(number="M202600002", subject_id=first.subject_id)):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with running.runtime.uow() as uow:
                await store.add_act(uow.conn, twin)


async def test_an_anomaly_finds_its_act_by_what_it_says_of_it(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        made, twin = act(), act(siren="212102313")
        await store.add_act(uow.conn, made)
        await store.add_act(uow.conn, twin)
        day = NOW.date()
        found = await store.acts_by_parts(uow.conn, number="M202600001", decided_on=day, siren="200066825", nature=4)
        assert found == [made.act_id]
        doubtful = await store.acts_by_parts(uow.conn, number="M202600001", decided_on=day, siren=None, nature=None)
        assert len(doubtful) == 2


async def test_a_return_is_kept_once(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        first, second = uuid4(), uuid4()
        assert await store.add_return(uow.conn, first, DOCUMENT, NOW)
        assert not await store.add_return(uow.conn, second, DOCUMENT, NOW)
        assert await store.return_of_content(uow.conn, DOCUMENT.sha256) == first


async def test_an_exemption_is_kept_once_a_contract(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        made = Exemption(uuid4(), BUYER, None, uuid4(), "sous le seuil", NOW)
        assert await store.add_exemption(uow.conn, made)
        assert not await store.add_exemption(uow.conn, replace(made, exemption_id=uuid4()))
        assert await store.exemptions(uow.conn, store.Filter(Scope(BUYER, None), subject_id=made.subject_id)) == [made]


async def test_the_classification_kept_is_the_latest(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        assert await store.classification(uow.conn, "200066825") is None
        for day in (date(2026, 1, 5), date(2025, 1, 1)):
            await store.save_classification(uow.conn, "200066825", day, NOW)
        assert await store.classification(uow.conn, "200066825") == date(2026, 1, 5)
