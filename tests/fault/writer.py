"""The writers: transactions of several aggregates each, some of them undone, through the real unit of work."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import asyncpg
import click

from libs.common.messages.base import Event
from libs.common.messages.legality import ActExemptedV1
from libs.common.messages.opendata import ContractDataPublishedV1
from libs.common.runtime import open_runtime
from libs.common.stop import pause, run_process

if TYPE_CHECKING:
    from libs.common.runtime import Runtime
    from libs.common.service import Service
    from libs.common.uow import Uow

BUYER = "SIRET:21210231500018"
SPACE = UUID("7d3c1f60-3f5e-4a43-9a39-0d2b2f6f7a11")
UNDONE = 0.08  # share of the transactions that are rolled back
SLOW = 0.05  # share of those that commit late
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class UndoneError(Exception):
    """The use case failed after it had emitted."""


def key_of(number: int) -> UUID:
    """Give the aggregate of a number."""
    return uuid5(SPACE, str(number))


@click.command("write")
@click.option("--keys", type=int, required=True, help="Aggregates.")
@click.option("--rate", type=float, required=True, help="Transactions a second.")
@click.option("--seed", type=int, required=True)
@click.option("--notes", type=click.Path(path_type=Path), required=True, help="Folder of what was committed or undone.")
@click.pass_obj
def write_command(service: Service, keys: int, rate: float, seed: int, notes: Path) -> None:
    """Commit changes until told to stop."""

    async def write(stop: asyncio.Event) -> None:
        chance = random.Random(f"{seed} {os.getpid()}")
        async with open_runtime(service, service.settings()) as runtime:
            with (notes / f"{os.getpid()}.notes").open("a", buffering=1) as file:
                writer = Writer(runtime, chance, keys)
                while not stop.is_set():
                    await asyncio.gather(*(writer.turn(file.write) for _ in range(4)))
                    await pause(stop, 4 / rate)

    asyncio.run(run_process(write))


class Writer:
    """One process that writes."""

    def __init__(self, runtime: Runtime, chance: random.Random, keys: int) -> None:
        self._runtime = runtime
        self._chance = chance
        self._keys = keys
        self._count = 0
        self._name = secrets.token_hex(4)

    async def turn(self, note: Callable[[str], object]) -> None:
        """Do one transaction, and note the fate of its marks once it is known."""
        marks: list[str] = []
        try:
            async with self._runtime.uow() as uow:
                await self._change(uow, marks)
        except UndoneError:
            note("".join(f"undone {mark}\n" for mark in marks))
        except _AWAY:  # its fate is unknown: the truth knows
            await asyncio.sleep(0.3)
        else:
            note("".join(f"done {mark}\n" for mark in marks))

    async def _change(self, uow: Uow, marks: list[str]) -> None:
        chosen = sorted({key_of(self._chance.randrange(self._keys)) for _ in range(self._chance.randint(1, 5))})
        for key in chosen:  # in one order: two writers never wait for each other
            self._count += 1
            mark = f"{self._name}-{self._count}"
            marks.append(mark)
            await emit_change(uow, key, mark)
        if self._chance.random() < SLOW:
            await asyncio.sleep(self._chance.random() * 0.2)
        if self._chance.random() < UNDONE:
            raise UndoneError


async def emit_change(uow: Uow, key: UUID, mark: str) -> None:
    """Change an aggregate and emit its event, both in the truth."""
    place = await uow.conn.fetchval(
        "INSERT INTO thing (key, version) VALUES ($1, 1)"
        " ON CONFLICT (key) DO UPDATE SET version = thing.version + 1 RETURNING version",
        key,
    )
    public = key.int % 2 == 0
    await uow.conn.execute(
        "INSERT INTO committed (mark, key, place, public) VALUES ($1, $2, $3, $4)", mark, key, place, public
    )
    uow.emit(event_of(key, place, mark))


def event_of(key: UUID, place: int, mark: str) -> Event:
    """Give the event of a change: aggregates with an even number are public."""
    at = datetime.now(UTC)
    about = {"aggregate_id": key, "aggregate_version": place, "organisation": BUYER, "occurred_at": at}
    if key.int % 2 == 0:
        return ContractDataPublishedV1.model_validate(
            about | {"contract_id": key, "uid": mark, "ocid": "ocds-x", "validated_with": "fault", "published_at": at}
        )
    return ActExemptedV1.model_validate(about | {"subject_id": key, "reason": mark})
