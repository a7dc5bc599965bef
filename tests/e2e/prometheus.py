"""A private Prometheus that reads what deploy/prometheus/prometheus.yml says, at the addresses of a test."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from libs.common.process import Program, start
from libs.common.testing.servers.debian import find_prometheus
from libs.common.testing.servers.postgres import free_port

__all__ = ["Prometheus", "prometheus"]

FOLDER = Path(__file__).resolve().parents[2] / "deploy/prometheus"


@dataclass
class Prometheus:
    """A running Prometheus."""

    client: aiohttp.ClientSession
    url: str

    async def ask(self, path: str, **words: str) -> Any:  # noqa: ANN401
        """Ask its API (v1). Raises AssertionError with what it says is wrong."""
        async with self.client.get(f"{self.url}/api/v1/{path}", params=words) as answer:
            found = await answer.json()
        assert found["status"] == "success", (words, found)
        return found["data"]

    async def query(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Give the instant vector of a query: labels and values; those that are no number are left out."""
        data = await self.ask("query", query=query)
        assert data["resultType"] == "vector", query
        found = [(each["metric"], float(each["value"][1])) for each in data["result"]]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    async def alerts(self) -> set[tuple[str, str]]:
        """Give the alerts that are pending or firing, each with its service, queue or process."""
        data = await self.ask("alerts")
        found = [alert["labels"] for alert in data["alerts"]]
        return {(one["alertname"], one.get("queue") or one.get("service") or one.get("process", "")) for one in found}


def configuration(addresses: Mapping[str, str], vhost: str) -> dict[str, Any]:
    """Give the committed configuration, each second, with addresses of the test in the place of those the DNS gives."""
    settings: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(FOLDER / "alerts.yml")]
    for job in settings["scrape_configs"]:
        (asked,) = job.pop("dns_sd_configs")
        job["static_configs"] = [
            {"targets": [addresses[name]], "labels": {"__meta_dns_name": name}}
            for name in asked["names"]
            if name in addresses
        ]
        if "params" in job:
            job["params"]["vhost"] = [vhost]
    return settings


@asynccontextmanager
async def prometheus(folder: Path, addresses: Mapping[str, str], *, vhost: str) -> AsyncIterator[Prometheus]:
    """Run a private Prometheus; `addresses` are those of the processes, by their names in compose."""
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(yaml.safe_dump(configuration(addresses, vhost)))
    command = [
        str(find_prometheus()),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = start(Program(command, folder / "prometheus.log"))
    try:
        async with aiohttp.ClientSession() as client:
            running = Prometheus(client, f"http://127.0.0.1:{port}")
            await _ready(running, server.tail)
            yield running
    finally:
        await server.stop()


async def _ready(running: Prometheus, tail: Any) -> None:  # noqa: ANN401
    for _ in range(300):
        try:
            async with running.client.get(f"{running.url}/-/ready") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError(f"Prometheus did not start:\n{tail()}")
