"""Every migration file of the platform can be applied to a running system, on a PostgreSQL without extensions."""

import re
from pathlib import Path

import pytest

from libs.common.migrate import Migration, load

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "libs/common/migrations", *sorted((ROOT / "services").glob("*/migrations"))]
FILES = [
    pytest.param(migration, id=f"{folder.parent.name}/{migration.name}")
    for folder in FOLDERS
    for migration in load(folder, "service")
]

NEVER = {
    r"\bCREATE EXTENSION\b": "core PostgreSQL only: the embedded one has no contrib",
    r"\bvarchar\b|\bcharacter varying\b|\bchar\(": "text with a CHECK: its limit can be changed without a rewrite",
    r"\btimestamp\b(?! with time zone)": "timestamptz",
    r"\bserial\b|\bbigserial\b": "GENERATED ALWAYS AS IDENTITY",
    r"\bCREATE TYPE \w+ AS ENUM\b": "text with a CHECK: a value of an enum cannot be removed",
    r"\bCREATE ROLE\b|\bGRANT\b|\bREVOKE\b": "logins and rights are provisioned, not migrated",
}
ON_LIVE_TABLES = {
    r"\bALTER COLUMN \w+ (SET DATA )?TYPE\b": "it rewrites the table under a lock: add a column, copy, then switch",
    r"\bRENAME\b": "the code that runs still uses the old name: add, copy, then drop in a later release",
    r"\bADD COLUMN\b[^;]*\bNOT NULL\b(?![^;]*\bDEFAULT\b)": "NOT NULL needs a DEFAULT",
    r"\bFOREIGN KEY\b(?![^;]*\bNOT VALID\b)": "add it NOT VALID, then VALIDATE CONSTRAINT",
}


def _code(sql: str) -> str:
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", sql)


def _found(rules: dict[str, str], sql: str) -> list[str]:
    return [mend for rule, mend in rules.items() if re.search(rule, sql, re.IGNORECASE)]


def faults(up: str) -> list[str]:
    """Give what is unsafe in a migration, as the way to mend it."""
    code = _code(up)
    made = set(re.findall(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", code, re.IGNORECASE))
    indexed = re.findall(r"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\w+\s+ON (\w+)", code, re.IGNORECASE)
    live = [statement for statement in code.split(";") if _altered(statement) - made]
    unsafe = [mend for statement in live for mend in _found(ON_LIVE_TABLES, statement)]
    unsafe += [f"CREATE INDEX CONCURRENTLY on {table}" for table in indexed if table not in made]
    return unsafe + _found(NEVER, code)


def _altered(statement: str) -> set[str]:
    return set(re.findall(r"\bALTER TABLE (?:IF EXISTS )?(?:ONLY )?(\w+)", statement, re.IGNORECASE))


@pytest.mark.parametrize("migration", FILES)
def test_a_migration_is_safe_on_a_running_system(migration: Migration) -> None:
    assert faults(migration.up) == []


@pytest.mark.parametrize("migration", FILES)
def test_a_migration_has_a_way_down(migration: Migration) -> None:
    assert migration.down.strip()


@pytest.mark.parametrize(
    ("up", "word"),
    [
        ("CREATE EXTENSION unaccent;", "contrib"),
        ("CREATE TABLE t (at timestamp);", "timestamptz"),
        ("CREATE TABLE t (name varchar(20));", "text"),
        ("ALTER TABLE t ALTER COLUMN a TYPE bigint;", "rewrites"),
        ("ALTER TABLE t ADD COLUMN a integer NOT NULL;", "DEFAULT"),
        ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;", "NOT VALID"),
        ("CREATE INDEX i ON t (a);", "CONCURRENTLY"),
    ],
)
def test_what_is_unsafe_is_found(up: str, word: str) -> None:
    assert any(word in fault for fault in faults(up))


def test_what_is_safe_passes() -> None:
    assert (
        faults(
            "CREATE TABLE t (a text NOT NULL, at timestamptz); CREATE INDEX i ON t (a); COMMENT ON TABLE t IS 'varchar';"
        )
        == []
    )
    assert faults("ALTER TABLE t ADD COLUMN a integer NOT NULL DEFAULT 0; CREATE INDEX CONCURRENTLY i ON t (a);") == []
