"""Tables for spreadsheets: CSV as they read it in France, and no text of others that they would compute."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

__all__ = ["MARK", "csv_lines"]

MARK = "\ufeff"
"""Begins a file, so that spreadsheets read UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Give rows as CSV (semicolons, RFC 4180): a cell that would be read as a formula begins with an apostrophe."""
    target = StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return target.getvalue()


def _cell(value: str) -> str:
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
