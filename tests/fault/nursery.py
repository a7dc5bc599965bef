"""Starts processes by forking one that has imported everything: a kill costs a fork, not the seconds of the imports.

Each child is a process of a service like any other: its own settings, log, loop and connections.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from libs.common.service import Service

ROOT = Path(__file__).resolve().parents[2]
Exited = Callable[[int, int], None]
"""Told the process number and the exit code, negative for a signal."""


class Nursery:
    """Our side."""

    def __init__(self, process: asyncio.subprocess.Process, exited: Exited) -> None:
        self._process = process
        self._exited = exited
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._lock = asyncio.Lock()

    async def start(self, service: str, words: list[str], variables: dict[str, str], log: Path) -> int:
        """Start `python -m services.<service> <words>` and give its process number."""
        order = {"service": service, "words": words, "variables": variables, "log": str(log)}
        assert self._process.stdin is not None
        async with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            return await self._born.get()

    async def listen(self) -> None:
        """Hear of births and ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "born" in told:
                self._born.put_nowait(told["born"])
            else:
                self._exited(told["ended"], told["code"])


@asynccontextmanager
async def nursery(exited: Exited, module: str) -> AsyncIterator[Nursery]:
    """Run a nursery of the services that a module has as `SERVICES`; at the end it kills what it started."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fault.nursery", module, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    found = Nursery(process, exited)
    listening = asyncio.create_task(found.listen())
    try:
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


# From here on: the nursery itself.


def _serve(services: Mapping[str, Service]) -> None:
    """Fork on each order of the standard input, tell of each end, kill all when the input closes."""
    children: set[int] = set()
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's interrupt key is our parent's to handle
    buffer = bytearray()
    while _wait_and_reap(readable, children, buffer):
        while (end := buffer.find(b"\n")) >= 0:
            order = json.loads(buffer[:end])
            del buffer[: end + 1]
            children.add(_fork(services[order["service"]], order))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _wait_and_reap(readable: int, children: set[int], buffer: bytearray) -> bool:
    """Wait for an order or an end; False when there will be no more orders."""
    import select

    ready, _, _ = select.select([0, readable], [], [], 1.0)
    if readable in ready:
        os.read(readable, 4096)
    for pid in list(children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            children.discard(pid)
            _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})
    if 0 in ready:
        data = os.read(0, 65536)
        buffer += data
        return bool(data)
    return True


def _tell(what: dict[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _fork(service: Service, order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _live(service, order)
    _tell({"born": pid})
    return pid


def _live(service: Service, order: dict[str, Any]) -> NoReturn:
    """Be the process of a service, to its end."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((null, 0), (log, 1), (log, 2)):
        os.dup2(ours, theirs)
    os.environ.update(order["variables"])
    code = 70
    try:
        _main(service, order["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001  # a forked child must never return into the nursery's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main(service: Service, words: list[str]) -> None:
    from libs.common import jobs
    from libs.common.bus import topology
    from libs.common.run import cli

    # short enough for a test to see the work of a killed worker taken over
    jobs.LEASE = timedelta(seconds=float(os.environ["FAULT_LEASE_SECONDS"]))
    if pauses := os.environ.get("FAULT_BACKOFF_SECONDS"):
        jobs.BACKOFF = tuple(timedelta(seconds=float(pause)) for pause in pauses.split())
    # as `make generate` commits it for the platform's own services
    topology.COMMITTED = Path(os.environ["FAULT_TOPOLOGY"])
    topology.DELIVERY_LIMIT = int(os.environ.get("FAULT_DELIVERY_LIMIT", topology.DELIVERY_LIMIT))
    cli(service)(words, prog_name=service.name)


if __name__ == "__main__":
    import libs.common.processes  # noqa: F401  # imported before the forks, like all that follows from it

    _serve(importlib.import_module(sys.argv[1]).SERVICES)
