"""Signature requests in a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.errors import NotFound
from libs.common.grants import Scope
from libs.common.messages.base import DocumentReference
from libs.common.testing.harness import Harness, harness
from services.signature import store
from services.signature.domain import Action, Happening, PlannedStep, Request, State
from services.signature.pades import Prepared
from services.signature.wiring import SERVICE

BUYER = "SIRET:20006682500012"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DOCUMENT = DocumentReference(key="exchange/a", name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64)
CIRCUIT = (PlannedStep(Action.VISA, "director", "Directrice"), PlannedStep(Action.SIGNATURE, "mayor", "Maire"))


def request(at: datetime = NOW, **changes: object) -> Request:
    made = Request(
        uuid4(), BUYER, uuid4(), uuid4(), "Toiture", State.RECEIVED, 1, DOCUMENT, DOCUMENT, at,
        news=(Happening(at, "received"),),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def running(database_url: str) -> AsyncIterator[Harness]:
    async with harness(SERVICE, database_url) as h:
        yield h


async def test_a_request_reads_back_as_it_was_written(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        made = request()
        await store.add(uow.conn, made)
        opened = replace(made, news=()).opened(CIRCUIT, {"indication": "TOTAL_PASSED"}, NOW)
        await store.save(uow.conn, opened)
        assert await store.lock(uow.conn, made.request_id) == opened
        assert [item.event for item in await store.history(uow.conn, made.request_id)] == ["received", "opened"]
        with pytest.raises(NotFound):
            await store.get(uow.conn, uuid4())


async def test_a_subject_has_one_living_request(running: Harness) -> None:
    subject = uuid4()
    async with running.runtime.uow() as uow:
        first = request(subject_id=subject)
        await store.add(uow.conn, first)
        await store.save(uow.conn, replace(first, news=()).moved("superseded", NOW))
        await store.add(uow.conn, request(subject_id=subject))
    with pytest.raises(asyncpg.UniqueViolationError):
        async with running.runtime.uow() as uow:
            await store.add(uow.conn, request(subject_id=subject))


async def test_pages_follow_each_other_without_gap_or_repetition(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        for number in range(5):
            await store.add(uow.conn, request(NOW + timedelta(minutes=number // 2)))
        seen: list[UUID] = []
        before = None
        while found := await store.page(uow.conn, store.Filter(Scope(BUYER, None), before=before, limit=2)):
            seen += [item.request_id for item in found]
            before = (found[-1].created_at, found[-1].request_id)
        assert (len(seen), len(set(seen))) == (5, 5)
        assert await store.page(uow.conn, store.Filter(Scope("SIRET:21210231500018", None))) == []


async def test_two_persons_cannot_change_a_request_at_once(running: Harness) -> None:
    made = request()
    async with running.runtime.uow() as uow:
        await store.add(uow.conn, made)
    order: list[str] = []

    async def change(name: str, pause: float) -> None:
        async with running.runtime.uow() as uow:
            await store.lock(uow.conn, made.request_id)
            order.append(f"{name} in")
            await asyncio.sleep(pause)
            order.append(f"{name} out")

    await asyncio.gather(change("a", 0.1), change("b", 0.1))
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


async def test_the_last_preparation_of_a_person_counts(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        made = request()
        await store.add(uow.conn, made)
        await store.save(uow.conn, replace(made, news=()).opened(CIRCUIT, {}, NOW))
        for minute, person in enumerate(("mayor", "mayor", "other")):
            prepared = Prepared(b"", bytes([minute]) * 32, (1, 2), b"sign me", b"der", (b"above",), "sha256_rsa")
            item = store.Preparation(uuid4(), made.request_id, 2, person, "0" * 64, "signature/prepared/a", prepared)
            await store.add_preparation(uow.conn, item, NOW + timedelta(minutes=minute))
        last = await store.last_preparation(uow.conn, made.request_id, 2, "mayor")
        assert last is not None
        assert (last.prepared.digest, last.signature) == (b"\x01" * 32, None)
        await store.keep_signature(uow.conn, last.preparation_id, b"value")
        assert (await store.preparation(uow.conn, last.preparation_id)).signature == b"value"
        assert await store.last_preparation(uow.conn, made.request_id, 1, "mayor") is None


async def test_a_circuit_is_set_and_set_again(running: Harness) -> None:
    async with running.runtime.uow() as uow:
        assert await store.circuit(uow.conn, BUYER) is None
        first = await store.save_circuit(uow.conn, BUYER, CIRCUIT, by="director", at=NOW)
        second = await store.save_circuit(uow.conn, BUYER, CIRCUIT[1:], by="director", at=NOW)
        assert (first.version, second.version, second.steps) == (1, 2, CIRCUIT[1:])
        assert await store.circuit(uow.conn, BUYER) == second
