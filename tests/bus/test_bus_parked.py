"""Parked messages through HTTP and the command line: for operators only, audited, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from libs.common.bus.parked import tool
from libs.common.bus.retry import PoisonMessageError
from libs.common.http import Routes
from libs.common.messages.legality import ActExemptedV1
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.databases import databases_on
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from libs.common.uow import Uow
from tests.bus.world import BUYER, exempted

OPERATOR = "SIRET:13002526500013"
CONSUMERS = Consumers("bids")
POISON: set[UUID] = set()


@CONSUMERS.on(ActExemptedV1, queue="legality")
async def _handle(uow: Uow, event: ActExemptedV1) -> None:
    if event.aggregate_id in POISON and event.aggregate_version == 1:
        raise PoisonMessageError
    await uow.conn.execute(
        "INSERT INTO effect (queue, key, place) VALUES ('q', $1, $2)", event.aggregate_id, event.aggregate_version
    )


SERVICE = Service("bids", Settings, Path(__file__).parent / "migrations", Routes("bids"), CONSUMERS)


@pytest.fixture
async def bids(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def park(harness: Harness, *places: int) -> UUID:
    """Have events of one poisonous aggregate parked, in this order."""
    key = uuid4()
    POISON.add(key)
    async with harness.bus.consume(harness.runtime):
        for place in places:
            await harness.bus.publish([exempted(key, place)])
    return key


async def ask(harness: Harness, method: str, path: str, kind: str = "operator", status: int = 200) -> Any:  # noqa: ANN401
    headers = harness.headers(OPERATOR if kind == "operator" else BUYER, kind)
    async with harness.client.request(method, f"/bids/v1/operations/parked{path}", headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if status != 204 else None


async def effects(harness: Harness, key: UUID) -> list[int]:
    async with harness.runtime.read() as conn:
        rows = await conn.fetch("SELECT place FROM effect WHERE key = $1 ORDER BY id", key)
    return [row["place"] for row in rows]


async def settled(harness: Harness, key: UUID, expected: list[int]) -> None:
    async with harness.bus.consume(harness.runtime):
        for _ in range(200):
            if await effects(harness, key) == expected:
                return
            await asyncio.sleep(0.05)
    pytest.fail(f"{await effects(harness, key)}, not {expected}")


async def test_operators_list_read_and_replay_in_order(bids: Harness) -> None:
    key = await park(bids, 1, 2, 3)
    page = await ask(bids, "GET", "?limit=2")
    assert [(item["reason"], item["state"]) for item in page["items"]] == [
        ("handler:PoisonMessageError", "parked"),
        ("behind", "parked"),
    ]
    rest = await ask(bids, "GET", f"?limit=2&cursor={page['next']}")
    assert [item["reason"] for item in rest["items"]] == ["behind"]
    assert rest["next"] is None
    first = page["items"][0]["id"]
    shown = await ask(bids, "GET", f"/{first}")
    assert json.loads(shown["body"])["subject"] == str(key)
    POISON.discard(key)
    assert await ask(bids, "POST", f"/{first}/replay") == {"messages": 3}
    await settled(bids, key, [1, 2, 3])
    assert (await ask(bids, "GET", ""))["items"] == []


async def test_a_discarded_message_is_kept_and_said_to_be(bids: Harness) -> None:
    key = await park(bids, 1, 2)
    first = (await ask(bids, "GET", ""))["items"][0]["id"]
    await ask(bids, "POST", f"/{first}/discard", status=204)
    await settled(bids, key, [2])
    kept = await ask(bids, "GET", "?state=discarded")
    assert [item["id"] for item in kept["items"]] == [first]
    await ask(bids, "POST", f"/{first}/discard", status=409)
    await ask(bids, "POST", f"/{first}/replay", status=409)
    async with bids.runtime.read() as conn:
        told = await conn.fetch("SELECT actor, action, subject FROM journal_pending WHERE action LIKE 'parked.%'")
    assert [tuple(row) for row in told] == [("test-person", "parked.message.discarded", f"bids.legality/{first}")]


@pytest.mark.parametrize("kind", ["buyer", "company", "partner", "state"])
async def test_nobody_but_operators_sees_or_does_anything(bids: Harness, kind: str) -> None:
    await park(bids, 1)
    for method, path in (("GET", ""), ("GET", "/1"), ("POST", "/1/replay"), ("POST", "/1/discard")):
        await ask(bids, method, path, kind=kind, status=403)
    async with bids.client.get("/bids/v1/operations/parked") as answer:
        assert answer.status == 401


async def test_an_unknown_message_is_not_found(bids: Harness) -> None:
    await ask(bids, "GET", "/999", status=404)
    await ask(bids, "POST", "/999/replay", status=404)
    await ask(bids, "GET", "?state=eaten", status=422)


def test_the_command_line_does_the_same(database_url: str, tmp_path: Path) -> None:
    """As `python -m services.bids parked ...` does it: each command opens and closes its own runtime."""

    async def scenario(address: str) -> str:
        async with opened(address, database_url, tmp_path) as runtime, runtime.uow() as uow:
            for place in (1, 2):
                row = ("bids.legality", "key", uuid4(), "legality.act.exempted.v1", f"{{{place}}}".encode())
                state = "INSERT INTO parked (queue, key, message_id, type, body, state, reason) VALUES ($1,$2,$3,$4,$5,"
                await uow.conn.execute(f"{state}'parked','{'handler:X' if place == 1 else 'behind'}')", *row)
        commands = tool(lambda: opened(address, database_url, tmp_path))
        run = CliRunner()
        listed = await asyncio.to_thread(run.invoke, commands, ["list"])
        lines = [json.loads(line) for line in listed.output.splitlines() if line.startswith("{")]
        assert [line["id"] for line in lines] == [1, 2]
        shown = await asyncio.to_thread(run.invoke, commands, ["show", "1"])
        assert '"body": "{1}"' in shown.output
        replayed = await asyncio.to_thread(run.invoke, commands, ["replay", "2"])
        assert "2 message(s) released" in replayed.output
        unsure = await asyncio.to_thread(run.invoke, commands, ["discard", "1"], "n\n")
        assert unsure.exit_code == 1
        discarded = await asyncio.to_thread(run.invoke, commands, ["discard", "1", "--yes"])
        assert "discarded" in discarded.output
        unknown = await asyncio.to_thread(run.invoke, commands, ["show", "77"])
        assert unknown.exit_code == 1
        return unknown.output

    async def on_its_database() -> str:
        async with databases_on(database_url).clone(SERVICE) as address:
            return await scenario(address)

    assert "No parked message 77." in asyncio.run(on_its_database())


@asynccontextmanager
async def opened(address: str, server: str, folder: Path) -> AsyncIterator[Runtime]:
    """Give the service on a database, as a command opens it."""
    settings = Settings(environment="test", database_url=server, database_urls={"bids": address}, data_dir=folder)
    async with open_runtime(SERVICE, settings) as runtime:
        yield runtime
