"""The tests find their servers: those named, else a private PostgreSQL, and the broker of this machine or a private one; never none."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

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


async def test_private_database_is_started_and_stopped_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HALLES_DATABASE_URL", raising=False)
    async with AsyncExitStack() as stack:
        url = (await find._database(stack))["HALLES_DATABASE_URL"]
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert await connection.fetchval("SHOW fsync") == "off"
        await connection.close()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncpg.connect(url, timeout=5)


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
