"""Start a program under a guard, so that nothing of it outlives us, even after SIGKILL.

The guard is this very file run as a small process of its own: it holds a pipe from us. When the pipe closes, because we
asked to stop or because we died, it stops the program gracefully, kills whatever is left of its family (a daemonised
helper included), and removes the program's folder. If the guard itself is killed, the kernel kills the program.

Standard library only: the guard runs it by path, isolated, before any right is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Guarded", "Program", "start"]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Program:
    """What to run and how to end it."""

    command: Sequence[str]
    log: Path
    """Its standard output and error are appended here."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    user: tuple[int, int] | None = None
    """Run as this user and group, without any other group; None: as ourselves."""
    stop_signal: int = signal.SIGTERM
    grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""
    remove: Path | None = None
    """A folder removed once everything has ended."""
    keep_open: tuple[int, ...] = ()
    """Descriptors (locks) that the guard holds until everything has ended."""


class Guarded:
    """A program running under its guard."""

    def __init__(self, program: Program, guard: subprocess.Popen[bytes]) -> None:
        self.program = program
        self._guard = guard

    @property
    def running(self) -> bool:
        """True until the program has ended."""
        return self._guard.poll() is None

    @property
    def guard_pid(self) -> int:
        """The process number of the guard."""
        return self._guard.pid

    def tail(self, lines: int = 15) -> str:
        """Give the last lines of the program's log, for an error message."""
        if not self.program.log.exists():
            return ""
        return "\n".join(self.program.log.read_text(errors="replace").splitlines()[-lines:])

    async def stop(self) -> int:
        """Stop the program, wait until nothing of it is left, and give its exit code (negative: the signal's number)."""
        return await asyncio.to_thread(self.stop_now)

    def stop_now(self) -> int:
        """Like `stop`, blocking."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        code = self._guard.wait()
        if self.program.remove:  # the guard leaves it when the program ended by itself: its log says why
            shutil.rmtree(self.program.remove, ignore_errors=True)
        return code if code < 128 else 128 - code


def start(program: Program) -> Guarded:
    """Start the program under a guard. Does not wait until it is ready."""
    order = {**dataclasses.asdict(program), "log": str(program.log), "remove": program.remove and str(program.remove)}
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=program.keep_open,
        start_new_session=True,  # an interrupt key at the terminal is ours to handle, in order
        cwd="/",
    )
    if guard.stdin is not None:
        guard.stdin.write(json.dumps(order).encode() + b"\n")  # not in its arguments, which everybody may read
        guard.stdin.flush()
    return Guarded(program, guard)


# From here on: the guard.


def _prctl(option: int, value: int) -> None:
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _spawn(order: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    rights: dict[str, Any] = {}
    if order["user"]:
        rights = {"user": order["user"][0], "group": order["user"][1], "extra_groups": []}
    guard = os.getpid()
    with Path(order["log"]).open("ab") as log:
        return subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **order["env"]},
            cwd="/",
            start_new_session=True,
            preexec_fn=_die_with(guard),  # noqa: PLW1509  # the guard has one thread
            **rights,
        )


def _die_with(guard: int) -> Callable[[], None]:
    """Runs in the child after its rights are dropped, since that clears the death signal (prctl(2))."""

    def prepare() -> None:
        os.umask(0o077)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    return prepare


def _asked_to_stop(child: subprocess.Popen[bytes]) -> bool:
    """Wait: true when the pipe closed or a signal asks us to stop, false when the child ended by itself."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    while child.poll() is None:
        ready, _, _ = select.select([0, readable], [], [], 60)
        if 0 in ready and not os.read(0, 1024):
            return True
        if readable in ready and set(os.read(readable, 64)) - {signal.SIGCHLD}:
            return True
    return False


def _end(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> int:
    if child.poll() is None:
        child.send_signal(stop_signal)
    try:
        return child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _kill_family(leader: int) -> None:
    """Kill what the program left behind: its session, and on Linux every orphan that fell to us, the subreaper."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    while LINUX and (orphans := _children()):
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        _reap()
        time.sleep(0.01)


def _children() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # the name in parentheses may hold spaces: the parent's number is the second field after it
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _read_order() -> Mapping[str, Any]:
    """Read one line, and not a byte more: what follows is the end of the pipe."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit("the guard was started without an order")
        line += byte
    order: Mapping[str, Any] = json.loads(line)
    return order


def _guard(order: Mapping[str, Any]) -> int:
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = _spawn(order)
    asked = _asked_to_stop(child)
    code = _end(child, order["stop_signal"], order["grace"])
    _kill_family(child.pid)
    if order["remove"] and asked:
        shutil.rmtree(order["remove"], ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_guard(_read_order()))
