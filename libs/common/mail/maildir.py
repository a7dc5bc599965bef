"""The operator's mailbox of reports: a Maildir that several workers may empty at once, each report by one of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["MOST_BYTES", "claim", "done"]

MOST_BYTES: Final = 256 * 1024
"""Of a report that are read: reports repeat the mail they are about, which is not needed whole."""
_AGAIN: Final = 600.0  # seconds after which a report that some worker took, and did not finish, is taken again


def claim(folder: Path, most: int) -> Iterator[tuple[Path, bytes]]:
    """Take reports and read them: those that wait, and those that a worker left unfinished."""
    taken = 0
    for path in (*_files(folder / "new"), *_left(folder / "cur")):
        if taken == most:
            return
        own = folder / "cur" / f"{path.name.partition(':')[0]}:2,"
        with suppress(FileNotFoundError):  # another worker took it
            path.replace(own)
            os.utime(own)
            with own.open("rb") as file:
                yield own, file.read(MOST_BYTES)
            taken += 1


def done(path: Path) -> None:
    """Remove a report that was taken in."""
    path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _left(folder: Path) -> Iterator[Path]:
    for path in _files(folder):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _AGAIN:
                yield path
