"""The whole story, as `make demo` tells it: on the embedded parts, and on a given PostgreSQL and RabbitMQ."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from libs.common.provision import drop
from libs.common.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
NOTICES = CHECKOUT / "deploy/local/notices"
SERVICES = {"notices", "alerts", "bids", "signature", "legality", "opendata"}


class Telling:
    """One run of the demo."""

    def __init__(self, env: dict[str, str], *options: str) -> None:
        self.mark = f"HALLES_TEST_RUN={uuid4()}"
        name, value = self.mark.split("=")
        inherited = {key: text for key, text in os.environ.items() if not key.startswith("HALLES_")}
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local.demo", *options],
            cwd=CHECKOUT,
            env={**inherited, **env, name: value},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        self.code = done.returncode
        self.output = done.stdout + done.stderr
        self.summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    def proofs(self, step: str) -> list[dict[str, Any]]:
        """Give what the steps of this name proved, one a procedure."""
        return [each["proof"] for each in self.summary["steps"] if each["step"] == step]

    def processes_left(self) -> list[int]:
        """Give the processes that still carry the mark of this run."""
        left = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if self.mark.encode() in environment.split(b"\0"):
                left.append(int(folder.name))
        return left


def is_told(telling: Telling) -> None:
    assert telling.code == 0, telling.output
    assert telling.summary["story"] == "ok"
    assert {step["service"] for step in telling.summary["steps"]} >= SERVICES
    assert telling.processes_left() == []


@pytest.mark.timeout(240)
def test_the_story_is_told_on_the_embedded_parts_and_leaves_no_process() -> None:
    telling = Telling({})
    is_told(telling)
    formal, village = telling.proofs("transmission to the legality control, acknowledged")
    assert formal["act_identifier"].endswith("-CC")
    assert "not_applicable" in village
    standstill = telling.proofs("signing before the standstill ends fails")
    assert "refused" in standstill[0]
    assert "procédure adaptée" in standstill[1]["not_applicable"].lower()


@pytest.mark.timeout(240)
def test_the_same_story_is_told_on_a_given_postgresql_and_rabbitmq(database_url: str, amqp_url: str) -> None:
    prefix = f"halles_test_{uuid4().hex[:8]}"
    given = {"HALLES_DATABASE_URL": database_url, "HALLES_AMQP_URL": amqp_url, "HALLES_DATABASE_PREFIX": prefix}
    try:
        telling = Telling(given)
    finally:
        asyncio.run(_drop(database_url, prefix))
    is_told(telling)
    assert "RabbitMQ at" in telling.summary["steps"][0]["proof"]["bus"]
    assert "PostgreSQL at" in telling.summary["steps"][0]["proof"]["database"]


async def _drop(database_url: str, prefix: str) -> None:
    settings = Settings(environment="test", database_url=database_url, database_prefix=prefix, database_urls={})
    for service in sorted(SERVICES):
        await drop(settings, service)


@pytest.mark.timeout(240)
def test_a_folder_of_notices_is_played_or_counted(tmp_path: Path) -> None:
    (tmp_path / "planning.xml").write_bytes(next(NOTICES.glob("04-*.xml")).read_bytes())
    (tmp_path / "lots.xml").write_bytes(next(NOTICES.glob("03-*.xml")).read_bytes())
    (tmp_path / "broken.xml").write_text("<notice>")
    telling = Telling({}, "--notices", str(tmp_path))
    is_told(telling)
    counted = telling.proofs("imported and counted")[0]
    assert (counted["played"], counted["imported"], counted["rejected_files"]) == (1, 1, ["broken.xml"])
    assert telling.proofs("the award is decided")[0]["lots"] > 1
