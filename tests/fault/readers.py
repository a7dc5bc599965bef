"""Partners that follow the public feed from the beginning, each in its way, whatever happens to the API."""

from __future__ import annotations

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import aiohttp

from libs.common.messages.opendata import ContractDataPublishedV1
from tests.fault.model import Change

PAUSE = 0.3  # seconds before another try
_DROPPED = 0.2  # share of the long polls that the partner gives up
_LINE = 2**20  # bytes: an event is one line of a stream


@dataclass
class Reader(ABC):
    """One partner: it keeps what it was given and the cursor behind it."""

    kind: ClassVar[str]

    url: str
    chance: random.Random
    seen: list[Change] = field(default_factory=list)
    cursor: str | None = None
    dropped: int = 0
    """Connections it closed in the middle."""
    failures: int = 0
    """Requests without an answer, or with half of one."""
    refusals: list[str] = field(default_factory=list)
    """Answers that were errors."""

    async def follow(self) -> None:
        """Read for ever."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=40)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=_LINE) as client:
            while True:
                try:
                    await self._turn(client)
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    self.failures += 1
                    await asyncio.sleep(PAUSE)

    @abstractmethod
    async def _turn(self, client: aiohttp.ClientSession) -> None:
        """Make one request."""

    async def _is_refused(self, answer: aiohttp.ClientResponse) -> bool:
        """Note a refusal that passes: the database may be away. Raises aiohttp.ClientResponseError."""
        if answer.status < 500:
            answer.raise_for_status()
            return False
        self.refusals.append(f"{answer.status} {await answer.text()}"[:300])
        await asyncio.sleep(PAUSE)
        return True

    async def _page(self, client: aiohttp.ClientSession, **query: str) -> bool:
        """Read a page; true when it held something, or was refused."""
        query |= {"limit": str(self.chance.randint(1, 500))} | ({"after": self.cursor} if self.cursor else {})
        async with client.get(self.url, params=query) as answer:
            if await self._is_refused(answer):
                return True
            page: dict[str, Any] = await answer.json()
        self.seen += [_change(event) for event in page["events"]]
        self.cursor = page["next"]
        return bool(page["events"])


class Pages(Reader):
    """Asks for page after page, again and again at the end."""

    kind = "pages"

    async def _turn(self, client: aiohttp.ClientSession) -> None:
        if not await self._page(client):
            await asyncio.sleep(0.5)


class LongPolls(Reader):
    """Waits for each page, and gives up now and then."""

    kind = "long polls"

    async def _turn(self, client: aiohttp.ClientSession) -> None:
        patience = self.chance.uniform(0, 3) if self.chance.random() < _DROPPED else 40
        try:
            async with asyncio.timeout(patience):
                await self._page(client, wait=str(self.chance.randint(1, 20)))
        except TimeoutError:
            self.dropped += 1


class Stream(Reader):
    """Reads Server-Sent Events, leaves at random, comes back with `Last-Event-ID`."""

    kind = "streams"

    async def _turn(self, client: aiohttp.ClientSession) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.cursor} if self.cursor else {})
        leaves = asyncio.timeout(self.chance.uniform(0.1, 15))
        try:
            async with leaves, client.get(self.url, headers=headers) as answer:
                if not await self._is_refused(answer):
                    await self._read(answer.content)
        except TimeoutError:
            if not leaves.expired():
                raise
            self.dropped += 1
        await asyncio.sleep(PAUSE)

    async def _read(self, lines: AsyncIterable[bytes]) -> None:
        """Take events up to the end; one that was cut is none (HTML standard, section 9.2.6)."""
        place, data = self.cursor, b""
        async for line in lines:
            name, _, value = line.rstrip(b"\n").partition(b": ")
            if name == b"id":
                place = value.decode()
            elif name == b"data":
                data += value
            elif not name:
                if data:
                    self.seen.append(_change(json.loads(data)))
                self.cursor, data = place, b""


def _change(event: dict[str, Any]) -> Change:
    """Give the change an event tells of; an event that is not public was never committed for a reader."""
    public = event["type"] == ContractDataPublishedV1.type
    mark = event["data"]["uid"] if public else f"{event['type']} {event['id']}"
    return Change(mark, UUID(event["subject"]), event["aggregateversion"])
