"""The settings of the search."""

from __future__ import annotations

from pathlib import Path

from libs.common.settings import Settings

__all__ = ["SearchSettings"]


class SearchSettings(Settings):
    """Adds where the search index is kept."""

    search_dir: Path | None = None
    """The index of each api process, in a folder of its own made below this one; None: in memory. It is built anew at each start."""
