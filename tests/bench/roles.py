"""`make bench-roles`: what asking for the caller's role costs a request, by the processor's time of the process.

One JSON object a line: name, unit, ours, baseline, ratio, target, met; the baseline of a question is a bare round trip (`SELECT 1`)
on the same connection, in turn with it; that of the last line is a whole request, client and server in one process.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import click

from libs.common.actor import Actor, OrganisationKind
from libs.common.grants import Permission
from libs.common.grants.known import KnownMemberships, readable, require
from libs.common.testing.databases import drop_databases
from libs.common.testing.harness import Harness, harness
from services.opendata.wiring import SERVICE

BUYERS = 3500
ROUNDS = 20
"""Turns, whose median counts."""
PROCEDURE = UUID(int=1)
_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
_FILL = """
INSERT INTO granted_role (record_id, organisation, person, role, procedure_id, valid_from, version)
SELECT gen_random_uuid(), 'SIRET:' || lpad((n % $2)::text, 14, '0'), 'person-' || n % 20000,
       (ARRAY['reader', 'writer', 'publisher', 'evaluator'])[1 + n % 4], CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, $3, 1
  FROM generate_series(1, $1) AS n
"""
_SHARE = """
INSERT INTO known_joint_purchase (joint_id, coordinator, members, procedures, version)
SELECT gen_random_uuid(), 'SIRET:' || lpad(n::text, 14, '0'),
       ARRAY(SELECT 'SIRET:' || lpad(((n + m) % $1)::text, 14, '0') FROM generate_series(1, 30) AS m),
       ARRAY[CASE WHEN n = 1 THEN $2 ELSE gen_random_uuid() END], 1
  FROM generate_series(1, 500) AS n
"""
Question = Callable[[], Awaitable[object]]


@click.command(epilog="Example: python -m tests.bench.roles --records 100000")
@click.option("--records", default=100_000, show_default=True, help="Roles recorded.")
@click.option("--calls", default=100, show_default=True, help="Calls a turn.")
def main(records: int, calls: int) -> None:
    """Measure it."""
    address = os.environ.get("HALLES_DATABASE_URL", _DATABASE)
    try:
        asyncio.run(_measure(address, records, calls))
    finally:
        asyncio.run(drop_databases(address))


async def _measure(address: str, records: int, calls: int) -> None:
    async with harness(SERVICE, address) as h:
        now, person = h.clock.now(), f"person-{8}"
        async with h.runtime.read() as conn:
            await conn.execute(_FILL, records, BUYERS, now - timedelta(days=1))
            await conn.execute(_SHARE, BUYERS, PROCEDURE)
            await conn.execute("ANALYZE granted_role, known_joint_purchase")
            for name, question in _questions(h, conn, person, now).items():
                await _compare(name, "µs of processor", question, lambda: conn.fetchval("SELECT 1"), calls)
        await _requests(h, person, calls)


def _questions(h: Harness, conn: asyncpg.Connection, person: str, now: datetime) -> dict[str, Question]:
    """Give the questions that a request asks."""
    own = Actor(person, "", _buyer(8), OrganisationKind.BUYER)
    member = Actor(person, "", _buyer(8), OrganisationKind.BUYER)
    known = KnownMemberships(h.runtime)
    return {
        "a role in one's own buyer": lambda: require(conn, own, _buyer(8), uuid4(), Permission.READ, now),
        "as a member of a joint purchase": lambda: require(conn, member, _buyer(1), PROCEDURE, Permission.READ, now),
        "what a list shows": lambda: readable(conn, own, now),
        "acting for a buyer that the token does not name": lambda: known.is_member(person, _buyer(8)),
    }


def _buyer(number: int) -> str:
    return f"SIRET:{number:014}"


async def _requests(h: Harness, person: str, calls: int) -> None:
    """Say which part of a whole request, its client included, the question is."""
    headers, actor = h.headers(_buyer(8), sub=person), Actor(person, "", _buyer(8), OrganisationKind.BUYER)

    async def get() -> None:
        async with h.client.get("/opendata/v1/contracts/pending", headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise click.ClickException(f"{answer.status}")

    async def ask() -> None:
        async with h.runtime.read() as conn:
            await readable(conn, actor, h.clock.now())

    await _compare("the question's part of a request for a list", "µs of processor", ask, get, calls)


async def _compare(name: str, unit: str, ours: Question, baseline: Question, calls: int) -> None:
    turns = [(await _cost(ours, calls), await _cost(baseline, calls)) for _ in range(ROUNDS)]
    found, base = (statistics.median(column) for column in zip(*turns, strict=True))
    line = {"name": name, "unit": unit, "ours": round(found), "baseline": round(base), "ratio": round(found / base, 2),
            "target": None, "met": None}  # fmt: skip
    click.echo(json.dumps(line, ensure_ascii=False))


async def _cost(question: Question, calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        await question()
    return (time.process_time() - began) / calls * 1e6


if __name__ == "__main__":
    main()
