"""Folders of private servers: where an unprivileged user reaches them, closed to others, cleaned after dead runs."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunFolder", "ScratchError", "memory_root", "new_run_folder", "passable", "reachable", "scratch_root", "unprivileged_user"]  # fmt: skip

MEMORY = Path("/dev/shm")  # noqa: S108  # owner and mode of our folder are checked below
ROOMY = 4 * 2**30
"""Bytes that must be free in memory before something is kept there; a run of all tests takes half a gigabyte."""
ABANDONED = 3600
"""Seconds after which a run folder without a lock file is taken for a leftover."""


class ScratchError(RuntimeError):
    """The place of private servers' folders cannot be trusted; the message says what to do."""


def unprivileged_user() -> tuple[int, int] | None:
    """Give the user and group that servers run as when we are root (they refuse to be root), None when we are not."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def scratch_root() -> Path:
    """Give our folder under /var/tmp, made at the first call. Others may not write there.

    Raises ScratchError when somebody else took the name.
    """
    return _ours(Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir()))  # noqa: S108  # the same


def memory_root() -> Path:
    """Give our folder in memory, `scratch_root` where there is not much of it.

    On a disk, ext4 looks for a free inode among all those that were let go in the last seconds: making and dropping databases of
    a thousand files, one after the other, took a quarter of the processor's time of the tests.
    """
    try:
        free = shutil.disk_usage(MEMORY).free if os.path.ismount(MEMORY) else 0
    except OSError:
        free = 0
    return _ours(MEMORY) if free >= ROOMY else scratch_root()


def _ours(base: Path) -> Path:
    root = base / f"halles-{os.geteuid()}"
    mode = 0o755 if os.geteuid() == 0 else 0o700
    if not os.path.lexists(root):
        root.mkdir(mode=mode, exist_ok=True)
        root.chmod(mode)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ScratchError(f"{root} is not a folder of ours that only we may write: remove it")
    return root


def reachable(path: Path, user: tuple[int, int] | None) -> bool:
    """Tell whether this user can read the path: each folder above lets it pass, and the path itself is readable."""
    if user is None:
        return os.access(path, os.R_OK)
    path = path.resolve()
    return passable(path.parent, user) and _allows(path, user, 0o5 if path.is_dir() else 0o4)


def passable(folder: Path, user: tuple[int, int] | None) -> bool:
    """Tell whether this user can go through the folder, which exists, and all those above."""
    folder = folder.resolve()
    return user is None or all(_allows(each, user, 0o1) for each in (folder, *folder.parents))


def _allows(path: Path, user: tuple[int, int], bits: int) -> bool:
    found = path.stat()
    if found.st_uid == user[0]:
        granted = found.st_mode >> 6
    elif found.st_gid == user[1]:
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    return granted & bits == bits


@dataclass(frozen=True)
class RunFolder:
    """The folder of one private server, locked as long as it is in use."""

    path: Path
    lock: int
    """The locked descriptor: hand it to the guard, then `release` ours."""

    def release(self) -> None:
        """Close our side of the lock."""
        os.close(self.lock)


def new_run_folder(name: str, root: Path | None = None) -> RunFolder:
    """Make a new folder for a server's run, below `scratch_root` or another root, after removing those of dead runs there.

    It takes its name once it is locked: another run that starts now would take an unlocked one for dead.
    """
    root = root or scratch_root()
    remove_dead_runs(root)
    draft = Path(tempfile.mkdtemp(prefix=f"new-{name}-", dir=root))
    draft.chmod(0o755 if os.geteuid() == 0 else 0o700)
    lock = lock_folder(draft)
    return RunFolder(draft.rename(draft.with_name(draft.name.replace("new-", "run-", 1))), lock)


def lock_folder(path: Path) -> int:
    """Lock a folder for one run and give the locked descriptor. Raises BlockingIOError when another run holds it."""
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def remove_dead_runs(root: Path) -> None:
    """Remove the run folders whose guard is gone: the machine lost power, or everything was killed at once."""
    for folder in (*root.glob("run-*"), *(draft for draft in root.glob("new-*") if _age(draft) > ABANDONED)):
        if _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return _age(folder) > ABANDONED
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0
