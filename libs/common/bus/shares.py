"""Shards of work, those of publication and others, shared among processes: each leads its fair part, by advisory locks.

Nobody tells anybody: every process holds one shared lock, counts those of the others, takes free shards up to its part
and leaves what is too much. A process that ends, however it ends, frees its locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import asyncpg

from libs.common.db import load_queries

__all__ = ["LOCKS", "QUERIES", "FencedError", "Shares"]

QUERIES = load_queries(Path(__file__).with_name("publisher.sql"))
LOCKS = 0x48505542
"""The class of the locks of publication: "HPUB"."""


class FencedError(Exception):
    """Another publisher took over, or all shards begin again: nothing more may be marked."""


class Shares:
    """The part of one session."""

    def __init__(self, conn: asyncpg.Connection, shards: Sequence[int], locks: int = LOCKS) -> None:
        self._conn = conn
        self._shards = shards
        self._locks = locks
        self.mine: tuple[int, ...] = ()
        """The shards led here."""

    @classmethod
    async def join(cls, conn: asyncpg.Connection) -> Self:
        """Be counted among those that share the shards of publication."""
        shards = [row["shard"] for row in await conn.fetch(QUERIES["shards"])]
        return await cls.join_for(conn, shards, LOCKS)

    @classmethod
    async def join_for(cls, conn: asyncpg.Connection, shards: Sequence[int], locks: int) -> Self:
        """Be counted among those that share some shards under a class of locks of their own."""
        await conn.execute(QUERIES["join_shares"], locks)
        return cls(conn, shards, locks)

    async def is_fair(self) -> bool:
        """Tell whether nothing is to be left, and nothing free to be taken."""
        part, free = await self._look()
        return len(self.mine) <= part and (len(self.mine) == part or not free)

    async def balance(self) -> tuple[int, ...]:
        """Leave what is too much, take what is free; give the shards led now. Their publisher must have ended before."""
        part, free = await self._look()
        for shard in self.mine[part:]:
            await self._conn.execute(QUERIES["leave_shard"], self._locks, shard)
        self.mine = self.mine[:part]
        for shard in free:
            if len(self.mine) < part and await self._conn.fetchval(QUERIES["take_shard"], self._locks, shard):
                self.mine += (shard,)
        return self.mine

    async def _look(self) -> tuple[int, list[int]]:
        """Give the fair part, rounded up, and the shards that nobody leads."""
        row = await self._conn.fetchrow(QUERIES["shares"], self._locks)
        return -(-len(self._shards) // max(1, row["members"])), [s for s in self._shards if s not in row["led"]]
