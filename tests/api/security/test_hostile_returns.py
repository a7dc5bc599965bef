"""Returns of the State made to keep the platform busy: kept as unreadable, soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from aiohttp import FormData

from libs.common.testing.plugin import HarnessFactory
from services.legality.actes.read import parse
from services.legality.actes.xml import HostileXmlError
from tests.api.security.security_world import SERVICES

STATE = "SIRET:17210001100019"
MANY_ATTRIBUTES = b"<a " + b" ".join(b'y%d="1"' % number for number in range(50_000)) + b"/>"


@pytest.mark.parametrize("content", [b"<a>" + b"<b/>" * 2_000_000 + b"</a>", MANY_ATTRIBUTES])
def test_a_message_of_too_many_parts_is_refused_before_it_is_read(content: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(HostileXmlError):
        parse(content)
    assert time.perf_counter() - began < 10


async def test_a_form_of_endless_empty_parts_is_refused(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["legality"])
    form = FormData()
    for number in range(600):
        form.add_field(f"f{number}", "")
    form.add_field("file", BytesIO(b"<a/>"), filename="a.xml")
    async with h.client.post("/legality/v1/returns", data=form, headers=h.headers(STATE, "state")) as answer:
        assert answer.status == 422, await answer.text()
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM state_return") == 0


async def test_a_slow_return_holds_no_transaction(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["legality"])
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"<a>"
        waiting.set()
        await go_on.wait()
        yield b"</a>"

    headers = h.headers(STATE, "state") | {"Content-Type": "application/xml"}
    sent = asyncio.create_task(h.client.post("/legality/v1/returns", data=slowly(), headers=headers))
    await waiting.wait()
    await asyncio.sleep(0.3)  # for the first bytes to be taken in
    async with h.runtime.read() as conn:
        held = await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
    go_on.set()
    async with await sent as answer:
        assert answer.status == 201, await answer.text()
    assert held == 0
