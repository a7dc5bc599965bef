"""Migrations: plain SQL files in dbmate's format, applied once each, in order, under a lock, never edited afterwards.

    -- What it is for.
    -- migrate:up [transaction:false]
    ...
    -- migrate:down
    ...

A file that is applied is compared with what it was then, by SHA-256. Code that does not know the newest migration of its
database refuses to start on it, unless that file says `-- halles: compatible` (the code before it still runs on it).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg
import structlog

from libs.common.db import connect, service_url
from libs.common.provision import provision
from libs.common.service import Service
from libs.common.settings import Settings

__all__ = [
    "Migration",
    "MigrationError",
    "NotMigratedError",
    "check",
    "load",
    "migrate",
    "migrations_of",
    "parse",
    "provision",
]

COMMON = Path(__file__).with_name("migrations")
LOCK_SECONDS = 120.0  # that a second runner waits for the first
LOCK_TIMEOUT = "5s"  # that one statement may wait for a table, and all its users behind it
TRIES = 5  # of a migration that met a busy table

_LOCK = 0x68616C6C6573  # "halles": advisory locks are per database
_FILE = re.compile(r"(\d{4,14})_[a-z0-9_]+\.sql")
_MARK = re.compile(r"^-- migrate:(up|down)(.*)$", re.MULTILINE)
_STATEMENT_END = re.compile(r";\s*$", re.MULTILINE)
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    origin      text        NOT NULL,
    version     text        NOT NULL,
    name        text        NOT NULL,
    sha256      text        NOT NULL,
    compatible  boolean     NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, version)
)"""
_log = structlog.get_logger(__name__)


class MigrationError(Exception):
    """The database and the migration files do not agree; nothing was changed by the refused file."""


class NotMigratedError(MigrationError):
    """The database lacks migrations that this code needs: they are to be applied first, or being applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    origin: Literal["common", "service"]
    version: str
    name: str
    up: str
    down: str
    transaction: bool
    compatible: bool
    sha256: str


def parse(path: Path, origin: Literal["common", "service"]) -> Migration:
    """Read a file. Raises MigrationError that says what is wrong with it."""
    named, content = _FILE.fullmatch(path.name), path.read_text(encoding="utf-8")
    if not named:
        raise MigrationError(f"{path}: name it like 0001_init.sql")
    parts = _MARK.split(content)
    if [*parts[1::3]] not in (["up"], ["up", "down"]):
        raise MigrationError(f"{path}: one '-- migrate:up', then at most one '-- migrate:down'")
    if options := set(parts[2].split()) - {"transaction:false"}:
        raise MigrationError(f"{path}: unknown option {' '.join(sorted(options))}")
    return Migration(
        origin=origin,
        version=named[1],
        name=path.stem,
        up=parts[3],
        down=parts[6] if len(parts) > 4 else "",
        transaction="transaction:false" not in parts[2],
        compatible=bool(re.search(r"^-- halles: compatible$", content, re.MULTILINE)),
        sha256=hashlib.sha256(content.encode()).hexdigest(),
    )


def load(folder: Path, origin: Literal["common", "service"]) -> list[Migration]:
    """Read a folder's files, in the order of their versions. Raises MigrationError when two have the same."""
    found = sorted((parse(path, origin) for path in folder.glob("*.sql")), key=lambda each: each.version)
    versions = [each.version for each in found]
    if len(set(versions)) != len(versions):
        raise MigrationError(f"{folder}: two files have the same version")
    return found


def migrations_of(service: Service) -> list[Migration]:
    """Give all the migrations of a service's database: the common ones, then its own."""
    return load(COMMON, "common") + load(service.migrations, "service")


async def migrate(settings: Settings, service: Service) -> list[str]:
    """Bring a service's database up to date, as its own login; give the names applied. Raises MigrationError."""
    wanted = migrations_of(service)
    conn = await connect(service_url(settings, service.name), application=f"halles {service.name} migrate")
    try:
        async with _alone(conn):
            await conn.execute(_TABLE)
            missing = _missing(wanted, await _applied(conn))
            for migration in missing:
                await _apply(conn, migration)
                _log.info("migration_applied", service=service.name, migration=migration.name)
    finally:
        await conn.close()
    return [migration.name for migration in missing]


async def check(conn: asyncpg.Connection, service: Service) -> None:
    """Let only code and database that fit work together.

    Raises MigrationError that says what to do; NotMigratedError when waiting may help.
    """
    exists = await conn.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL")
    missing = _missing(migrations_of(service), await _applied(conn) if exists else [])
    if missing:
        names = ", ".join(migration.name for migration in missing)
        raise NotMigratedError(f"the database lacks {names}: run `python -m services.{service.name} migrate` first")


@asynccontextmanager
async def _alone(conn: asyncpg.Connection) -> AsyncIterator[None]:
    """Hold the lock that lets one runner work at a time."""
    for _ in range(round(LOCK_SECONDS * 10)):
        if await conn.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            break
        await asyncio.sleep(0.1)
    else:
        raise MigrationError(f"another migration has been running for {LOCK_SECONDS:.0f} s: see pg_stat_activity")
    try:
        await conn.execute("SELECT set_config('lock_timeout', $1, false)", LOCK_TIMEOUT)
        yield
    finally:
        if not conn.is_closed():
            await conn.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _applied(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    applied: Sequence[asyncpg.Record] = await conn.fetch(
        "SELECT origin, version, name, sha256, compatible FROM schema_migration"
    )
    return applied


def _missing(wanted: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> list[Migration]:
    """Give what is still to apply. Raises MigrationError on an edited, unknown or late file."""
    ours = {(each.origin, each.version): each for each in wanted}
    done = {(each["origin"], each["version"]): each for each in applied}
    for key, row in done.items():
        if key not in ours and not row["compatible"]:
            raise MigrationError(f"the database is newer than this code: it has {row['name']}, unknown here")
        if key in ours and ours[key].sha256 != row["sha256"]:
            raise MigrationError(f"{row['name']} was edited after it was applied: put it back, and add a new file")
    missing = [each for key, each in ours.items() if key not in done]
    for each in missing:
        newest = max((version for origin, version in done if origin == each.origin), default="")
        if each.version < newest:
            raise MigrationError(f"{each.name} comes before {newest}, already applied: give it a later version")
    return missing


async def _apply(conn: asyncpg.Connection, migration: Migration) -> None:
    """Apply one file, again when a table was busy: waiting for long would make its users wait too."""
    for attempt in range(1, TRIES + 1):
        try:
            await _run(conn, migration)
        except asyncpg.LockNotAvailableError as error:
            if attempt == TRIES:
                raise MigrationError(
                    f"{migration.name}: a table stayed busy ({error}); try at a quieter hour"
                ) from error
            await asyncio.sleep(attempt)
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration.name}: {error}") from error
        else:
            return


async def _run(conn: asyncpg.Connection, migration: Migration) -> None:
    if migration.transaction:
        async with conn.transaction():
            await conn.execute(migration.up)
            await _record(conn, migration)
        return
    for statement in _STATEMENT_END.split(migration.up):  # several at once would share an implicit transaction
        if statement.strip():
            await conn.execute(statement)
    await _record(conn, migration)


async def _record(conn: asyncpg.Connection, migration: Migration) -> None:
    await conn.execute(
        "INSERT INTO schema_migration (origin, version, name, sha256, compatible) VALUES ($1, $2, $3, $4, $5)",
        migration.origin,
        migration.version,
        migration.name,
        migration.sha256,
        migration.compatible,
    )
