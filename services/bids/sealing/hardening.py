"""What keeps secrets and plaintext of a process out of core files, swap, and memory that is used again."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "ALLOCATOR", "allocator_set", "harden", "lock_memory", "overwrite_freed", "start_again_hardened", "swap_on", "warnings",
]  # fmt: skip

_PR_SET_DUMPABLE, _M_PERTURB = 4, -6  # <linux/prctl.h>, <malloc.h>
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # <sys/mman.h>
_PATTERN = 0xA5

ALLOCATOR: Mapping[str, str] = {
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": f"glibc.malloc.perturb={_PATTERN}:glibc.malloc.tcache_count=0",
}
"""Environment with which the C library overwrites all memory that Python frees, small objects too."""


def harden() -> None:
    """Have this process never dumped: no core file, its memory closed to others of the same user (prctl(2))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def lock_memory() -> bool:
    """Keep the pages of this process out of swap as they are used (mlockall(2)); False where the system refuses."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def overwrite_freed() -> None:
    """Have the C library overwrite what it frees from here on; `ALLOCATOR` does it from the start, for small objects too."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_PERTURB, _PATTERN)


def start_again_hardened() -> None:
    """Have this process never dumped and its freed memory overwritten: starts it again with `ALLOCATOR`, once."""
    if sys.platform == "linux" and not allocator_set():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **ALLOCATOR})  # noqa: S606  # itself
    harden()
    overwrite_freed()


def warnings() -> list[str]:
    """Say what of this machine could keep a trace of plaintext."""
    found = []
    if swap_on():
        found.append("swap is on: memory that holds plaintext could be written to a disk; turn it off, or encrypt it")
    if not allocator_set():
        found.append("freed memory is not overwritten: start the api with `python -m services.bids api`")
    return found


def allocator_set() -> bool:
    """Say whether this process was started with `ALLOCATOR`."""
    return all(os.environ.get(name) == value for name, value in ALLOCATOR.items())


def swap_on(table: Path = Path("/proc/swaps")) -> bool:
    """Say whether the system could write memory to a disk."""
    try:
        return len(table.read_text().splitlines()) > 1
    except OSError:  # no such table: not Linux
        return False
