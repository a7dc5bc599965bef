"""Many notices made of real ones, always the same.

Titles, texts, codes and lots of published notices, mixed; places, buyers, values and days drawn. Contacts are left out.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.reference import communes, cpv

__all__ = ["SEED", "Crowd", "fill"]

SEED = 20_261_122
BUYERS = 3_500
FIRST = datetime(2022, 1, 3, 8, tzinfo=UTC)
YEARS = 5
_AT_ONCE = 1_000
_NATURES = {"Works": "works", "Supplies": "supplies"}
_TYPES = ("open", "adapted", "restricted", "neg-w-call", "comp-dial", "neg-wo-call")
_INSERT_PROCEDURES = """
INSERT INTO procedure (procedure_id, organisation, state, version, title, created_at)
SELECT made.*, 1, 'x', now() FROM unnest($1::uuid[], $2::text[], $3::text[]) AS made
"""
_INSERT_STATES = """
INSERT INTO procedure_version (procedure_id, version, state, public_state, title, lots, recorded_at)
SELECT procedure_id, 1, state, state, 'x', '[]', now() FROM unnest($1::uuid[], $2::text[]) AS made (procedure_id, state)
"""
_INSERT_NOTICES = """
INSERT INTO notice (notice_id, procedure_id, organisation, state, version, kind, content, created_at, published_at,
                    procedure_type, deadline, cpv, departments, document)
SELECT notice_id, notice_id, organisation, 'published', 1, content ->> 'kind', content, published_at, published_at,
       content ->> 'procedure_type', (content ->> 'deadline')::timestamptz, '{}', '{}', ''
  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]::jsonb[])
       AS made (notice_id, organisation, published_at, content)
"""


@dataclass(frozen=True)
class Crowd:
    """Notices made of those of a file."""

    source: Path
    """`notices/ted.jsonl` of the reference data."""

    @cached_property
    def real(self) -> list[dict[str, Any]]:
        """The notices of the file: those in French many times over, as on a French platform."""
        with self.source.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        rows = [row for row in rows if row.get("title") and row.get("description")]
        return [row for row in rows for _ in range(20 if row["lang"] == "FR" else 1)]

    @cached_property
    def towns(self) -> list[communes.Commune]:
        """Communes with a point, large ones more often."""
        known = [each for each in communes.every().values() if each.latitude is not None and each.postal_codes]
        drawn = random.Random(SEED)
        return drawn.choices(known, weights=[(each.population or 1) ** 0.7 for each in known], k=20_000)

    def notices(self, count: int) -> Iterator[tuple[UUID, str, datetime, str, str]]:
        """Give notices: identifier, buyer, instant of publication, content as JSON, state of the procedure."""
        draw = random.Random(SEED)
        seats = [(f"SIRET:{20_000_000_000_000 + number * 37:014}", draw.choice(self.towns)) for number in range(BUYERS)]
        for _ in range(count):
            buyer, seat = draw.choice(seats)
            at = FIRST + timedelta(microseconds=draw.randrange(YEARS * 365 * 86_400 * 1_000_000))
            content = self._content(draw, buyer, seat, at)
            state = {"contract": draw.choice(("open", "closed", "awarded")), "planning": "planned"}[content["kind"]]
            yield UUID(int=draw.getrandbits(128), version=4), buyer, at, json.dumps(content), state

    def _content(self, draw: random.Random, buyer: str, seat: communes.Commune, at: datetime) -> dict[str, Any]:
        row, other = draw.choice(self.real), draw.choice(self.real)
        town = draw.choice(self.towns) if draw.random() < 0.3 else seat
        codes = [code for code in row["cpv"] if cpv.exists(code)][:4] or ["45000000"]
        nature = _NATURES.get(row["contract_nature"], "services")
        place = {"city": town.name, "postal_code": town.postal_codes[0], "department": town.department}
        kind = "planning" if draw.random() < 0.1 else "contract"
        terms = (
            {"social": ["other"]}
            if draw.random() < 0.2
            else {"environmental": ["other"]}
            if draw.random() < 0.2
            else None
        )
        lots = [
            {
                "lot_id": f"LOT-{number:04}",
                "title": (lot.get("title") or row["title"])[:400],
                "description": (lot.get("description") or "")[:2000],
                "nature": nature,
                "cpv": codes,
                "terms": terms,
            }
            for number, lot in enumerate((other.get("lots") or [{}])[:4], 1)
        ]
        value = {"amount": str(int(draw.lognormvariate(12, 1.5))), "currency": "EUR"} if draw.random() < 0.6 else None
        return {
            "kind": kind,
            "title": row["title"][:400],
            "description": row["description"][:6000],
            "buyer": {
                "organisation": buyer,
                "name": f"Commune de {seat.name}",
                "city": seat.name,
                "department": seat.department,
            },
            "procedure_type": draw.choice(_TYPES),
            "formal": False,
            "nature": nature,
            "cpv": codes,
            "places": [place] if draw.random() < 0.8 else [],
            "departments": [town.department],
            "value": value,
            "deadline": (at + timedelta(days=draw.randrange(15, 60))).isoformat() if kind == "contract" else None,
            "lots": lots,
            "techniques": ["framework"] if draw.random() < 0.3 else [],
        }


async def fill(conn: asyncpg.Connection, crowd: Crowd, count: int) -> None:
    """Write so many notices as published; what follows changes is not told: the index is built after this."""
    await conn.execute("ALTER TABLE notice DISABLE TRIGGER notice_changed")
    batch = []
    for notice in crowd.notices(count):
        batch.append(notice)
        if len(batch) == _AT_ONCE:
            await _write(conn, batch)
            batch.clear()
    if batch:
        await _write(conn, batch)
    await conn.execute("ALTER TABLE notice ENABLE TRIGGER notice_changed")
    await conn.execute("ANALYZE notice, procedure, procedure_version")


async def _write(conn: asyncpg.Connection, batch: list[tuple[UUID, str, datetime, str, str]]) -> None:
    ids, buyers, instants, contents, states = zip(*batch, strict=True)
    async with conn.transaction():
        await conn.execute(_INSERT_PROCEDURES, ids, buyers, states)
        await conn.execute(_INSERT_STATES, ids, states)
        await conn.execute(_INSERT_NOTICES, ids, buyers, instants, contents)
