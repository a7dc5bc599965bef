"""Migrations: once each, in order, one runner at a time, never edited."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from libs.common import migrate as runner
from libs.common.db import connect, service_url
from libs.common.migrate import MigrationError, NotMigratedError, check, load, migrate, migrations_of, parse
from libs.common.provision import drop, provision
from libs.common.service import Service
from libs.common.settings import Settings


@pytest.fixture
async def settings(database_url: str) -> AsyncIterator[Settings]:
    """Give settings of a service whose database is new and empty."""
    prefix = f"halles_test_{secrets.token_hex(4)}"
    found = Settings(environment="test", database_url=database_url, database_prefix=prefix, database_urls={})
    await provision(found, "alerts")
    yield found
    await drop(found, "alerts")


@pytest.fixture
async def conn(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to that database."""
    conn = await connect(service_url(settings, "alerts"))
    yield conn
    await conn.close()


def _file(service: Service, name: str, up: str, *, options: str = "", before: str = "") -> Path:
    path = service.migrations / f"{name}.sql"
    path.write_text(f"{before}-- migrate:up{options}\n{up}\n-- migrate:down\nSELECT 1;\n")
    return path


async def test_each_file_is_applied_once_in_order(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    _file(bare_service, "0002_more", "ALTER TABLE thing ADD COLUMN name text;")
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    applied = await migrate(settings, bare_service)
    assert applied[0] == "0001_core"
    assert applied[-2:] == ["0001_init", "0002_more"]
    assert await migrate(settings, bare_service) == []
    assert await conn.fetchval("SELECT count(*) FROM schema_migration") == len(applied)
    await check(conn, bare_service)


async def test_two_runners_at_once_apply_each_file_once(settings: Settings, bare_service: Service) -> None:
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer); SELECT pg_sleep(0.2);")
    results = await asyncio.gather(*(migrate(settings, bare_service) for _ in range(3)))
    assert sorted(map(len, results)) == [0, 0, len(migrations_of(bare_service))]


async def test_a_runner_says_so_when_another_does_not_end(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_SECONDS", 0.2)
    await conn.execute("SELECT pg_advisory_lock($1)", runner._LOCK)
    with pytest.raises(MigrationError, match="another migration"):
        await migrate(settings, bare_service)


async def test_an_edited_file_is_refused(settings: Settings, bare_service: Service, conn: asyncpg.Connection) -> None:
    path = _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    await migrate(settings, bare_service)
    path.write_text(path.read_text() + "-- a word more\n")
    with pytest.raises(MigrationError, match="0001_init was edited"):
        await migrate(settings, bare_service)
    with pytest.raises(MigrationError, match="0001_init was edited"):
        await check(conn, bare_service)


async def test_code_older_than_its_database_is_refused(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    path = _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    await migrate(settings, bare_service)
    path.unlink()
    with pytest.raises(MigrationError, match="newer than this code: it has 0001_init"):
        await check(conn, bare_service)
    with pytest.raises(MigrationError, match="newer than this code"):
        await migrate(settings, bare_service)


async def test_code_before_a_compatible_migration_still_runs(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    path = _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);", before="-- halles: compatible\n")
    await migrate(settings, bare_service)
    path.unlink()
    await check(conn, bare_service)


async def test_a_database_that_lacks_migrations_is_told_to_migrate(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    with pytest.raises(NotMigratedError, match="0001_core"):
        await check(conn, bare_service)
    await migrate(settings, bare_service)
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    with pytest.raises(NotMigratedError, match=r"lacks 0001_init: run `python -m services\.alerts migrate`"):
        await check(conn, bare_service)


async def test_a_file_that_comes_before_an_applied_one_is_refused(settings: Settings, bare_service: Service) -> None:
    _file(bare_service, "0002_init", "CREATE TABLE thing (id integer);")
    await migrate(settings, bare_service)
    _file(bare_service, "0001_late", "CREATE TABLE other (id integer);")
    with pytest.raises(MigrationError, match="later version"):
        await migrate(settings, bare_service)


async def test_a_file_that_fails_changes_nothing(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="0001_init: division by zero"):
        await migrate(settings, bare_service)
    assert await conn.fetchval("SELECT to_regclass('thing')") is None
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    assert await migrate(settings, bare_service) == ["0001_init"]


async def test_an_index_is_built_without_a_transaction(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection
) -> None:
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer, name text);")
    _file(
        bare_service,
        "0002_index",
        "CREATE INDEX CONCURRENTLY thing_id ON thing (id);\nCREATE INDEX CONCURRENTLY thing_name ON thing (name);",
        options=" transaction:false",
    )
    assert (await migrate(settings, bare_service))[-1] == "0002_index"
    assert await conn.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'thing'") == 2


async def test_a_busy_table_is_not_waited_for_long_but_tried_again(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "50ms")
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    await migrate(settings, bare_service)
    _file(bare_service, "0002_more", "ALTER TABLE thing ADD COLUMN name text;")
    holding = conn.transaction()
    await holding.start()
    await conn.execute("SELECT * FROM thing")
    task = asyncio.create_task(migrate(settings, bare_service))
    await asyncio.sleep(0.4)
    assert not task.done()
    other = await connect(service_url(settings, "alerts"))
    await asyncio.wait_for(other.fetch("SELECT * FROM thing"), 2)  # its readers are not held up
    await other.close()
    await holding.rollback()
    assert await task == ["0002_more"]


async def test_a_table_that_stays_busy_is_told(
    settings: Settings, bare_service: Service, conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr(runner, "TRIES", 1)
    _file(bare_service, "0001_init", "CREATE TABLE thing (id integer);")
    await migrate(settings, bare_service)
    _file(bare_service, "0002_more", "ALTER TABLE thing ADD COLUMN name text;")
    async with conn.transaction():
        await conn.execute("SELECT * FROM thing")
        with pytest.raises(MigrationError, match="stayed busy"):
            await migrate(settings, bare_service)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("init.sql", "-- migrate:up\n", "name it like"),
        ("0001_init.sql", "CREATE TABLE x ();", "one '-- migrate:up'"),
        ("0001_init.sql", "-- migrate:down\n-- migrate:up\n", "one '-- migrate:up'"),
        ("0001_init.sql", "-- migrate:up transaction:maybe\n", "unknown option"),
    ],
)
def test_a_badly_written_file_is_refused(tmp_path: Path, name: str, content: str, word: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(MigrationError, match=word):
        parse(tmp_path / name, "service")


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).write_text("-- migrate:up\n")
    with pytest.raises(MigrationError, match="same version"):
        load(tmp_path, "service")


async def test_what_goes_up_comes_down(settings: Settings, bare_service: Service, conn: asyncpg.Connection) -> None:
    await migrate(settings, bare_service)
    for migration in reversed(migrations_of(bare_service)):
        assert migration.down.strip(), f"{migration.name} has no way down"
        await conn.execute(migration.down)
    left = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v')"
    )
    assert [row["relname"] for row in await conn.fetch(left)] == ["schema_migration"]
