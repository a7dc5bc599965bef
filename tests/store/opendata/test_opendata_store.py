"""The open data tables on PostgreSQL, many hands at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.opendata import store
from services.opendata.ocds.release import Identity
from services.opendata.wiring import SERVICE
from tests.unit.opendata.opendata_samples import BUYER, PROCEDURE

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OCID = f"ocds-halles-{PROCEDURE}"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def release(h: Harness) -> Identity:
    async with h.runtime.uow() as uow:
        identity = await store.next_identity(uow.conn, OCID, PROCEDURE, NOW)
        await asyncio.sleep(0.01)
        await store.save_release(
            uow.conn, identity, buyer=BUYER, body={"n": identity.sequence}, validated_with="own model"
        )
    return identity


async def test_releases_made_at_once_have_distinct_numbers_and_growing_dates(h: Harness) -> None:
    made = sorted(await asyncio.gather(*(release(h) for _ in range(8))), key=lambda identity: identity.sequence)
    assert [identity.sequence for identity in made] == list(range(1, 9))
    dates = [identity.date for identity in made]
    assert dates == sorted(set(dates))
    async with h.runtime.read() as conn:
        kept = await store.releases_of(conn, OCID)
    assert [release.body["n"] for release in kept] == list(range(1, 9))


async def test_a_release_that_is_not_committed_leaves_no_hole(h: Harness) -> None:
    async def fail() -> None:
        async with h.runtime.uow() as uow:
            await store.next_identity(uow.conn, OCID, PROCEDURE, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert (await release(h)).sequence == 1
