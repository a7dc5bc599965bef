"""`python -m tests.bench.bids.burst`: deposits of 1 MiB that all finish in the last minute before the deadline.

A real api process, a real PostgreSQL (the one of `libs.common.testing.servers`), a time stamp authority over HTTP in a process
of its own that takes 100 to 300 ms. Measured by the depositors: from the last request (the envelopes) to the receipt in hand.
Prints JSON lines: name, unit, ours, baseline (none: nothing to compare with), ratio, target, met, load.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import aiohttp
import click
import psutil

from deploy.local.pki import TestAuthority
from libs.common.bus import inbox
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import Notice
from libs.common.runtime import open_runtime
from libs.common.testing.databases import databases_on
from libs.common.testing.issuer import TestIssuer
from libs.common.testing.servers.postgres import free_port
from services.bids import sealing
from services.bids.sealing.receipt import Receipt, verify_receipt
from services.bids.settings import BidsSettings
from services.bids.wiring import SERVICE
from tests.api.bids.bids_world import notice, offer

ROOT = Path(__file__).resolve().parents[3]
TARGET = 2.0
"""Seconds within which every receipt is in hand, p99 (issue 5)."""
DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
"""Where there is no HALLES_DATABASE_URL: the administrator of the machine's PostgreSQL."""
SIZE = 2**20
AHEAD = 20.0
"""Seconds before the last minute in which the depositors prepare."""
_TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@dataclass
class Stage:
    """Where the burst happens."""

    client: aiohttp.ClientSession
    issuer: TestIssuer
    notice: Notice
    procedure: UUID
    deadline: datetime
    authority: TestAuthority
    api: _Process

    async def call(self, company: str, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401  # JSON
        """Call the service for a company and give its answer."""
        token = self.issuer.token(organisation=company, kind="company")
        headers = options.pop("headers", {}) | {"Authorization": f"Bearer {token}"}
        async with self.client.request(method, f"/bids/v1{path}", headers=headers, **options) as answer:
            if answer.status >= 400:
                raise click.ClickException(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json() if "json" in answer.content_type else None


@dataclass
class Deposit:
    """One deposit, as its depositor saw it."""

    seconds: float
    receipt: Receipt
    standing: str


@click.command(epilog="Example: python -m libs.common.testing.servers .venv/bin/python -m tests.bench.bids.burst")
@click.option("--deposits", default=500, show_default=True, help="How many finish in the last minute.")
def main(deposits: int) -> None:
    """Measure the burst before a deadline."""
    asyncio.run(_tell(deposits))


async def run(*, short: bool) -> None:
    """Measure the burst as a part of `make bench-bids`."""
    await _tell(40 if short else 500)


async def _tell(deposits: int) -> None:
    for line in await measure(deposits):
        click.echo(json.dumps(line, ensure_ascii=False))


async def measure(deposits: int) -> list[dict[str, Any]]:
    """Run the burst and give its figures."""
    async with _stage(AHEAD + deposits / 20) as stage:
        before = stage.api.seconds
        made = await asyncio.gather(*(_deposit(stage, number, deposits) for number in range(deposits)))
        await asyncio.sleep(max(0.0, (stage.deadline - datetime.now(UTC)).total_seconds() + 2))
        for each in made:
            bid = each.receipt.statement.bid_id
            view = await stage.call(each.receipt.statement.depositor.organisation, "GET", f"/bids/{bid}")
            each.standing = view["standing"]
        for each in made:
            if each.receipt.timestamp == "stamped":
                verify_receipt(each.receipt, [stage.authority.root])
        spent = (stage.api.seconds - before) / deposits
    return [*_figures(made), _line("api's processor time a deposit, upload and preparation included", "s", spent, None)]


def _figures(made: Sequence[Deposit]) -> list[dict[str, Any]]:
    seconds = sorted(each.seconds for each in made)
    p99 = statistics.quantiles(seconds, n=100)[98]
    late = sum(each.standing != "counts" for each in made)
    pending = sum(each.receipt.timestamp != "stamped" for each in made)
    return [
        _line("receipt p50", "s", statistics.median(seconds), None),
        _line("receipt p99", "s", p99, TARGET),
        _line("receipt slowest", "s", seconds[-1], None),
        _line("wrongly late", f"of {len(made)}", late, 0),
        _line("receipts pending", f"of {len(made)}", pending, None),
    ]


def _line(name: str, unit: str, ours: float, target: float | None) -> dict[str, Any]:
    met = None if target is None else ours <= target
    load = round(os.getloadavg()[0], 1)
    return {"name": f"burst: {name}", "unit": unit, "ours": round(ours, 3), "baseline": None, "ratio": None,
            "target": target, "met": met, "load": load}  # fmt: skip


async def _deposit(stage: Stage, number: int, deposits: int) -> Deposit:
    """Prepare a bid, then upload and deposit it at a moment of the last minute."""
    company, content = f"SIRET:{55210025400000 + number}", [offer([os.urandom(SIZE)])]
    await asyncio.sleep(
        number / deposits * deposits / 20
    )  # sealing is the depositors' own machines', not one machine's
    files = [{"name": "offre.sealed", "size": sealing.sealed_size(SIZE)}]
    body = {"envelopes": [{"kind": "offer", "lots": ["LOT-0001"], "files": files}], "depositor_name": company}
    draft = await stage.call(company, "POST", f"/consultations/{stage.procedure}/bids", json=body)
    opening = stage.notice.opening
    if opening is None:
        raise click.ClickException("the notice has no keys")
    sealed = sealing.seal_bid(stage.procedure, UUID(draft["bid_id"]), opening, content)
    papers = {"envelopes": [each.model_dump(mode="json") for each in sealed.envelopes]}
    moment = stage.deadline - timedelta(seconds=random.uniform(4, 60))
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
    (data,) = sealed.ciphertexts
    headers = _TUS | {"Upload-Length": str(len(data))}
    await stage.call(company, "POST", f"/bids/{draft['bid_id']}/files/1/uploads", data=data, headers=headers)
    began = time.perf_counter()
    told = await stage.call(company, "POST", f"/bids/{draft['bid_id']}/deposit", json=papers)
    return Deposit(time.perf_counter() - began, Receipt.model_validate(told), "")


@asynccontextmanager
async def _stage(prepare: float) -> AsyncIterator[Stage]:
    server = os.environ.get("HALLES_DATABASE_URL", DATABASE)
    with tempfile.TemporaryDirectory(prefix="halles-burst-") as name:
        folder, issuer = Path(name), TestIssuer()
        authority = TestAuthority.load_or_create(folder / "pki")
        (folder / "trust").mkdir()
        (folder / "trust" / "root.pem").write_text(authority.root_pem)
        tsa, port = free_port(), free_port()
        async with databases_on(server).clone(SERVICE) as address:
            settings = BidsSettings(
                environment="test", database_urls={"bids": address}, data_dir=folder, issuer=issuer.issuer,
                jwks_url=issuer.write_jwks(folder), timestamp_urls=(f"http://127.0.0.1:{tsa}/",),
                trust_dir=folder / "trust", rate_per_minute=1_000_000,
            )  # fmt: skip
            deadline = (datetime.now(UTC) + timedelta(seconds=60 + prepare)).replace(microsecond=0)
            event = notice(uuid4(), [sealing.generate(f"officier-{n}") for n in (1, 2, 3)], deadline=deadline)
            async with open_runtime(SERVICE, settings) as runtime:
                await inbox.handle(runtime, SERVICE.consumers, CloudEvent.wrap(event))
            with _Process("tests.bench.bids.authority", str(tsa), str(folder / "pki")), _api(settings, port) as api:
                url = f"http://127.0.0.1:{port}"
                connector = aiohttp.TCPConnector(limit=200)
                async with aiohttp.ClientSession(base_url=url, connector=connector) as client:
                    await _ready(client)
                    assert event.procedure is not None
                    yield Stage(client, issuer, event.notice, event.procedure, deadline, authority, api)


def _api(settings: BidsSettings, port: int) -> _Process:
    told = {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URLS": json.dumps(dict(settings.database_urls)),
        "HALLES_DATA_DIR": str(settings.data_dir),
        "HALLES_ISSUER": settings.issuer,
        "HALLES_JWKS_URL": str(settings.jwks_url),
        "HALLES_RATE_PER_MINUTE": "1000000",
        "HALLES_TIMESTAMP_URLS": json.dumps(settings.timestamp_urls),
        "HALLES_TRUST_DIR": str(settings.trust_dir),
    }
    return _Process("services.bids", "api", "--host", "127.0.0.1", "--port", str(port), **told)


class _Process:
    """A process of ours that ends with the block."""

    def __init__(self, module: str, *words: str, **variables: str) -> None:
        known = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")}
        self._command = [sys.executable, "-m", module, *words]
        self._variables = known | variables

    @property
    def seconds(self) -> float:
        """Processor time it has used."""
        times = psutil.Process(self._running.pid).cpu_times()
        return float(times.user + times.system)

    def __enter__(self) -> Self:
        self._running = subprocess.Popen(
            self._command, cwd=ROOT, env=self._variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._running.terminate()
        try:
            self._running.wait(20)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()


async def _ready(client: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(aiohttp.ClientError):
                async with client.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
