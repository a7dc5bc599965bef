"""Who reads slowly, or not at all, keeps nobody else from being served."""

from __future__ import annotations

import asyncio

from libs.common.testing.plugin import HarnessFactory
from tests.api.security.security_world import SERVICES
from tests.unit.opendata.opendata_samples import notified, published

MANY = """
    INSERT INTO contract
    SELECT (jsonb_populate_record(c, jsonb_build_object(
               'contract_id', gen_random_uuid(), 'uid', 'U' || n,
               'record', c.record || jsonb_build_object('objet', repeat('x', 40000))))).*
      FROM contract AS c, generate_series(1, 600) AS n
"""
READERS = 8  # more than the service has database connections


async def test_readers_of_the_open_data_file_who_stop_reading_hold_no_database_connection(
    service_harness: HarnessFactory,
) -> None:
    h = await service_harness(SERVICES["opendata"])
    await h.deliver(published(), notified())
    async with h.runtime.read() as conn:
        await conn.execute(MANY)
    base = h.client._base_url
    assert base is not None
    writers = []
    for _ in range(READERS):
        reader, writer = await asyncio.open_connection(base.host, base.port)
        writer.write(b"GET /opendata/v1/decp.json HTTP/1.1\r\nHost: halles\r\n\r\n")
        assert (await reader.readexactly(12)) == b"HTTP/1.1 200"
        writers.append(writer)
    await asyncio.sleep(0.5)  # their sockets fill up
    async with asyncio.timeout(10), h.client.get("/opendata/v1/contracts?limit=1") as answer:
        assert answer.status == 200
    for writer in writers:
        writer.transport.abort()


async def test_the_whole_file_is_given_whatever_its_length(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["opendata"])
    await h.deliver(published(), notified())
    async with h.runtime.read() as conn:
        await conn.execute(MANY.replace("40000", "4"))
    async with h.client.get("/opendata/v1/decp.json") as answer:
        assert len((await answer.json())["marches"]["marche"]) == 601
