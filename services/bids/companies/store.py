"""Files of companies, version by version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from libs.common.db import Queries, load_queries
from services.bids.companies.file import CompanyData, CompanyFile

__all__ = ["add", "erase", "hold", "last", "versions"]

QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))


async def hold(conn: asyncpg.Connection, company: str) -> None:
    """Let one transaction at a time write the file of a company."""
    await conn.execute(QUERIES["hold"], company)


async def add(conn: asyncpg.Connection, file: CompanyFile, by: str) -> None:
    """Keep a version; `by` is the token's `sub` of who saves it."""
    provided = None if file.provided is None else _json(file.provided)
    await conn.execute(
        QUERIES["add_version"], file.company, file.version, _json(file.declared), provided, file.provider,
        file.provided_at, file.saved_at, by,
    )  # fmt: skip


async def last(conn: asyncpg.Connection, company: str) -> CompanyFile | None:
    """Give the last version of the file of a company."""
    row = await conn.fetchrow(QUERIES["last_version"], company)
    return None if row is None else _file(row)


async def versions(conn: asyncpg.Connection, company: str, before: int | None, limit: int) -> list[CompanyFile]:
    """Give the versions of the file of a company, newest first."""
    return [_file(row) for row in await conn.fetch(QUERIES["versions"], company, before, limit)]


async def erase(conn: asyncpg.Connection, company: str) -> None:
    """Erase every version of the file of a company."""
    await conn.execute(QUERIES["erase"], company)


def _json(data: CompanyData) -> dict[str, Any]:
    return data.model_dump(mode="json", exclude_none=True)


def _file(row: Any) -> CompanyFile:  # noqa: ANN401  # a row of asyncpg
    values = dict(row)
    provided = None if values["provided"] is None else CompanyData.model_validate(values["provided"])
    return CompanyFile(**values | {"declared": CompanyData.model_validate(values["declared"]), "provided": provided})
