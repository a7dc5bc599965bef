"""The processes of a service, for real: they wait, start, share the work, survive a kill, and stop gracefully."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner, Result

from libs.common.bus import outbox
from libs.common.db import connect, service_url
from libs.common.endings import EXIT_CONFIGURATION, EXIT_REFUSED, EXIT_UNAVAILABLE
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.migrate import migrate, provision
from libs.common.provision import drop
from libs.common.run import cli
from libs.common.schemas import sample_of
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer
from tests.e2e.greeter.wiring import SERVICE

ROOT = Path(__file__).resolve().parents[2]
BUYER = "SIRET:21210231500018"
PATIENCE = 60.0  # seconds: this machine may be busy


@dataclass
class Running:
    """A process and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def line(self, event: str) -> dict[str, Any]:
        """Wait for a line of its log."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.log.read_text().splitlines():
                if f'"event": "{event}"' in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"no {event} in {self.log.read_text()}")

    def stop(self) -> int:
        """Tell it to stop and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@dataclass
class Platform:
    """The greeter's database and its settings, as variables."""

    settings: Settings
    variables: dict[str, str]
    issuer: TestIssuer
    folder: Path
    stack: ExitStack

    def start(self, name: str, *words: str, **variables: str) -> Running:
        """Start a process."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.greeter", *words],
                cwd=ROOT,
                env=self.variables | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.stack.callback(_end, process)
        return Running(process, log)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tests.e2e.greeter", *words],
            cwd=ROOT,
            env=self.variables | variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def invoke(self, *words: str, **variables: str) -> Result:
        """Run a command in this process: one that starts nothing."""
        return CliRunner().invoke(cli(SERVICE), words, env=self.variables | variables)

    def headers(self) -> dict[str, str]:
        """Give a buyer's token."""
        return {"Authorization": f"Bearer {self.issuer.token(organisation=BUYER)}"}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    """Give settings of a database that is not there yet."""
    prefix, issuer = f"halles_test_{secrets.token_hex(4)}", TestIssuer()
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")} | {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URL": database_url,
        "HALLES_DATABASE_PREFIX": prefix,
        "HALLES_DATA_DIR": str(tmp_path),
        "HALLES_ISSUER": issuer.issuer,
        "HALLES_JWKS_URL": issuer.write_jwks(tmp_path),
    }
    settings = Settings(environment="test", database_url=database_url, database_prefix=prefix, database_urls={})
    with ExitStack() as stack:
        yield Platform(settings, variables, issuer, tmp_path, stack)
    asyncio.run(drop(settings, "alerts"))


@pytest.fixture
async def conn(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to the greeter's database, migrated."""
    await provision(platform.settings, "alerts")
    await migrate(platform.settings, SERVICE)
    conn = await connect(service_url(platform.settings, "alerts"))
    yield conn
    await conn.close()


async def _until(conn: asyncpg.Connection, question: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await conn.fetchval(question):  # noqa: ASYNC110  # another process does it
            await asyncio.sleep(0.05)


async def _greet(platform: Platform, url: str, seconds: float = 0, count: int = 1) -> Path:
    """Ask for greetings and give the file they are written to."""
    file = platform.folder / f"greetings-{secrets.token_hex(3)}"
    async with aiohttp.ClientSession(headers=platform.headers()) as client:
        for _ in range(count):
            body = {"seconds": seconds, "file": str(file)}
            async with client.post(f"{url}/alerts/v1/greetings", json=body) as answer:
                assert answer.status == 201, await answer.text()
    return file


async def _wait_for_answer(url: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(f"{url}/alerts/v1/patience?seconds=1.5") as answer:
        return answer.status


def _lines(file: Path, what: str) -> list[tuple[str, int]]:
    """Give who did what to which greeting."""
    found = (line.split() for line in file.read_text().splitlines())
    return [(key, int(pid)) for key, did, pid in found if did == what]


async def test_processes_start_in_any_order_share_the_work_and_stop_gracefully(
    platform: Platform, amqp_url: str
) -> None:
    api = platform.start("api", "api", "--port", "0")
    workers = [platform.start(f"worker{n}", "worker", HALLES_AMQP_URL=amqp_url) for n in range(2)]
    relay = platform.start("relay", "relay", HALLES_AMQP_URL=amqp_url)
    assert "not ready" not in str(await asyncio.to_thread(api.line, "waiting"))
    migrated = await asyncio.to_thread(platform.run, "migrate")
    assert (migrated.returncode, migrated.stdout.split()[-1]) == (0, "0001_init"), migrated.stderr
    url = (await asyncio.to_thread(api.line, "started"))["url"]
    for process in (*workers, relay):
        await asyncio.to_thread(process.line, "started")
    conn = await connect(service_url(platform.settings, "alerts"))
    try:
        file = await _greet(platform, url, seconds=0.05, count=24)
        await _until(conn, "SELECT count(*) = 24 FROM journal WHERE action = 'alerts.webhook.delivered.v1'")
        done = _lines(file, "began")
        assert len({key for key, _ in done}) == len(done) == 24
        assert {pid for _, pid in done} == {worker.process.pid for worker in workers}

        file = await _greet(platform, url, seconds=1.0)
        await _until(conn, "SELECT bool_or(lease IS NOT NULL) FROM job")
        waiting = asyncio.create_task(_wait_for_answer(url))
        await asyncio.sleep(0.5)
        codes = await asyncio.gather(*(asyncio.to_thread(process.stop) for process in (api, *workers, relay)))
        assert await waiting == 200
        assert codes == [0, 0, 0, 0]
        assert len(_lines(file, "ended")) == 1
        assert await conn.fetchval("SELECT count(*) FROM job WHERE state <> 'done'") == 0
    finally:
        await conn.close()


async def test_the_job_of_a_killed_worker_is_finished_by_another(
    platform: Platform, conn: asyncpg.Connection, amqp_url: str
) -> None:
    file = platform.folder / "greetings"
    await conn.execute(
        "INSERT INTO job (kind, key, payload, due_at) VALUES ('greet', gen_random_uuid()::text, $1, now())",
        {"seconds": 1.0, "file": str(file), "by": BUYER},
    )
    first = platform.start("first", "worker", HALLES_AMQP_URL=amqp_url)
    await _until(conn, "SELECT lease IS NOT NULL FROM job")
    first.process.kill()
    await asyncio.to_thread(first.process.wait)
    second = platform.start("second", "worker", HALLES_AMQP_URL=amqp_url)
    await asyncio.to_thread(second.line, "started")
    await conn.execute("UPDATE job SET not_before = now()")  # as if its lease of a minute had ended
    await _until(conn, "SELECT state = 'done' FROM job")
    assert await asyncio.to_thread(second.stop) == 0
    began, ended = _lines(file, "began"), _lines(file, "ended")
    assert len({key for key, _ in began}) == 1, "the receiver sees one identity"
    assert [pid for _, pid in ended] == [second.process.pid]
    assert await conn.fetchval("SELECT count(*) FROM outbox") == 1


def _production(**more: str) -> dict[str, str]:
    return {"HALLES_ENVIRONMENT": "production", "HALLES_ISSUER": "https://id.example", "HALLES_SECRET": "s" * 40} | more


@pytest.mark.parametrize(
    ("words", "variables", "code", "sentence"),
    [
        (["api"], _production(HALLES_CLOCK="sandbox"), EXIT_CONFIGURATION, "production start refused"),
        (["api"], _production(HALLES_ISSUER="http://127.0.0.1/issuer"), EXIT_CONFIGURATION, "a local issuer gives"),
        (["migrate"], _production(HALLES_SECRET="short"), EXIT_CONFIGURATION, "HALLES_SECRET"),
        (["api"], {"HALLES_PORT": "many"}, EXIT_CONFIGURATION, "HALLES_PORT: Input should be a valid integer"),
        (["jobs", "list"], {}, EXIT_UNAVAILABLE, "the database is not available"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(
    platform: Platform, words: list[str], variables: dict[str, str], code: int, sentence: str
) -> None:
    ended = platform.invoke(*words, **variables)
    assert (ended.exit_code, sentence in ended.stderr) == (code, True), ended.stderr


@pytest.mark.parametrize(
    ("word", "variables", "code", "sentence"),
    [
        ("worker", {}, EXIT_CONFIGURATION, "set HALLES_AMQP_URL"),
        ("relay", {}, EXIT_CONFIGURATION, "set HALLES_AMQP_URL"),
        (
            "worker",
            {"HALLES_AMQP_URL": "amqp://127.0.0.1:1/"},
            EXIT_UNAVAILABLE,
            "broker / at 127.0.0.1:1 as None is not",
        ),
        ("api", {}, EXIT_UNAVAILABLE, "is not ready after 0 s"),
    ],
)
def test_a_process_waits_for_what_it_needs_then_gives_up_with_a_word(
    platform: Platform, word: str, variables: dict[str, str], code: int, sentence: str
) -> None:
    ended = platform.run(word, **{"HALLES_START_SECONDS": "0.2"} | variables)
    assert (ended.returncode, sentence in ended.stderr) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_relay_that_starts_without_the_broker_numbers_events_for_the_feed_all_the_same(
    platform: Platform, conn: asyncpg.Connection
) -> None:
    relay = platform.start("relay", "relay", HALLES_AMQP_URL="amqp://127.0.0.1:1/")
    await asyncio.to_thread(relay.line, "started")
    await outbox.write(conn, [sample_of(WebhookDeliveredV1)])
    await _until(conn, "SELECT position = 1 FROM event_head")
    assert await asyncio.to_thread(relay.stop) == 0


async def test_an_operator_works_by_command(platform: Platform, conn: asyncpg.Connection) -> None:
    async def run(*words: str) -> Result:
        return await asyncio.to_thread(platform.invoke, *words)

    job_id = await conn.fetchval(
        "INSERT INTO job (kind, key, payload, due_at, state, finished_at, last_error) "
        "VALUES ('greet', 'k', '{\"to\": \"a@b.fr\"}', now(), 'dead', now(), 'gone') RETURNING id"
    )
    listed = await run("jobs", "list")
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [str(job_id)]
    assert "a@b.fr" not in listed.stdout
    assert json.loads((await run("jobs", "retry", str(job_id))).stdout)["state"] == "waiting"
    again = await run("jobs", "retry", str(job_id))
    assert (again.exit_code, again.stderr) == (EXIT_REFUSED, "Error: Only a dead job can be tried again.\n")
    assert (await run("parked", "list")).exit_code == 0
    assert json.loads((await run("journal", "verify")).stdout) == {"entries": 0, "head": "0" * 64, "fault": None}
    assert await conn.fetchval("SELECT actor LIKE 'shell:%' FROM journal_pending") is True
    await conn.execute("UPDATE journal_head SET position = 5")
    broken = await run("journal", "verify")
    assert (broken.exit_code, json.loads(broken.stdout)["entries"]) == (EXIT_REFUSED, 0)
    assert json.loads((await run("journal", "head")).stdout)["position"] == 5
