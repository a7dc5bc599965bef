"""The world of the storm: two small services, their writers and readers, what is outside, and the truth."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.fault.fleet import until_nothing
from tests.fault.ground import Cast, Ground, ground
from tests.fault.model import Change, Seen
from tests.fault.outside import Copier, Sink
from tests.fault.readers import LongPolls, Pages, Reader, Stream
from tests.fault.servers import lasting_port
from tests.fault.shop import SERVICES, is_sent


@dataclass(kw_only=True)
class World(Ground):
    """Everything under our hand."""

    sink: Sink
    port: int
    readers: list[Reader] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.chance.random())
        self.copier = Copier(self.broker.url, chance, self.topology, free="alerts.view")
        self.notes.mkdir()

    @property
    def feed_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/opendata/v1/events"

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    def read(self) -> None:
        """Have partners follow the feed from now on, in each way."""
        for kind in (Pages, Pages, LongPolls, Stream, Stream):
            reader = kind(self.feed_url, random.Random(self.chance.random()))
            self.readers.append(reader)
            self.tasks.append(asyncio.create_task(reader.follow()))

    async def truth(self) -> tuple[list[Change], list[Change]]:
        """Give all that was committed, and the public part of it."""
        rows = await self.rows("opendata", "SELECT mark, key, place, public FROM committed")
        every = [Change(row["mark"], row["key"], row["place"]) for row in rows]
        return every, [change for change, row in zip(every, rows, strict=True) if row["public"]]

    async def seen(self) -> Seen:
        """Gather all that was seen."""
        log = await self.rows("opendata", "SELECT body FROM event ORDER BY position")
        effects = await self.rows("alerts", "SELECT mark, key, place FROM effect ORDER BY id")
        views = await self.rows("alerts", "SELECT key, version, seen FROM view")
        notes = [line.split() for path in self.notes.iterdir() for line in path.read_text().splitlines()]
        return Seen(
            log=[_logged(json.loads(row["body"])) for row in log],
            effects=[Change(*row) for row in effects],
            views={row["key"]: (row["version"], row["seen"]) for row in views},
            feeds=[reader.seen for reader in self.readers],
            sent=list(self.sink.received),
            done=frozenset(mark for fate, mark in notes if fate == "done"),
            undone=frozenset(mark for fate, mark in notes if fate == "undone"),
            faults=list(self.fleet.faults),
        )

    async def settled(self, seconds: float) -> dict[str, int]:
        """Wait until all that was committed has had its effects, or too long; give what is missing."""
        every, public = await self.truth()
        wanted = {change.mark for change in public if is_sent(change.place)}

        async def missing() -> dict[str, int]:
            return {
                "effects": len(every) - await self.count("alerts", "SELECT count(*) FROM effect"),
                "views": len(every) - await self.count("alerts", "SELECT sum(seen) FROM view"),
                "sent": len(wanted - {sent.mark for sent in self.sink.received}),
                "jobs": await self.count("alerts", "SELECT count(*) FROM job WHERE state = 'waiting'"),
                "feeds": sum(max(0, len(public) - len(reader.seen)) for reader in self.readers),
            }

        return await until_nothing(missing, seconds)


def _logged(event: dict[str, Any]) -> Change:
    return Change(
        event["data"].get("uid") or event["data"]["reason"], UUID(event["subject"]), event["aggregateversion"]
    )


@asynccontextmanager
async def world(folder: Path, seed: int) -> AsyncIterator[World]:
    """Start the servers, make the databases, start no process yet."""
    port = lasting_port()
    async with Sink().listening() as sink:
        cast = Cast("tests.fault.shop", SERVICES, {"HALLES_PORT": str(port), "HALLES_SINK_URL": sink.url})
        async with ground(World, folder, seed, cast, sink=sink, port=port) as found:
            try:
                yield found
            finally:
                for task in found.tasks:
                    task.cancel()
                if found.tasks:
                    await asyncio.wait(found.tasks, timeout=10)
