"""Destructions, and what each destroys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries

__all__ = ["QUERIES", "Destruction", "Doomed", "doomed", "find"]

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Destruction:
    """The destruction of the contents of the bids of a consultation, or of the papers of a contract."""

    id: UUID
    sequence: int
    procedure: UUID
    contract: UUID | None
    buyer: str
    kept_until: datetime
    reason: str
    proposed_at: datetime
    state: str
    confirmed_at: datetime | None
    done_at: datetime | None
    record: dict[str, Any] | None
    record_sha256: str | None
    visa: dict[str, str] | None


@dataclass(frozen=True)
class Doomed:
    """A file that a destruction destroys. `what`: in the record; `label`: in words, for the archivist."""

    what: dict[str, Any]
    label: str
    size: int
    sha256: str
    storage_key: str


async def find(conn: asyncpg.Connection, identity: UUID) -> Destruction | None:
    """Give a destruction, held until the end of the transaction."""
    row = await conn.fetchrow(QUERIES["lock"], identity)
    return None if row is None else Destruction(**dict(row))


async def doomed(conn: asyncpg.Connection, destruction: Destruction) -> list[Doomed]:
    """Give the files that a destruction destroys, from what is kept now."""
    if destruction.contract is not None:
        return await _papers(conn, destruction.contract)
    files = [
        Doomed({"bid": str(each["bid"]), "file": each["file"]}, f"pli {each['bid']}, fichier {each['file']} (chiffré)",
               each["size"], each["sha256"], each["storage_key"])
        for each in await conn.fetch(QUERIES["stored"], destruction.procedure)
    ]  # fmt: skip
    documents = [
        Doomed({}, "pièce d'un courrier ou d'une réponse", each["size"], each["sha256"], each["storage_key"])
        for each in await conn.fetch(QUERIES["answered"], destruction.procedure)
    ]
    return [*files, *documents]


async def _papers(conn: asyncpg.Connection, contract: UUID) -> list[Doomed]:
    row = await conn.fetchrow(QUERIES["papers"], contract)
    forms = {
        "prepared": "acte d'engagement établi", "winner_signed": "signé par le titulaire", "signed": "signé par les deux parties",
    }  # fmt: skip
    return [
        Doomed({"paper": name}, f"marché {row['number']}, {label}", row[name]["size"], row[name]["sha256"], row[name]["key"])
        for name, label in forms.items() if row[name] is not None
    ]  # fmt: skip
