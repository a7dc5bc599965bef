"""`Idempotency-Key`: an operation asked twice is done once."""

from __future__ import annotations

import asyncio

import pytest

from libs.common.http import idempotency
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE
from tests.api.common.test_http_routes import BUYER, OTHER, notes, problem_of

KEY = {"Idempotency-Key": "3f1c-une-cle"}


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def test_the_same_request_again_gets_the_same_bytes_and_does_nothing(h: Harness) -> None:
    headers = h.headers(BUYER) | KEY
    answers = []
    for _ in range(3):
        async with h.client.post("/sample/v1/notes", json={"title": "Une"}, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in ("ETag", "Location", "Content-Type")}
            answers.append((answer.status, await answer.read(), kept))
            replayed = answer.headers.get("Idempotency-Replayed")
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 201
    assert replayed == "true"
    assert await notes(h) == 1
    await h.settle()
    assert len(h.events()) == 1


async def test_the_same_key_with_another_body_is_refused(h: Harness) -> None:
    headers = h.headers(BUYER) | KEY
    async with h.client.post("/sample/v1/notes", json={"title": "Une"}, headers=headers) as answer:
        assert answer.status == 201
    async with h.client.post("/sample/v1/notes", json={"title": "Deux"}, headers=headers) as answer:
        await problem_of(answer, 422, "idempotency-key-reused")
    assert await notes(h) == 1


async def test_the_same_key_of_another_organisation_is_another_key(h: Harness) -> None:
    for organisation in (BUYER, OTHER):
        headers = h.headers(organisation) | KEY
        async with h.client.post("/sample/v1/notes", json={"title": "Une"}, headers=headers) as answer:
            assert answer.status == 201
            assert "Idempotency-Replayed" not in answer.headers
    assert await notes(h) == 2


async def test_a_request_still_in_progress_is_not_done_a_second_time(h: Harness) -> None:
    headers = h.headers(BUYER) | KEY

    async def post() -> int:
        async with h.client.post("/sample/v1/notes", json={"title": "attends"}, headers=headers) as answer:
            return answer.status

    assert sorted(await asyncio.gather(*(post() for _ in range(4)))) == [201, 409, 409, 409]
    assert await notes(h) == 1


async def test_a_refused_request_keeps_no_answer(h: Harness) -> None:
    headers = h.headers(BUYER) | KEY
    async with h.client.post("/sample/v1/notes", json={"title": ""}, headers=headers) as answer:
        assert answer.status == 422
    async with h.client.post("/sample/v1/notes", json={"title": "Bonne"}, headers=headers) as answer:
        assert answer.status == 201


async def test_the_bytes_of_a_document_count_as_the_body(h: Harness) -> None:
    headers = KEY | {"Content-Type": "application/xml"}
    for body, status in ((b"<a/>", 200), (b"<a/>", 200), (b"<b/>", 422)):
        async with h.client.post("/sample/v1/checks", data=body, headers=headers) as answer:
            assert answer.status == status


@pytest.mark.parametrize("key", ["", "x" * 129, "clé"])
async def test_an_unusable_key_is_refused(h: Harness, key: str) -> None:
    headers = h.headers(BUYER) | {"Idempotency-Key": key}
    async with h.client.post("/sample/v1/notes", json={"title": "Une"}, headers=headers) as answer:
        told = await problem_of(answer, 422, "invalid-input")
        assert told["errors"][0]["where"] == "header/Idempotency-Key"
    assert await notes(h) == 0


async def test_kept_answers_are_forgotten_after_two_days(h: Harness) -> None:
    headers = h.headers(BUYER) | KEY
    async with h.client.post("/sample/v1/notes", json={"title": "Une"}, headers=headers) as answer:
        assert answer.status == 201
    async with h.runtime.read() as conn:
        assert await idempotency.forget_old(conn) == 0
        await conn.execute("UPDATE idempotency SET kept_at = kept_at - INTERVAL '49 hours'")
        assert await idempotency.forget_old(conn) == 1
