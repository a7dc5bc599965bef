"""The platform on one machine: starts whole, keeps its data, stops clean however it is stopped, is never production."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from deploy.local.platform import CHECKOUT, SERVICES, Options, platform
from libs.common.db import service_url
from libs.common.settings import Settings, UnsafeStartError
from libs.common.testing.servers.postgres import free_port
from libs.common.testing.servers.scratch import new_run_folder

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")}
READY_WITHIN = 60


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the embedded parts, whatever servers the other tests use."""
    for name in ("HALLES_DATABASE_URL", "HALLES_AMQP_URL", "HALLES_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


async def until_ready(client: aiohttp.ClientSession) -> None:
    """Wait for the readiness that the platform told as it began: a busy machine may be late for a look of it."""
    async with asyncio.timeout(READY_WITHIN):
        while True:
            async with client.get("/readyz") as answer:
                if answer.status == 200:
                    return


async def test_platform_serves_everything_on_one_port() -> None:
    async with platform() as running, aiohttp.ClientSession(running.url) as client:
        expected = {
            "/livez": 200,
            "/readyz": 200,
            "/metrics": 200,
            "/docs": 200,
            "/issuer/.well-known/openid-configuration": 200,
            "/sandbox/clock": 200,
            "/sandbox/mails": 200,
            "/nowhere": 404,
            **{f"/{name}/v1/openapi.json": 200 for name in SERVICES},
            **{f"/{name}/v1/events": 200 for name in SERVICES},
        }
        await until_ready(client)
        found = {}
        for path in expected:
            async with client.get(path) as response:
                found[path] = response.status
        assert found == expected
        await services_enter_their_own_database_only(running.runtimes["notices"].settings)
        assert await connections(running.runtimes["notices"].settings.database_url) <= 60
        folder = running.sandbox.data_dir
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists(), "a run that keeps nothing left its folder"


async def services_enter_their_own_database_only(settings: Settings) -> None:
    own = await asyncpg.connect(service_url(settings, "notices"))
    assert await own.fetchval("SELECT current_user || ' ' || current_database()") == "halles_notices halles_notices"
    await own.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(service_url(settings, "notices").removesuffix("halles_notices") + "halles_bids")


async def connections(administrator: str) -> int:
    """Count the connections of all services, listeners and leaders included."""
    connection = await asyncpg.connect(administrator)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'halles\\_%' AND usename <> current_user"
            )
        )
    finally:
        await connection.close()


async def test_token_of_the_local_issuer_opens_the_services() -> None:
    async with platform(Options(services=("notices",))) as running, aiohttp.ClientSession(running.url) as client:
        form = {"grant_type": "client_credentials", "client_id": "acheteuse"}
        async with client.post("/issuer/token", data=form) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with client.post("/notices/v1/notices/check", data=b"<x/>", headers=headers) as response:
            assert response.status not in {401, 403}
        async with client.post("/notices/v1/notices/check", data=b"<x/>") as response:
            assert response.status == 401


async def test_production_is_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLES_ENVIRONMENT", "production")

    def started(*_: object, **__: object) -> None:
        raise AssertionError("a server is started")

    monkeypatch.setattr("deploy.local.platform.database", started)
    with pytest.raises(UnsafeStartError, match="HALLES_CLOCK=sandbox") as refusal:
        async with platform(Options(data_dir=tmp_path)):
            pass
    assert "HALLES_ISSUER" in str(refusal.value)


class Up:
    """`make up`, as a process."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = data
        self._environment = {**ENVIRONMENT, **environment}
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "deploy.local", "up", "--port", str(self.port), "--data", str(self._data)]
        command += ["--only", "opendata"]  # one is enough to see the platform start and stop
        self.process = subprocess.Popen(
            command, cwd=CHECKOUT, env=self._environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return self.process

    def wait_until_ready(self) -> str:
        limit = time.monotonic() + READY_WITHIN
        assert self.process.stdout is not None
        said = ""
        while "Ctrl-C stops it" not in said:
            assert time.monotonic() < limit, said
            line = self.process.stdout.readline()
            assert line, f"it ended: {said}"
            said += line
        return said

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=40)
        return self.process.returncode, said

    def servers(self) -> list[str]:
        """The processes whose command line names our data."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_text() if entry.name.isdigit() else ""
            except OSError:
                continue
            if str(self._data) in command:
                found.append(command.replace("\0", " "))
        return found

    def wait_until_gone(self) -> None:
        limit = time.monotonic() + 30
        while self.servers():
            assert time.monotonic() < limit, self.servers()
            time.sleep(0.1)


@pytest.fixture
def up() -> Iterator[Up]:
    run = new_run_folder("up")  # where the server's unprivileged user can go
    running = Up(run.path / "data")
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate()
    running.wait_until_gone()
    run.release()
    shutil.rmtree(run.path)


async def advance(up: Up, seconds: int) -> float:
    jump = {"advance_seconds": seconds}
    async with aiohttp.ClientSession(up.url) as client, client.post("/sandbox/clock", json=jump) as response:
        return float((await response.json())["ahead_seconds"])


async def keys(up: Up) -> object:
    async with aiohttp.ClientSession(up.url) as client, client.get("/issuer/jwks.json") as response:
        return await response.json()


async def migrations(up: Up) -> object:
    async with aiohttp.ClientSession(up.url) as client, client.get("/readyz") as response:
        assert response.status == 200
        return await response.json()


@pytest.mark.timeout(240)
async def test_up_says_where_it_is_keeps_its_data_and_stops_clean(up: Up) -> None:
    said = up.wait_until_ready()
    assert f"{up.url}/docs" in said
    assert up.servers(), "the embedded server's data are elsewhere"
    assert await advance(up, 86400) == 86400
    first_keys = await keys(up)
    code, said = up.end(signal.SIGTERM)
    assert (code, said.splitlines()[-1]) == (0, "Stopped. The data are kept for the next time.")
    assert not up.servers()
    up.start()
    up.wait_until_ready()
    assert await advance(up, 0) == 86400, "the clock went back"
    assert await keys(up) == first_keys
    up.process.kill()  # nothing is left even so, and the next start finds its data
    up.process.communicate()
    up.wait_until_gone()
    up.start()
    up.wait_until_ready()
    await migrations(up)
    code, _ = up.end(signal.SIGINT)
    assert code == 0


def test_up_refuses_production_and_a_taken_port_with_one_sentence(tmp_path: Path) -> None:
    production = Up(tmp_path / "production", HALLES_ENVIRONMENT="production")
    said, _ = production.process.communicate(timeout=60)
    assert production.process.returncode == 78  # EX_CONFIG
    assert "production start refused" in said
    assert "Traceback" not in said
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "deploy.local", "up", "--data", str(tmp_path / "taken")]
        port = str(taken.getsockname()[1])
        answer = subprocess.run(
            [*command, "--port", port],
            cwd=CHECKOUT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert answer.returncode == 1
    assert f"port {port}" in answer.stderr
    assert "Traceback" not in answer.stderr
