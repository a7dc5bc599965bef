"""How far a long run is, on the error output: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["progress"]

_EVERY: Final = 5.0  # seconds


@contextmanager
def progress(files: int) -> Iterator[Callable[[int, int], None]]:
    """Give what is told how many files are behind, and how many notices were done."""
    if not sys.stderr.isatty():
        yield _Lines(files)
        return
    columns = (
        TextColumn("{task.fields[notices]} notices"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=files, notices=0)
        yield lambda done, notices: bar.update(task, completed=done, notices=notices)


class _Lines:
    def __init__(self, files: int) -> None:
        self._files = files
        self._started = self._last = time.monotonic()

    def __call__(self, done: int, notices: int) -> None:
        now = time.monotonic()
        if now - self._last >= _EVERY:
            self._last = now
            rate = notices / (now - self._started)
            click.echo(f"{done}/{self._files} files, {notices} notices, {rate:.0f} a second", err=True)
