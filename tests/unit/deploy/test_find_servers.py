"""The tests find their servers: those named, else those of this machine, else private ones; never none."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from libs.common.testing.servers import debian, find
from libs.common.testing.servers.debian import InstallError

ROOT = Path(__file__).resolve().parents[3]
NOBODY_LISTENS = "127.0.0.1:9"


async def test_named_server_is_left_to_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_DATABASE_URL", f"postgresql://x@{NOBODY_LISTENS}/x")
    monkeypatch.setenv("HALLES_AMQP_URL", f"amqp://{NOBODY_LISTENS}/")
    async with find.servers() as environment:
        assert environment == {}


async def test_private_database_is_started_when_there_is_none_and_stopped_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HALLES_DATABASE_URL", raising=False)
    monkeypatch.setattr(find, "LOCAL_DATABASES", (f"postgresql://postgres@{NOBODY_LISTENS}/postgres",))
    async with AsyncExitStack() as stack:
        url = (await find._database(stack))["HALLES_DATABASE_URL"]
        assert await find._is_administrator(url)
    assert not await find._is_administrator(url)


async def test_login_without_rights_is_no_administrator(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    name = f"halles_test_{os.urandom(4).hex()}_plain"
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'plain'")
    try:
        parts = urlsplit(database_url)
        plain = urlunsplit(parts._replace(netloc=f"{name}:plain@{parts.netloc.rpartition('@')[2]}"))
        assert await find._is_administrator(database_url)
        assert not await find._is_administrator(plain)
    finally:
        await connection.execute(f"DROP ROLE {name}")
        await connection.close()


def test_command_gets_the_servers_and_gives_its_exit_code() -> None:
    """`make test` fails exactly when the tests do."""
    environment = {
        **os.environ,
        "HALLES_DATABASE_URL": f"postgresql://x@{NOBODY_LISTENS}/x",
        "HALLES_AMQP_URL": f"amqp://{NOBODY_LISTENS}/",
    }
    command = [sys.executable, "-m", "libs.common.testing.servers", sys.executable, "-c", "raise SystemExit(7)"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 7, answer.stderr


def test_nothing_is_installed_where_we_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "may_install", lambda: False)
    with pytest.raises(InstallError, match="not root on Debian"):
        debian.install("rabbitmq-server")


def test_no_service_starts_during_an_installation_and_the_policy_goes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", policy)
    with debian._no_service_started():
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()
    policy.write_text("somebody's own\n")
    with debian._no_service_started():
        assert policy.read_text() == "somebody's own\n"
    assert policy.exists()
