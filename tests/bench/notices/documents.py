"""The archive of all tender documents, streamed through HTTP: how fast, and in how much memory; against the bare bytes.

Server and client are in one process: its peak counts both. The baseline sends as many bytes of one stored file.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from libs.common.testing.databases import drop_databases
from libs.common.testing.harness import Harness, TestClock, harness
from libs.common.testing.servers.postgres import postgres
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, KEYS, NOTICE_ID, PROCEDURE, eforms

__all__ = ["run"]

_MIB = 2**20
_FILES = 4
XML = {"Content-Type": "application/xml"}


async def run(*, short: bool) -> None:
    """Upload files of 4 GiB together (64 MiB in short), publish, download them as one archive, as one file, and a part."""
    size = (64 if short else 4096) * _MIB // _FILES
    async with _service() as h:
        before = _peak()
        uploaded = await _publish(h, size)
        archive = await _read(h, f"/procedures/{PROCEDURE}/documents.zip")
        one = await _read(h, f"/procedures/{PROCEDURE}/documents/plan-1.pdf")
        at = archive["bytes"] // 2
        part = await _read(h, f"/procedures/{PROCEDURE}/documents.zip", Range=f"bytes={at}-{at + _MIB - 1}")
    ours, baseline = archive["bytes"] / _MIB / archive["seconds"], one["bytes"] / _MIB / one["seconds"]
    _tell("archive_mib_per_second", ours=round(ours), baseline=round(baseline), ratio=round(ours / baseline, 2))
    _tell("archive_peak_growth_mib", ours=round(_peak() - before, 1), archive_mib=archive["bytes"] // _MIB)
    _tell("upload_mib_per_second", ours=round(uploaded))
    _tell("part_of_archive_ms", ours=round(part["seconds"] * 1000, 1), bytes=part["bytes"])


@asynccontextmanager
async def _service() -> AsyncIterator[Harness]:
    given = os.environ.get("HALLES_DATABASE_URL")
    if given:
        async with harness(SERVICE, given, clock=TestClock(BEFORE)) as h:
            yield h
        await drop_databases(given)
        return
    async with postgres() as address, harness(SERVICE, address, clock=TestClock(BEFORE)) as h:
        yield h


async def _publish(h: Harness, size: int) -> float:
    """Give the MiB a second of the uploads."""
    headers, path = h.headers(INTERCOMMUNALITY), f"/notices/{NOTICE_ID}"
    notice = await _ask(h, "POST", "/notices/import", data=eforms(1), headers=headers | XML)
    began = time.perf_counter()
    for number in range(_FILES):
        await _ask(h, "PUT", f"{path}/documents/plan-{number}.pdf", data=_content(number, size), headers=headers)
    seconds = time.perf_counter() - began
    match = {"If-Match": f'"{notice["version"]}"'}
    changed = await _ask(h, "PATCH", path, json={"opening": KEYS}, headers=headers | match)
    match = {"If-Match": f'"{changed["version"]}"'}
    await _ask(h, "POST", f"{path}/publication", headers=headers | match)
    return _FILES * size / _MIB / seconds


async def _content(number: int, size: int) -> AsyncIterator[bytes]:
    chunk = b"%PDF-1.7" + bytes([number]) * (_MIB - 8)
    for _ in range(size // _MIB):
        yield chunk


async def _ask(h: Harness, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # those of aiohttp
    async with h.client.request(method, f"/notices/v1{path}", timeout=None, **options) as answer:
        answer.raise_for_status()
        body: dict[str, Any] = await answer.json()
        return body


async def _read(h: Harness, path: str, **headers: str) -> dict[str, Any]:
    began, size = time.perf_counter(), 0
    async with h.client.get(f"/notices/v1{path}", headers=headers, timeout=None) as answer:
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            size += len(chunk)
    return {"bytes": size, "seconds": time.perf_counter() - began}


def _peak() -> float:
    """Give the most memory the process has had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _tell(measure: str, **figures: object) -> None:
    click.echo(json.dumps({"bench": "notices.documents", "measure": measure, **figures}))
