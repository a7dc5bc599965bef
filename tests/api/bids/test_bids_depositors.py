"""Depositors are told of changes and answers; who they are stays with the services."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from libs.common.messages.notices import AnswerPublishedV1, NoticePublishedV1
from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, World, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
TYPE = "bids.depositor.informed.v1"


def answered(w: World) -> AnswerPublishedV1:
    return AnswerPublishedV1(
        aggregate_id=UUID(int=5),
        aggregate_version=2,
        organisation=BUYER,
        buyer=BUYER,
        procedure=w.procedure,
        occurred_at=w.h.clock.now(),
        question="?",
        answer="Oui.",
        published_at=w.h.clock.now(),
    )


async def test_each_company_whose_bid_stands_is_told_once_of_an_answer(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.h.deliver(answered(w))
    await w.deposit(ALPHA, [b"one"])
    w.h.clock.advance(timedelta(minutes=1))
    await w.deposit(ALPHA, [b"replaced"])
    await w.deposit(BETA, [b"two"])
    await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=201)
    await w.h.deliver(answered(w))
    await w.h.settle()
    [event] = w.h.events(TYPE)
    assert (event.organisation, event.procedure, event.buyer) == (ALPHA, w.procedure, None)
    assert event.data["reference"] == str(UUID(int=5))


async def test_nobody_reads_who_is_to_be_told(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"one"])
    changed = w.notice.model_copy(update={"kind": "change", "notice_id": UUID(int=6), "version": 1})
    published = NoticePublishedV1(
        aggregate_id=changed.notice_id,
        aggregate_version=1,
        organisation=BUYER,
        procedure=w.procedure,
        occurred_at=w.h.clock.now(),
        notice=changed,
    )
    await w.h.deliver(published)
    await w.h.settle()
    assert w.h.events(TYPE)
    for who in (None, BUYER, ALPHA):
        told = await w.call("GET", "/events?limit=100", who, expect=200)
        assert TYPE not in str(told)
