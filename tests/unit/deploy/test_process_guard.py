"""A guarded program never outlives us: not after a stop, not after our death, not even its daemonised helpers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libs.common.process import Program, start

ROOT = Path(__file__).resolve().parents[3]

DAEMONISING = (
    "import os, time, pathlib, sys\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"  # leaves the session, as epmd does
    "    if os.fork() == 0:\n"
    "        pathlib.Path(sys.argv[1], 'helper').write_text(str(os.getpid()))\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
    "pathlib.Path(sys.argv[1], 'main').write_text(str(os.getpid()))\n"
    "time.sleep(600)\n"
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_pid(path: Path) -> int:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"{path} was never written")


def wait_until_dead(*pids: int) -> None:
    limit = time.monotonic() + 20
    while any(map(alive, pids)):
        assert time.monotonic() < limit, f"still alive: {[pid for pid in pids if alive(pid)]}"
        time.sleep(0.02)


def daemonising(folder: Path, **options: object) -> Program:
    command = [sys.executable, "-c", DAEMONISING, str(folder)]
    return Program(command, folder / "log", **options)  # type: ignore[arg-type]


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard's promises are those of Linux")


async def test_stop_leaves_no_process_of_the_family(tmp_path: Path) -> None:
    program = start(daemonising(tmp_path))
    pids = read_pid(tmp_path / "main"), read_pid(tmp_path / "helper")
    assert program.running
    assert await program.stop() == -signal.SIGTERM
    assert not any(map(alive, (*pids, program.guard_pid)))


def test_death_of_the_parent_ends_the_family_and_removes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, DAEMONISING, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    pids = read_pid(folder / "main"), read_pid(folder / "helper")
    parent.kill()
    parent.wait()
    wait_until_dead(*pids)
    limit = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < limit, "the folder is left"
        time.sleep(0.02)


PARENT = """
import sys, time
from pathlib import Path
from libs.common.process import Program, start
folder = Path(sys.argv[2])
start(Program([sys.executable, "-c", sys.argv[1], str(folder)], folder / "log", remove=folder))
time.sleep(600)
"""


async def test_death_of_the_guard_ends_the_program(tmp_path: Path) -> None:
    program = start(daemonising(tmp_path))
    main, helper = read_pid(tmp_path / "main"), read_pid(tmp_path / "helper")
    os.kill(program.guard_pid, signal.SIGKILL)
    wait_until_dead(main)
    os.kill(helper, signal.SIGKILL)  # nobody is left to do it
    await program.stop()


async def test_program_that_ignores_the_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    code = "import signal, time, pathlib, sys, os\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + DAEMONISING
    program = start(Program([sys.executable, "-c", code, str(tmp_path)], tmp_path / "log", grace=0.2))
    pid = read_pid(tmp_path / "main")
    assert await program.stop() == -signal.SIGKILL
    assert not alive(pid)


async def test_failure_of_the_program_keeps_its_log_for_the_message(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    command = [sys.executable, "-c", "import sys; sys.exit('no such port')"]
    program = start(Program(command, folder / "log", remove=folder))
    wait_until_dead(program.guard_pid)
    assert "no such port" in program.tail()
    assert await program.stop() == 1
    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
async def test_rights_are_dropped_for_good(tmp_path: Path) -> None:
    code = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), flush=True)"
    program = start(Program([sys.executable, "-c", code], tmp_path / "log", user=(65534, 65534)))
    await program.stop()
    assert program.tail() in {"(65534, 65534, 65534) (65534, 65534, 65534) []", ""}
