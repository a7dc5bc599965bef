"""The journal of evidence: facts leave with what they tell, batches form a chain, stamps come now or later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.common.testing.plugin import HarnessFactory
from services.bids import evidence
from services.bids.evidence import Fact, FactKind, store
from services.bids.evidence.chain import verify_chain
from services.bids.evidence.journal import Journal, close_batch, stamp_left
from services.bids.evidence.proof import Proof, ProofError, prove, verify_proof
from tests.api.bids.bids_world import ROOTS, AbsentAuthority, World, world


async def record(w: World, kind: FactKind = FactKind.UPLOAD_STARTED, **content: object) -> UUID:
    async with w.h.runtime.uow() as uow:
        return await evidence.record(uow.conn, Fact(w.procedure, uuid4(), kind, uow.now(), content))


async def proof(w: World, fact: UUID) -> Proof:
    async with w.h.runtime.read() as conn:
        found = await store.find(conn, fact)
        assert found is not None
        assert found.batch is not None
        return prove(found, (await store.batches(conn, [found.batch]))[found.batch])


async def test_a_fact_is_proved_at_once_offline(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    facts = await asyncio.gather(*(record(w, offset=n) for n in range(20)))
    journal = w.h.runtime.port(Journal)
    assert all(await asyncio.gather(*(journal.wait(each, 5) for each in facts)))
    for number, fact in enumerate(facts):
        told = await proof(w, fact)
        assert told.fact.content == {"offset": number}
        assert verify_proof(Proof.model_validate_json(told.model_dump_json()), ROOTS) == w.h.clock.now()


async def test_what_is_altered_or_swapped_is_refused_with_its_reason(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    first, second = await record(w, offset=1), await record(w, offset=2)
    assert await w.h.runtime.port(Journal).wait(second, 5)
    assert await w.h.runtime.port(Journal).wait(first, 5)
    told, other = await proof(w, first), await proof(w, second)
    later = told.fact.model_copy(update={"at": told.fact.at + timedelta(seconds=1)})
    for change in (
        {"fact": later},
        {"fact": other.fact},
        {"fact": told.fact.model_copy(update={"content": {"offset": 3}})},
        {"previous": "ab" * 32},
        {"path": ("ab" * 32, *told.path[1:])},
    ):
        with pytest.raises(ProofError, match="altered"):
            verify_proof(told.model_copy(update=change), ROOTS)
    with pytest.raises(ProofError, match="pending"):
        verify_proof(told.model_copy(update={"token": None}), ROOTS)
    with pytest.raises(ProofError, match="time stamp is not valid"):
        verify_proof(told.model_copy(update={"token": "AAAA"}), ROOTS)
    with pytest.raises(ProofError, match="time stamp is not valid"):
        verify_proof(told, ())


async def test_a_fact_whose_transaction_fails_is_no_fact(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    lost: list[UUID] = []

    async def fail() -> None:
        async with w.h.runtime.uow() as uow:
            lost.append(await evidence.record(uow.conn, Fact(w.procedure, None, FactKind.INCIDENT, uow.now())))
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError, match="given up"):
        await fail()
    async with w.h.runtime.read() as conn:
        assert await store.find(conn, lost[0]) is None
        with pytest.raises(ValueError, match="not a fact"):
            await evidence.record(conn, Fact(None, None, FactKind.INCIDENT, w.h.clock.now(), {"size": 2**60}))


async def test_without_any_authority_facts_are_chained_and_stamped_later(service_harness: HarnessFactory) -> None:
    authority: list[AbsentAuthority] = []

    def absent(clock: object) -> AbsentAuthority:
        authority.append(AbsentAuthority(clock))  # type: ignore[arg-type]
        return authority[0]

    w = await world(service_harness, tsa=absent)
    facts = [await record(w, offset=n) for n in range(3)]
    assert not await w.h.runtime.port(Journal).wait(facts[-1], 0.6)
    told = await proof(w, facts[-1])
    with pytest.raises(ProofError, match="pending"):
        verify_proof(told, ROOTS)
    async with w.h.runtime.database.acquire() as conn:
        await conn.execute("UPDATE evidence_batch SET recorded_at = recorded_at - interval '1 minute'")
    assert await stamp_left(w.h.runtime) > 0
    authority[0].away = False
    assert await stamp_left(w.h.runtime) == 0
    for fact in facts:
        assert verify_proof(await proof(w, fact), ROOTS) == w.h.clock.now()


async def chained(w: World) -> list[UUID]:
    """Record facts from many hands at once, and close batches from several."""
    facts = [fact for _ in range(3) for fact in await asyncio.gather(*(record(w, offset=n) for n in range(6)))]

    async def close() -> None:
        async with w.h.runtime.read() as conn:
            await close_batch(conn, w.h.clock.now())

    await asyncio.gather(*(close() for _ in range(4)))
    assert all([await in_batch(w, each) for each in facts])
    return facts


async def in_batch(w: World, fact: UUID) -> bool:
    async with w.h.runtime.read() as conn:
        found = await store.find(conn, fact)
        return found is not None and found.batch is not None


async def test_the_chain_has_one_order_whoever_closes_its_batches(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    facts = await chained(w)
    async with w.h.runtime.read() as conn:
        verdict = await verify_chain(conn, ROOTS)
        noted = await conn.fetchval("SELECT encode(head, 'hex') FROM evidence_batch WHERE number = 1")
        assert (await verify_chain(conn, ROOTS, noted=noted)).fault is None
        assert (await verify_chain(conn, ROOTS, noted="ab" * 32)).fault == "the head given is not in the chain"
    assert verdict.fault is None
    assert verdict.facts >= len(facts)


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("UPDATE evidence_fact SET content = '{}' WHERE id = $1", "a fact was changed"),
        ("UPDATE evidence_fact SET at = at + interval '1 second' WHERE id = $1", "a fact was changed"),
        ("DELETE FROM evidence_fact WHERE id = $1", "taken out"),
        ("UPDATE evidence_batch SET seed = decode(repeat('00', 32), 'hex') WHERE $1::uuid IS NOT NULL", "a fact was"),
        ("UPDATE evidence_batch SET head = root WHERE number = 1 AND $1::uuid IS NOT NULL", "its head"),
        ("UPDATE evidence_head SET number = number + 1 WHERE $1::uuid IS NOT NULL", "cut off"),
    ],
)
async def test_whatever_is_tampered_with_in_the_database_is_found(
    service_harness: HarnessFactory, tampering: str, fault: str
) -> None:
    w = await world(service_harness)
    fact = await record(w, offset=1)
    assert await w.h.runtime.port(Journal).wait(fact, 5)
    async with w.h.runtime.read() as conn:
        await conn.execute(tampering, fact)
        verdict = await verify_chain(conn, ROOTS)
    assert fault in str(verdict.fault)
