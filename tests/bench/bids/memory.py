"""What a long upload adds to the memory of the process that receives it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import click

from tests.bench.bids.uploading import file_of, place, send

_GOAL = 64  # MiB


async def run(*, short: bool) -> None:
    """Measure the highest resident size during 10 GiB (1 GiB when short), in files of 1 GiB sent one after the other."""
    size = 1 << 30
    async with place() as where, file_of(size) as path, file_of(1 << 20) as warm:
        address, headers = await where.upload(1 << 20)
        await asyncio.to_thread(send, address, headers, warm, 1 << 20)
        before = _resident(where.api.pid, "VmRSS")
        _start_again(where.api.pid)
        total = 1 if short else 10
        address, headers = await where.upload(size * total)
        for part in range(total):
            offset = {"Upload-Offset": str(part * size)}
            await asyncio.to_thread(send, address, headers | offset, path, size)
        added = _resident(where.api.pid, "VmHWM") - before
    load = [round(each, 1) for each in os.getloadavg()]
    click.echo(json.dumps({"what": f"memory added by an upload of {total} GiB (goal: less than {_GOAL})", "unit": "MiB",
                           "ours": round(added, 1), "baseline": _GOAL, "ratio": round(added / _GOAL, 2), "load": load}))  # fmt: skip


def _start_again(pid: int) -> None:
    """Have the kernel count the highest resident size from here on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _resident(pid: int, field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
